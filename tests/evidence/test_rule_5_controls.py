"""Rule 5: others stand in the tuned language model's place, the same model untuned among them,
through the same filter and merge, each accepted by itself."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from llm4idrec.augmentation.arm_files import proposed_arms
from llm4idrec.augmentation.arms import (
    DRAWN,
    LANGUAGE_MODEL,
    SELECTION,
    final,
    has_ease,
    source_of,
)
from llm4idrec.augmentation.filtering import CandidateFilter
from llm4idrec.augmentation.merging import with_relative_ranks
from llm4idrec.augmentation.replicate_files import source_files
from llm4idrec.config import Config
from llm4idrec.data.interactions import Interactions
from llm4idrec.runtime.files import content_hash
from tests.conftest import REPO
from tests.evidence.augmenting import Flow

SOURCES = {"base_model", "svd", "ease", "itemknn", "sasrec", "popularity", "random", "self"}
COLUMNS = ["user", "item", "popularity_exponent", "relative_rank"]


def arms(flow: Flow, replicate: str) -> pa.Table:
    return pq.read_table(flow.at / "augmented" / "arms" / f"{replicate}.parquet")


def known(flow: Flow, replicate: str) -> Interactions:
    """What a replicate knows."""
    name = "train" if replicate == SELECTION else "known"
    return Interactions.read(flow.at / name / "interactions.parquet")


def test_all_of_them_are_there_by_default() -> None:
    for controls in (
        Config.read(REPO / "params.yaml").controls,
        Config.model_fields["controls"].default,
    ):
        assert {source_of(arm) for arm in controls} == SOURCES | {LANGUAGE_MODEL}
        with_ease = {source_of(arm) for arm in controls if has_ease(arm)}
        assert with_ease == SOURCES - {"ease"} | {LANGUAGE_MODEL}


@pytest.mark.parametrize("replicate", [SELECTION, final(0), final(1)])
def test_each_arm_is_accepted_by_itself_by_the_same_rule(flow: Flow, replicate: str) -> None:
    """As if there were no others: its source's candidates, through one filter, at ranks relative to
    what the replicate knows; and with EASE if it is named so, else without."""
    table, filter = arms(flow, replicate), flow.config.filter
    assert filter.agreement > 0
    for arm in proposed_arms(flow.config.controls):
        files = source_files(flow.at / "replicates" / replicate, source_of(arm))
        its = table.filter(pc.equal(table["arm"], arm)).select(COLUMNS)
        assert bool(files) is (replicate != final(1) or source_of(arm) in DRAWN)
        assert bool(files) is (len(its) > 0)
        if files:
            accepting = CandidateFilter(known(flow, replicate), filter, flow.config.ease)
            proposed = pa.concat_tables(map(pq.read_table, files))
            weight = filter.agreement if has_ease(arm) else 0.0
            accepted, _ = accepting.accept(proposed, agreement=weight)
            assert its.equals(with_relative_ranks(accepted, accepting.known).select(COLUMNS))


def test_what_is_handed_over_is_the_language_models_alone(flow: Flow) -> None:
    """The first of those that the test is for."""
    table = arms(flow, final(0))
    merged = pq.read_table(flow.at / "augmented" / "interactions.parquet")
    generated = merged.filter(pc.equal(merged["origin"], "generated")).select(COLUMNS)
    assert generated.equals(table.filter(pc.equal(table["arm"], LANGUAGE_MODEL)).select(COLUMNS))
    assert len(merged) - len(generated) == len(known(flow, final(0)))


def test_seen_items_fall_whoever_proposes_them(flow: Flow) -> None:
    for file in (flow.at / "augmented" / "arms").iterdir():
        table = pq.read_table(file)
        assert not known(flow, file.stem).contains(table["user"], table["item"]).any()


def test_each_training_has_a_seed_of_its_own(flow: Flow) -> None:
    """So that intervals hold the luck of what generates."""
    assert flow.config.replicates.runs > 1
    for name in ("generations", "controls/base_model.parquet", "controls/random.parquet"):
        places = [
            flow.at / "replicates" / final(run) / name for run in range(flow.config.replicates.runs)
        ]
        assert len({content_hash(place) for place in places}) == len(places)


def test_the_untuned_model_is_asked_for_the_same_users(flow: Flow) -> None:
    files = flow.at / "replicates" / final(0)
    tuned, base = (
        pa.concat_tables(map(pq.read_table, source_files(files, source)))
        for source in (LANGUAGE_MODEL, "base_model")
    )
    assert np.unique(tuned["user"]).tolist() == np.unique(base["user"]).tolist()
    assert not tuned.equals(base)
