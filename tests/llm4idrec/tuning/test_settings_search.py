"""The search for the settings of recommenders: real trainings on small data."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llm4idrec.artifacts import HELDOUT, SETTINGS, TRAIN
from llm4idrec.config import Config, TuneRecommendersConfig
from llm4idrec.config.recommenders import (
    EASEConfig,
    IALSConfig,
    ItemKNNConfig,
    MFConfig,
    RecommenderConfig,
    SVDConfig,
)
from llm4idrec.data.interactions import Interactions
from llm4idrec.errors import DivergenceError, InputError
from llm4idrec.runtime.files import COST, read_json
from llm4idrec.stages.tune_recommenders import STAGE
from llm4idrec.tuning.settings_search import search_settings
from llm4idrec.tuning.settings_tuning import SettingsTuning
from tests.conftest import tiny_values
from tests.llm4idrec.two_tastes import Files

SEARCH = TuneRecommendersConfig(trials=7, together=3, workers=1, seconds=None)
MF = MFConfig(
    embedding_size=8, learning_rate=0.02, l2=0.01, batch_size=64, max_epochs=6, evaluate_every=2,
    init_scale=0.1,
)  # fmt: skip
SECTIONS: dict[str, RecommenderConfig] = {
    "ials": IALSConfig(embedding_size=4, regularization=500, alpha=2),
    "itemknn": ItemKNNConfig(neighbours=3, shrinkage=0),
    "mf": MF,
}


@pytest.fixture
def tunings(files: Files) -> list[SettingsTuning]:
    return [tuning(files, name, section) for name, section in SECTIONS.items()]


def tuning(files: Files, name: str, section: RecommenderConfig) -> SettingsTuning:
    return SettingsTuning(
        train_file=files.inputs().train / "interactions.parquet",
        valid_file=files.heldout / "valid.parquet",
        recommender=name,
        section=section,
        metric="ndcg_at_4",
        cutoff=4,
        seed=3,
        device="cpu",
    )


def search(tunings: list[SettingsTuning], out: Path, **changes: Any) -> dict[str, bytes]:
    """File names and contents."""
    search_settings(tunings, SEARCH.model_copy(update=changes), out)
    return {file.name: file.read_bytes() for file in out.iterdir()}


def trials(written: dict[str, bytes], name: str) -> list[dict[str, Any]]:
    return [t for t in json.loads(written["trials.json"]) if t["recommender"] == name]


@pytest.fixture
def undisturbed(tunings: list[SettingsTuning], tmp_path: Path) -> dict[str, bytes]:
    return search(tunings, tmp_path / "undisturbed")


def test_the_best_trial_is_what_is_written(
    tunings: list[SettingsTuning], undisturbed: dict[str, bytes]
) -> None:
    assert set(undisturbed) == {f"{name}.json" for name in SECTIONS} | {
        "trials.json",
        "summary.json",
    }
    summary = json.loads(undisturbed["summary.json"])
    for its in tunings:
        found = json.loads(undisturbed[f"{its.recommender}.json"])
        tried = trials(undisturbed, its.recommender)
        assert [trial["number"] for trial in tried] == list(range(7))
        best = max(tried, key=lambda trial: trial["value"])
        assert found == {
            "settings": its.section.model_dump() | best["values"],
            "metric": "ndcg_at_4",
            "validation": best["value"],
            "default_validation": tried[0]["value"],
            "trial": best["number"],
            "trials": 7,
            "of": 7,
            "cut": False,
        }
        assert summary[f"{its.recommender}_validation"] == best["value"]
        assert len({json.dumps(trial["values"]) for trial in tried}) == 7
    assert json.loads(undisturbed["ials.json"])["trial"] > 0  # 500 makes all vectors short


def test_the_first_trial_is_the_section_as_it_is(
    tunings: list[SettingsTuning], undisturbed: dict[str, bytes]
) -> None:
    """Also where it lies outside of the space: 500, 0 and vectors of 4 or 8."""
    for its in tunings:
        first = trials(undisturbed, its.recommender)[0]
        section = its.section.model_dump()
        assert first["values"] == {key: section[key] for key in first["values"]}
        assert first["value"] == its.train({}).scores["ndcg_at_4"]


def test_a_trial_is_a_training_with_its_values(
    tunings: list[SettingsTuning], undisturbed: dict[str, bytes]
) -> None:
    mf = tunings[-1]
    last = trials(undisturbed, "mf")[-1]
    training = mf.train(last["values"])
    assert training.scores["ndcg_at_4"] == last["value"]
    assert last["curve"] == [[r.epoch, r.scores["ndcg_at_4"]] for r in training.records]


@pytest.mark.slow
def test_neither_workers_nor_a_second_call_shape_a_byte(
    tunings: list[SettingsTuning], undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    assert search(tunings, tmp_path / "two", workers=2) == undisturbed
    assert search(tunings, tmp_path / "two", workers=2) == undisturbed


@pytest.mark.parametrize("after", [1, 8, 20])
def test_an_interrupted_search_goes_on_to_the_same_bytes(
    tunings: list[SettingsTuning],
    undisturbed: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    after: int,
) -> None:
    trained: Counter[str] = Counter()
    real = SettingsTuning.train

    def train(its: SettingsTuning, values: Any) -> Any:
        if trained.total() == after and "stopped" not in trained:
            trained["stopped"] += 1
            raise KeyboardInterrupt
        trained[f"{its.recommender} {json.dumps(values)}"] += 1
        return real(its, values)

    monkeypatch.setattr(SettingsTuning, "train", train)
    with pytest.raises(KeyboardInterrupt):
        search(tunings, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert search(tunings, tmp_path / "out") == undisturbed
    assert set(trained.values()) == {1}  # nothing is trained twice
    assert trained.total() == 3 * 7 + 1


def test_no_trial_begins_once_the_time_is_up(
    tunings: list[SettingsTuning], tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    """The trials that were proposed together are made, and a later call makes no more."""
    cut = search(tunings, tmp_path / "cut", seconds=1e-9)
    for name in SECTIONS:
        found = json.loads(cut[f"{name}.json"])
        assert (found["trials"], found["of"], found["cut"]) == (3, 7, True)
        assert trials(cut, name) == trials(undisturbed, name)[:3]
    assert json.loads(cut["summary.json"])["mf_cut"] == 1
    assert search(tunings, tmp_path / "cut", seconds=1e-9) == cut


def test_few_settings_are_all_tried_once(files: Files, tmp_path: Path) -> None:
    written = search([tuning(files, "svd", SVDConfig(embedding_size=3))], tmp_path / "out")
    tried = [trial["values"]["embedding_size"] for trial in trials(written, "svd")]
    assert tried == [3, 16, 32, 64, 128, 256]
    found = json.loads(written["svd.json"])
    assert (found["trials"], found["of"], found["cut"]) == (6, 6, False)


def test_a_training_that_fails_is_a_failed_trial(files: Files, tmp_path: Path) -> None:
    wild = tuning(files, "mf", MF.model_copy(update={"learning_rate": 1e30}))
    written = search([wild], tmp_path / "out")
    tried = trials(written, "mf")
    assert tried[0]["value"] is None
    assert "learning_rate" in tried[0]["error"]
    found = json.loads(written["mf.json"])
    assert found["default_validation"] is None
    assert found["settings"]["learning_rate"] < 1e30
    assert "mf_default_validation" not in json.loads(written["summary.json"])


def test_what_cannot_be_solved_is_a_failed_trial(files: Files, tmp_path: Path) -> None:
    written = search([tuning(files, "ease", EASEConfig(l2=1e-30))], tmp_path / "out")
    tried = trials(written, "ease")
    assert "too small" in tried[0]["error"]
    assert json.loads(written["ease.json"])["validation"] == max(t["value"] or 0 for t in tried)


def test_trainings_that_all_fail_are_an_error(files: Files, tmp_path: Path) -> None:
    wild = tuning(files, "mf", MF.model_copy(update={"init_scale": 1e30}))
    for _ in range(2):
        with pytest.raises(DivergenceError, match="may help"):
            search([wild], tmp_path / "out")
        assert not (tmp_path / "out").exists()


def test_other_data_begin_anew(tunings: list[SettingsTuning], tmp_path: Path) -> None:
    before = search(tunings[:1], tmp_path / "out")
    train = Interactions.read(tunings[0].train_file)
    other = replace(tunings[0], train_file=tmp_path / "other.parquet")
    Interactions(train.user[1:], train.item[1:], train.n_users, train.n_items).write(
        other.train_file
    )
    assert search([other], tmp_path / "out") != before


def config(**changes: Any) -> Config:
    values = tiny_values(tune_recommenders={"trials": 2, "workers": 1})
    values["tune_recommenders"]["names"] = ["sasrec", "ease", "svd", "mf", "popularity"]
    return Config.parse(values | changes)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"recommenders": ["mf"], "controls": []}, ("mf",)),
        ({"recommenders": ["ials"], "controls": ["svd+ease", "random"]}, ("ease", "svd")),
        ({"recommenders": ["popularity"], "controls": ["sasrec"]}, ("sasrec", "popularity")),
        ({"recommenders": ["ials"], "controls": ["self", "base_model"]}, ()),
    ],
)
def test_those_are_searched_that_are_named_and_used(
    changes: dict[str, Any], names: tuple[str, ...]
) -> None:
    assert config(**changes).searched_recommenders == names


def test_the_stage(files: Files, tmp_path: Path) -> None:
    """SASRec, a control alone, is left out where there is no time."""
    inputs = files.inputs()
    at = {TRAIN: inputs.train, HELDOUT: inputs.heldout, SETTINGS: tmp_path / "settings"}
    given = config(recommenders=["popularity"], controls=["sasrec", "svd+ease"])
    STAGE.run(at, given)
    written = {file.name for file in at[SETTINGS].iterdir()}
    names = {"ease", "svd", "popularity"}
    assert written == {f"{n}.json" for n in (*names, "trials", "summary")} | {COST}
    found = given.with_settings(at[SETTINGS])
    for name in names:
        settings = read_json(at[SETTINGS] / f"{name}.json")["settings"]
        assert found.settings(name).model_dump() == settings
    assert found.sasrec == given.sasrec


def test_no_folder_of_settings_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such folder; run the stage `tune_recommenders`"):
        config().with_settings(tmp_path / "settings")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "\xff",
        '{"settings": 1}',
        '{"settings": {"l2": 0}}',
        '{"settings": {"k": 1}}',
    ],
)
def test_a_file_that_is_not_of_the_stage_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "ease.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=r"ease\.json: there are no settings .* run it again"):
        config().with_settings(tmp_path)
