"""The stage `replicate`, on a tiny flow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from llm4idrec.artifacts import CONTROLS, REPLICATES, Files
from llm4idrec.augmentation.replication import drawn, run_seed
from llm4idrec.config import Config
from llm4idrec.data.interactions import Interactions
from llm4idrec.flow import run_stage
from llm4idrec.runtime.files import content_hash, read_json
from llm4idrec.stages import STAGES
from llm4idrec.stages import replicate as stage
from llm4idrec.stages.controls import make_controls
from tests.conftest import REPO, tiny_params, tiny_ratings
from tests.evidence.augmenting import Flow, inside

ARMS = ["language_model+ease", "base_model", "ease", "sasrec+ease", "random", "self"]
SMALL: dict[str, Mapping[str, object]] = {
    "sasrec": {"embedding_size": 4, "max_epochs": 2, "evaluate_every": 1},
    "replicates": {"runs": 3},
}
OUT = Path("artifacts")
LINE = (
    *("prepare", "tune_recommenders", "base_model", "prompts", "adapter", "generate"),
    *("controls", "replicate"),
)


def made(config: Config) -> None:
    for name in LINE:
        run_stage(STAGES[name], config, OUT)


def parameters(**changes: Mapping[str, object]) -> Config:
    return tiny_params(**SMALL | changes).model_copy(update={"controls": tuple(ARMS)})


@pytest.fixture(scope="module")
def flow(tmp_path_factory: pytest.TempPathFactory) -> Flow:
    """Up to the replicates, in a working directory of its own."""
    at = tmp_path_factory.mktemp("flow")
    with inside(at):
        Path("ratings.csv").write_text(tiny_ratings())
        config = parameters()
        made(config)
    return Flow(config, at / OUT)


def replicates(flow: Flow) -> Path:
    return flow.at / "replicates"


def known_pairs(flow: Flow, name: str) -> Interactions:
    return Interactions.read(flow.at / name / "interactions.parquet")


def test_what_there_is(flow: Flow) -> None:
    folders = sorted(folder.name for folder in replicates(flow).iterdir() if folder.is_dir())
    assert folders == ["final-0", "final-1", "final-2", "selection"]
    every = ["base_model", "ease", "random", "sasrec"]
    for name in folders:
        controls = sorted(file.stem for file in (replicates(flow) / name / "controls").iterdir())
        sources = every if name in ("selection", "final-0") else ["base_model", "random", "sasrec"]
        assert controls == sources
        shards = sorted(file.name for file in (replicates(flow) / name / "generations").iterdir())
        assert shards == [f"shard-{number:05d}.parquet" for number in range(3)]
    assert not (flow.at / ".replicates.resumable").exists()


def test_the_first_is_what_is_handed_over(flow: Flow) -> None:
    for name in ("generations", "controls"):
        for file in (replicates(flow) / "final-0" / name).iterdir():
            assert file.read_bytes() == (flow.at / name / file.name).read_bytes()


def test_what_is_known_is_never_proposed(flow: Flow) -> None:
    """By the final ones, what validation holds too; by the one that chooses, some of that is."""
    train, known = (known_pairs(flow, name) for name in ("train", "known"))
    assert len(known) > len(train)
    for folder in (f for f in replicates(flow).iterdir() if f.is_dir()):
        for file in folder.rglob("*.parquet"):
            table = pq.read_table(file)
            pairs = table["user"], table["item"]
            assert not train.contains(*pairs).any()
            assert bool(known.contains(*pairs).any()) is (folder.name == "selection")


def test_each_training_draws_anew(flow: Flow) -> None:
    for name in ("generations", "controls/base_model.parquet", "controls/random.parquet"):
        folders = [replicates(flow) / f"final-{run}" for run in range(3)]
        assert len({content_hash(folder / name) for folder in folders}) == 3


def test_seeds_differ_and_follow_the_seed() -> None:
    seeds = [run_seed(seed, run) for seed in (0, 1, 2026) for run in range(50)]
    assert len(set(seeds)) == len(seeds)
    assert [run_seed(seed, 0) for seed in (0, 1, 2026)] == [0, 1, 2026]
    assert max(seeds) < 2**31


def test_only_what_is_drawn_is_made_again() -> None:
    assert drawn(ARMS) == ("language_model+ease", "base_model", "sasrec+ease", "random", "self")


@pytest.mark.slow
def test_neither_workers_nor_a_kill_shape_a_byte(
    flow: Flow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Two workers, the first of which is killed in the middle of a training."""
    monkeypatch.chdir(flow.at.parent)
    monkeypatch.setenv("KILL_AT", f"--multiprocessing-fork|shard-00001|1|after|{tmp_path}/mark")
    monkeypatch.setenv("PYTHONPATH", f"{Path(__file__).parents[2] / 'kill'}:{REPO}")
    several = flow.config.replicates.model_copy(update={"workers": 2})
    config = flow.config.model_copy(update={"replicates": several})
    files = stage.STAGE.files(config, flow.at) | {REPLICATES: tmp_path / "again"}
    stage.replicate(files, config)
    assert (tmp_path / "mark").exists()
    assert content_hash(tmp_path / "again") == content_hash(replicates(flow))
    said = capfd.readouterr().err
    assert "a worker process was killed; another takes its task" in said
    assert "generate" not in said  # no bar but one
    assert "replicate: 100%" in said


def test_a_stop_between_two_is_gone_on_from(
    flow: Flow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(flow.at.parent)
    files = stage.STAGE.files(flow.config, flow.at) | {REPLICATES: tmp_path / "again"}
    done: list[str] = []

    def stopped(given: Files, config: Config, epochs: int | None = None) -> None:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append("controls")
        real(given, config, epochs)

    real = make_controls
    with monkeypatch.context() as patch:
        patch.setattr(stage, "make_controls", stopped)
        patch.setattr(stage, "controls", stopped)
        with pytest.raises(KeyboardInterrupt):
            stage.replicate(files, flow.config)
    work = tmp_path / ".again.resumable"
    assert sorted(f.name for f in (work / "selection").iterdir()) == ["controls", "generations"]
    stage.replicate(files, flow.config)
    assert content_hash(tmp_path / "again") == content_hash(replicates(flow))


def test_the_epochs_of_sasrec_are_chosen_once_for_all_final_ones(
    flow: Flow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And never those of the one that chooses by what another knew."""
    monkeypatch.chdir(flow.at.parent)
    given: dict[str, int | None] = {}
    real = make_controls

    def watched(files: Files, config: Config, epochs: int | None = None) -> None:
        given[files[CONTROLS].parent.name] = epochs
        real(files, config, epochs)

    monkeypatch.setattr(stage, "make_controls", watched)
    monkeypatch.setattr(stage, "controls", watched)
    files = stage.STAGE.files(flow.config, flow.at) | {REPLICATES: tmp_path / "again"}
    stage.replicate(files, flow.config)
    chosen = read_json(flow.at / "controls" / "summary.json")["sasrec_epochs"]
    assert given == {"selection": None, "final-1": chosen, "final-2": chosen}


def test_without_a_refit_the_one_that_chooses_is_the_first(
    workplace: Callable[..., Config],
) -> None:
    workplace()
    config = parameters(evaluation={"refit": False}, replicates={"runs": 2})
    made(config)
    assert content_hash(OUT / "known") == content_hash(OUT / "train")
    folder = OUT / "replicates"
    assert content_hash(folder / "selection") == content_hash(folder / "final-0")
    assert content_hash(folder / "final-1") != content_hash(folder / "final-0")
