import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from llm4idrec.augmentation.controls import (
    Controls,
    control_sources,
    fit_sasrec,
    recommender_candidates,
)
from llm4idrec.config import Config
from llm4idrec.config.recommenders import EASEConfig, PopularityConfig, SASRecConfig
from llm4idrec.data.candidates import SCHEMA, read_generations
from llm4idrec.data.interactions import Interactions
from llm4idrec.data.protocol import write_protocol
from llm4idrec.generation.generator import Generation, generate_candidates
from llm4idrec.recommenders.item_based.ease import EASE
from llm4idrec.recommenders.item_based.popularity import Popularity
from llm4idrec.runtime.files import content_hash, read_json
from tests.conftest import tiny_values
from tests.llm4idrec.arrays import interactions
from tests.llm4idrec.conftest import GENERATION, LISTS, Tuned

SASREC = SASRecConfig(
    embedding_size=16, max_epochs=30, evaluate_every=5, patience=2, dropout=0.0, learning_rate=1e-2
)
N_ITEMS = 12


def config(controls: tuple[str, ...], items: int) -> Config:
    """With as many items a user."""
    tiny = Config.parse(tiny_values(generation={"items": items}))
    changes = {
        "controls": controls,
        "ease": EASEConfig(l2=1),
        "sasrec": SASREC,
        "seed": 0,
    }
    return tiny.model_copy(update=changes)


def cycle(n_users: int = 24, length: int = 7, timed: bool = True) -> Interactions:
    """User u takes items u, u + 1, u + 2... of a circle of twelve; a last user takes none."""
    user = np.repeat(np.arange(n_users), length)
    step = np.tile(np.arange(length), n_users)
    return interactions(
        user, (user + step) % N_ITEMS, (n_users + 1, N_ITEMS), timestamp=step if timed else None
    )


def items_of(table: pa.Table, user: int) -> list[int]:
    return [row["item"] for row in table.to_pylist() if row["user"] == user]


def controls(root: Path, train: Interactions, asked: Config) -> Controls:
    """Of `train`, in files below `root`; there is no base model."""
    train.write(root / "known" / "interactions.parquet")
    write_protocol(root / "known", "random")
    (root / "base").mkdir(exist_ok=True)
    return Controls(root / "known", root / "base", asked)


def random_candidates(train: Interactions, n: int, seed: int) -> pa.Table:
    """What the control `random` proposes."""
    with TemporaryDirectory() as folder:
        asked = config(("random",), n).model_copy(update={"seed": seed})
        out = Path(folder) / "controls"
        controls(Path(folder), train, asked).write(out)
        return pq.read_table(out / "random.parquet")


def test_the_most_popular_unseen_items_by_hand() -> None:
    train = interactions([0, 1, 1, 2, 2], [3, 3, 1, 1, 0], (4, 5))
    popularity = Popularity(PopularityConfig())
    popularity.learn(train)
    table = recommender_candidates(popularity, train, 2)
    assert table.schema == SCHEMA
    nothing = {"votes": None, "mentions": None, "mean_log_probability": None}
    assert table.to_pylist()[:2] == [
        {"user": 0, "text": "i1", "item": 1, "rank": 1, **nothing},
        {"user": 0, "text": "i0", "item": 0, "rank": 2, **nothing},
    ]
    assert table["user"].to_pylist() == [0, 0, 1, 1, 2, 2]


def test_a_user_with_few_unseen_items_gets_those() -> None:
    train = interactions([0, 0, 1], [0, 1, 2], (2, 3))
    table = random_candidates(train, 5, seed=0)
    assert table["user"].to_pylist() == [0, 1, 1]
    assert (items_of(table, 0), sorted(items_of(table, 1))) == ([2], [0, 1])


@settings(max_examples=20)
@given(st.integers(0, 2**31 - 1), st.integers(1, 20))
def test_random_items_are_unseen_distinct_and_follow_the_seed(seed: int, n: int) -> None:
    train = cycle()
    table = random_candidates(train, n, seed)
    assert not train.contains(table["user"], table["item"]).any()
    pairs = table["user"].to_numpy() * N_ITEMS + table["item"].to_numpy()
    assert len(np.unique(pairs)) == len(pairs) == 24 * min(n, 5)
    assert table.equals(random_candidates(train, n, seed))


def test_random_items_are_uniform() -> None:
    train = interactions(np.arange(6000), np.zeros(6000), (6000, 5))
    first = random_candidates(train, 1, seed=3)
    counts = np.bincount(first["item"].to_numpy(), minlength=5)
    assert counts[0] == 0
    assert np.abs(counts[1:] - 1500).max() < 4 * np.sqrt(6000 * 0.25 * 0.75)


def test_sasrec_learns_what_comes_next_and_chooses_its_epochs_on_train() -> None:
    train = cycle()
    recommender, epochs = fit_sasrec(train, SASREC, seed=0, device="cpu")
    assert epochs in range(5, 31, 5)
    table = recommender_candidates(recommender, train, 1)
    following = (np.arange(24) + 7) % N_ITEMS
    assert np.mean(table["item"].to_numpy() == following) > 0.9


def test_every_source_is_written_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arms: tuple[str, ...] = ("language_model+ease", "random", "random+ease", "popularity")
    arms += ("itemknn+ease", "ease", "svd", "sasrec", "self", "self+ease")
    names = ["random", "popularity", "itemknn", "ease", "svd", "sasrec"]
    assert control_sources(arms) == tuple(names)
    out = tmp_path / "controls"
    controls(tmp_path, cycle(), config(arms, 3)).write(out)
    files = {file.stem: pq.read_table(file) for file in out.glob("*.parquet")}
    assert sorted(files) == sorted(names)
    for table in files.values():
        assert table.schema == SCHEMA
        assert table["user"].to_pylist() == [user for user in range(24) for _ in range(3)]
        assert table["rank"].to_pylist() == [1, 2, 3] * 24
        assert not cycle().contains(table["user"], table["item"]).any()
    summary = read_json(out / "summary.json")
    assert summary["ease_candidates"] == 72
    assert summary["random_items"] == N_ITEMS
    assert summary["sasrec_epochs"] in range(5, 31, 5)
    assert capsys.readouterr().err.splitlines() == [f"control {name}" for name in names]


def test_epochs_that_are_given_are_not_chosen_again(tmp_path: Path) -> None:
    chosen = controls(tmp_path, cycle(), config(("sasrec",), 3))
    chosen.write(tmp_path / "chosen")
    epochs = read_json(tmp_path / "chosen" / "summary.json")["sasrec_epochs"]
    for name, number in (("same", epochs), ("fewer", 1)):
        replace(chosen, epochs=number).write(tmp_path / name)
    first, same, fewer = (
        (tmp_path / name / "sasrec.parquet").read_bytes() for name in ("chosen", "same", "fewer")
    )
    assert first == same != fewer


def test_what_was_made_before_a_kill_is_not_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, out = config(("random", "sasrec", "ease"), 3), tmp_path / "controls"
    controls(tmp_path, cycle(), asked).write(tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(EASE, "learn", lambda *_: None)  # so that it cannot rank
        with pytest.raises(AttributeError):
            controls(tmp_path, cycle(), asked).write(out)
    capsys.readouterr()
    controls(tmp_path, cycle(), asked).write(out)
    assert capsys.readouterr().err == "control ease\n"
    assert content_hash(out) == content_hash(tmp_path / "whole")


def test_the_base_model_is_asked_as_the_tuned_one_is(tuned: Tuned, tmp_path: Path) -> None:
    """With an adapter that changes nothing they propose the same."""
    adapter = tmp_path / "adapter"
    shutil.copytree(tuned.adapter, adapter)
    weights = load_file(adapter / "adapter_model.safetensors")
    nothing = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    save_file(nothing, adapter / "adapter_model.safetensors")
    known = tmp_path / "known" / "interactions.parquet"
    known.parent.mkdir()
    shutil.copy(tuned.train, known)
    asked = config(("base_model",), 5).model_copy(
        update={"generation": GENERATION, "lists": LISTS.model_copy(update={"order": "shuffled"})}
    )
    Controls(known.parent, tuned.base_model, asked).write(tmp_path / "controls")
    table = pq.read_table(tmp_path / "controls" / "base_model.parquet")
    for folder, same in ((adapter, True), (tuned.adapter, False)):
        generation = Generation(
            known, tuned.base_model, folder,
            config=asked.generation, lists=asked.lists, seed=asked.seed, device="cpu",
        )  # fmt: skip
        generate_candidates(generation, tmp_path / "generations", threads=1)
        assert read_generations(tmp_path / "generations").equals(table) is same


@pytest.mark.parametrize(
    ("train", "reason"),
    [
        (cycle(timed=False), "the interactions have no time"),
        (cycle(length=1), "no user has two interactions"),
    ],
)
def test_sasrec_is_left_out_where_there_is_no_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], train: Interactions, reason: str
) -> None:
    out = tmp_path / "controls"
    controls(tmp_path, train, config(("sasrec", "ease"), 3)).write(out)
    assert [file.name for file in out.glob("*.parquet")] == ["ease.parquet"]
    assert "sasrec_epochs" not in read_json(out / "summary.json")
    assert capsys.readouterr().err.splitlines()[0] == f"control sasrec: left out, {reason}"


def test_ease_is_left_out_where_the_catalogue_is_too_large(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train, out = interactions([0, 0, 1], [0, 20_000, 2], (2, 20_001)), tmp_path / "controls"
    controls(tmp_path, train, config(("ease", "popularity"), 1)).write(out)
    assert [file.name for file in out.glob("*.parquet")] == ["popularity.parquet"]
    reason = "20001 items are more than 20000"
    assert capsys.readouterr().err.splitlines()[0] == f"control ease: left out, {reason}"


def test_no_control_is_no_fault(tmp_path: Path) -> None:
    controls(tmp_path, cycle(), config(("language_model+ease", "self"), 3)).write(tmp_path / "out")
    assert read_json(tmp_path / "out" / "summary.json") == {}
