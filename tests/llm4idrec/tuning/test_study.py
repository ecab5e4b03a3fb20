"""The search for a filter: real trainings on small data, in processes that are killed."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llm4idrec.config import EvaluationConfig, FilterConfig, TuneConfig
from llm4idrec.config.recommenders import IALSConfig, MFConfig
from llm4idrec.config.section import Section
from llm4idrec.data.candidates import SCHEMA
from llm4idrec.data.interactions import Interactions
from llm4idrec.errors import DivergenceError, InputError
from llm4idrec.tuning.filter_tuning import FilterTuning
from llm4idrec.tuning.study import STORAGE, Study, search_filter, trials_of
from llm4idrec.tuning.trials import Trial

USERS, ITEMS, BLOCK = 40, 30, 15
SETTINGS = MFConfig(
    embedding_size=8, learning_rate=0.05, l2=0.01, batch_size=64, max_epochs=12, evaluate_every=2,
    init_scale=0.1, patience=2,
)  # fmt: skip
REPO = Path(__file__).resolve().parents[3]
SEARCH = TuneConfig(recommenders=("mf",), trials=14, together=3, workers=1, min_votes=(1, 3))


@pytest.fixture
def tuning(tmp_path: Path) -> FilterTuning:
    """Each half of the users likes one half of the items; half of the candidates are of the liked,
    and these come first.

    There is no test set.
    """
    random = np.random.default_rng(5)
    train, valid, rows = [], [], []
    for user in range(USERS):
        liked = random.permutation(BLOCK) + (user % 2) * BLOCK
        train += [(user, item) for item in liked[:6]]
        valid += [(user, item) for item in liked[6:9]]
        other = random.permutation(BLOCK)[:3] + (1 - user % 2) * BLOCK
        proposed = np.concatenate([random.permutation(liked[8:11]), other])
        rows += [
            (user, f"i{item}", item, 1 + rank % 3, 3, -1.0 - rank / 7, rank + 1)
            for rank, item in enumerate(proposed)
        ]
    folder = tmp_path / "generations"
    folder.mkdir()
    columns = zip(*rows, strict=True)
    table = pa.table(dict(zip(SCHEMA.names, columns, strict=True))).cast(SCHEMA)
    pq.write_table(table, folder / "shard-0.parquet")
    for name, pairs in (("train", train), ("valid", valid)):
        user, item = np.array(pairs, np.int32).T
        Interactions(user, item, USERS, ITEMS).write(tmp_path / f"{name}.parquet")
    return FilterTuning(
        train_file=tmp_path / "train.parquet",
        valid_file=tmp_path / "valid.parquet",
        generations=folder,
        recommender="mf",
        settings=SETTINGS,
        evaluation=EvaluationConfig(
            seeds=2, selection_seeds=2, amounts=(0.25, 0.5), cutoffs=(5,), workers=1
        ),
        filter=FilterConfig(min_votes=1, popularity_exponents=(0.0, 1.0), max_ratio=0.5),
        seed=3,
        device="cpu",
    )


def search(tuning: FilterTuning, folder: Path, **changes: Any) -> list[Trial]:
    folder.mkdir(exist_ok=True)
    study = Study("mf", tuning, SEARCH.model_copy(update=changes), folder)
    return trials_of(study.run())


@pytest.fixture
def undisturbed(tuning: FilterTuning, tmp_path: Path) -> list[Trial]:
    return search(tuning, tmp_path / "undisturbed")


@pytest.mark.slow
def test_it_starts_with_nothing_and_the_settings_as_they_are(
    tuning: FilterTuning, undisturbed: list[Trial]
) -> None:
    assert [t.number for t in undisturbed] == list(range(14))
    assert undisturbed[0].choice.amount == 0
    settings = [(t.choice.amount, t.choice.popularity_exponent) for t in undisturbed[1:5]]
    assert settings == [(0.25, 0), (0.25, 1), (0.5, 0), (0.5, 1)]
    assert {(t.choice.min_votes, t.choice.least_probable) for t in undisturbed[:5]} == {(1, 0.0)}
    assert all(len(t.by_seed) == 2 for t in undisturbed[:3])
    assert len({t.choice for t in undisturbed}) == 14


@pytest.mark.slow
def test_neither_workers_nor_a_second_call_shape_the_trials(
    tuning: FilterTuning, undisturbed: list[Trial], tmp_path: Path
) -> None:
    assert search(tuning, tmp_path / "two", workers=2) == undisturbed
    assert search(tuning, tmp_path / "two", workers=2) == undisturbed  # nothing is left to do


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_no_trial_is_lost(
    tuning: FilterTuning,
    undisturbed: list[Trial],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "killed"
    killed: list[int] = []

    def kill() -> None:
        while not killed:
            if reports(folder) > 20 and (children := multiprocessing.active_children()):
                os.kill(children[0].pid or 0, signal.SIGKILL)
                killed.append(1)
            time.sleep(0.01)

    assassin = threading.Thread(target=kill, daemon=True)
    assassin.start()
    trials = search(tuning, folder, workers=2)
    assert killed
    assert "a worker process was killed" in capfd.readouterr().err
    assert trials == undisturbed


@pytest.mark.slow
def test_a_recommender_without_epochs(tuning: FilterTuning, tmp_path: Path) -> None:
    settings = IALSConfig(embedding_size=4, regularization=0.1, alpha=4, iterations=5)
    solved = replace(tuning, recommender="ials", settings=settings)
    one = search(solved, tmp_path / "one", trials=6)
    assert len(one) == 6
    assert all(len(trial.by_seed) == 2 for trial in one if trial.outcome == "complete")
    assert max(np.mean(trial.by_seed) for trial in one[1:]) > np.mean(one[0].by_seed)
    assert search(solved, tmp_path / "two", trials=6, workers=2) == one


SCRIPT = """
import json, sys
from pathlib import Path
from llm4idrec.config import EvaluationConfig, FilterConfig, TuneConfig
from llm4idrec.config.recommenders import MFConfig
from llm4idrec.tuning.filter_tuning import FilterTuning
from llm4idrec.tuning.study import Study
values = json.loads(sys.argv[1])
kinds = {"settings": MFConfig, "evaluation": EvaluationConfig, "filter": FilterConfig}
kinds |= {"train_file": Path, "valid_file": Path, "generations": Path}
for name, kind in kinds.items():
    values[name] = Path(values[name]) if kind is Path else kind(**values[name])
Study("mf", FilterTuning(**values), TuneConfig(**json.loads(sys.argv[2])), Path(sys.argv[3])).run()
"""


@contextmanager
def searching(
    tuning: FilterTuning, folder: Path, cwd: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """The search in a process of its own, which does not outlive the block."""
    values = {
        field.name: value.model_dump(mode="json") if isinstance(value, Section) else value
        for field in fields(tuning)
        for value in [getattr(tuning, field.name)]
    }
    arguments = json.dumps(values, default=str), SEARCH.model_dump_json(), str(folder)
    environment = os.environ | {"PYTHONPATH": str(REPO)}
    command = [sys.executable, "-c", SCRIPT, *arguments]
    with subprocess.Popen(command, cwd=cwd, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("after", [3, 30, 75])
def test_a_killed_search_goes_on_to_the_same_end(
    tuning: FilterTuning, undisturbed: list[Trial], tmp_path: Path, after: int
) -> None:
    folder = tmp_path / "interrupted"
    folder.mkdir()
    with searching(tuning, folder) as process:
        while reports(folder) < after and process.poll() is None:
            time.sleep(0.005)
        process.kill()
    assert search(tuning, folder) == undisturbed


@pytest.mark.slow
def test_machines_that_share_a_database_do_each_trial_once(
    tuning: FilterTuning, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STORAGE, f"sqlite:///{tmp_path}/studies.db")
    with searching(tuning, tmp_path, cwd=tmp_path / "generations") as other:
        here = search(tuning, tmp_path)
        assert other.wait(60) == 0
    trials = search(tuning, tmp_path)
    assert [t.number for t in trials] == list(range(14))
    assert {t.outcome for t in trials} <= {"complete", "pruned"}
    assert len(here) == 14
    assert not (tmp_path / "study.journal").exists()


def test_diverging_trainings_are_failed_trials_and_too_few_others_an_error(
    tuning: FilterTuning, tmp_path: Path
) -> None:
    wild = replace(tuning, settings=SETTINGS.model_copy(update={"learning_rate": 1e30}))
    trials = search(wild, tmp_path / "wild", trials=3)
    assert {t.outcome for t in trials} == {"failed"}
    with pytest.raises(DivergenceError, match="learning_rate"):
        search_filter(wild, SEARCH, tmp_path / "tuned")
    assert not (tmp_path / "tuned").exists()


def test_the_ranges_hold_the_settings_that_the_search_starts_with(
    tuning: FilterTuning, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"`tune.min_votes` is \[2, 4\]; expected a range with 1"):
        search(tuning, tmp_path / "narrow", min_votes=(2, 4))


def reports(folder: Path) -> int:
    """Validations that the journal knows."""
    journal = folder / "study.journal"
    return journal.read_text().count("intermediate_value") if journal.is_file() else 0
