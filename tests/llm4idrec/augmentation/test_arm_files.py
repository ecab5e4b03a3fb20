from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from llm4idrec.augmentation import filter_files
from llm4idrec.augmentation.arm_files import proposed_arms, write_arms
from llm4idrec.augmentation.arms import has_ease, source_of
from llm4idrec.augmentation.candidate_files import CandidateFiles
from llm4idrec.augmentation.filtering import PROPOSED, CandidateFilter
from llm4idrec.augmentation.merging import ARMS, with_relative_ranks
from llm4idrec.config import FilterConfig
from llm4idrec.config.recommenders import EASEConfig
from llm4idrec.data.candidates import SCHEMA
from llm4idrec.data.interactions import Interactions
from llm4idrec.recommenders.item_based.ease import EASE
from llm4idrec.runtime.files import content_hash
from tests.llm4idrec.arrays import interactions

N_USERS, N_ITEMS = 40, 12
CONFIG = FilterConfig(min_votes=1, agreement=2, popularity_exponents=(0, 1), max_ratio=1)
EASE_SETTINGS = EASEConfig(l2=1)
CONTROLS = ("language_model+ease", "random", "random+ease", "sasrec", "self", "self+ease")


def known(seed: int = 0) -> CandidateFilter:
    """Four items of each user."""
    draw = np.random.default_rng(seed)
    item = np.concatenate([draw.choice(N_ITEMS, 4, replace=False) for _ in range(N_USERS)])
    pairs = interactions(np.repeat(np.arange(N_USERS), 4), item, (N_USERS, N_ITEMS))
    return CandidateFilter(pairs, CONFIG, EASE_SETTINGS)


def proposals(seed: int) -> pa.Table:
    """All items for each user, in an order that is drawn."""
    draw = np.random.default_rng(seed)
    item = np.concatenate([draw.permutation(N_ITEMS) for _ in range(N_USERS)])
    count = np.ones(len(item), np.int32)
    columns = {
        "user": np.repeat(np.arange(N_USERS), N_ITEMS),
        "text": [f"i{number}" for number in item],
        "item": item,
        "votes": count,
        "mentions": count,
        "mean_log_probability": -count,
        "rank": np.tile(np.arange(1, N_ITEMS + 1), N_USERS),
    }
    return pa.table(columns).cast(SCHEMA)


@pytest.fixture
def replicates(tmp_path: Path) -> list[Path]:
    """Two, the second of which has no SASRec, and none other files than these."""
    folders = [tmp_path / name for name in ("final-0", "final-1")]
    for number, folder in enumerate(folders):
        (folder / "generations").mkdir(parents=True)
        (folder / "controls").mkdir()
        pq.write_table(proposals(number), folder / "generations" / "shard-00000.parquet")
        pq.write_table(proposals(10 + number), folder / "controls" / "random.parquet")
    pq.write_table(proposals(20), folders[0] / "controls" / "sasrec.parquet")
    return folders


def write(replicates: list[Path], out: Path, controls: tuple[str, ...] = CONTROLS) -> Path:
    out.mkdir()
    write_arms(replicates, proposed_arms(controls), known(), folder=out, memory=9)
    return out


def test_each_arm_holds_what_is_accepted_of_its_source(
    replicates: list[Path], tmp_path: Path
) -> None:
    out = write(replicates, tmp_path / "arms")
    arms = ["language_model", *CONTROLS[:4]]
    seeds = {"language_model": (0, 1), "random": (10, 11), "sasrec": (20, None)}
    for run, replicate in enumerate(replicates):
        table = pq.read_table(out / f"{replicate.name}.parquet")
        assert table.schema == ARMS
        there = [arm for arm in arms if seeds[source_of(arm)][run] is not None]
        assert list(dict.fromkeys(table["arm"].to_pylist())) == there
        for arm in there:
            accepting = known()
            seed = seeds[source_of(arm)][run]
            assert seed is not None
            expected, _ = accepting.accept(proposals(seed), agreement=2 if has_ease(arm) else 0)
            its = table.filter(pc.equal(table["arm"], arm)).drop_columns("arm")
            names = ARMS.names[1:]
            assert its.equals(with_relative_ranks(expected, accepting.known).select(names))


def test_the_bytes_do_not_tell_how_many_users_were_filtered_at_a_time(
    replicates: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = write(replicates, tmp_path / "whole")
    monkeypatch.setattr(filter_files, "rows_at_a_time", lambda *_, **__: 100)
    assert content_hash(write(replicates, tmp_path / "parts")) == content_hash(whole)


def test_one_model_agrees_with_all_arms_and_none_is_fitted_without(
    replicates: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = []
    learn = EASE.learn

    def counted(model: EASE, train: Interactions) -> None:
        fitted.append(1)
        learn(model, train)

    monkeypatch.setattr(EASE, "learn", counted)
    write(replicates, tmp_path / "arms")
    assert len(fitted) == 1
    write(replicates, tmp_path / "without", ("random", "sasrec", "self+ease"))
    assert len(fitted) == 1


def test_where_nothing_is_accepted_there_is_an_empty_table(
    replicates: list[Path], tmp_path: Path
) -> None:
    accepting = CandidateFilter(known().known, CONFIG.model_copy(update={"min_votes": 2}))
    (tmp_path / "arms").mkdir()
    write_arms(replicates, ["language_model"], accepting, folder=tmp_path / "arms", memory=9)
    table = pq.read_table(tmp_path / "arms" / "final-0.parquet")
    assert (len(table), table.schema) == (0, ARMS)
    files = CandidateFiles([replicates[0] / "generations" / "shard-00000.parquet"], PROPOSED)
    counts = filter_files.filter_files(files, accepting, folder=tmp_path, memory=9)
    assert counts["few_votes"] == N_USERS * (N_ITEMS - 4)
    assert len(pq.read_table(tmp_path / "candidates.parquet")) == 0
