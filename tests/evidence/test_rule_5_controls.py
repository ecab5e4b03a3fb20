"""Rule 5: random, popularity, ItemKNN, EASE and SASRec items stand in the language model's place,
at equal volume, through the same filter and merge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from llm4idrec.augmentation.choice import Augmentation
from llm4idrec.augmentation.filtering import CandidateFilter
from llm4idrec.augmentation.merging import merge_controls
from llm4idrec.config import Config
from llm4idrec.data.candidates import read_generations
from llm4idrec.data.interactions import Interactions
from llm4idrec.evaluation.experiment import Fit
from llm4idrec.runtime.files import read_json
from tests.conftest import REPO
from tests.evidence.augmenting import Flow
from tests.llm4idrec.two_tastes import CONTROLS, stand_ins, write_files

NAMED = {"random", "popularity", "itemknn", "ease", "sasrec"}


def volume(table: pa.Table, exponent: float, n_users: int) -> npt.NDArray[Any]:
    """Items of each user in one order of candidates."""
    rows = table.filter(pc.equal(table["popularity_exponent"], exponent))
    return np.bincount(rows["user"].to_numpy(), minlength=n_users)


def test_all_of_them_are_fitted_by_default() -> None:
    assert set(Config.read(REPO / "params.yaml").controls) >= NAMED
    assert set(Config.model_fields["controls"].default) >= NAMED


@pytest.mark.parametrize("name", sorted(NAMED))
@pytest.mark.parametrize("exponent", [0.0, 1.0])
def test_a_control_adds_as_many_items_for_every_user(
    flow: Flow, name: str, exponent: float
) -> None:
    """Each proposes as many candidates; the model's have to pass a threshold of votes."""
    n_users = Interactions.read(flow.at / "train" / "interactions.parquet").n_users
    table = pq.read_table(flow.at / "augmented" / "interactions.parquet")
    generated = table.filter(pc.equal(table["origin"], "generated"))
    controls = pq.read_table(flow.at / "augmented" / "controls.parquet")
    own = volume(generated, exponent, n_users)
    its = volume(controls.filter(pc.equal(controls["control"], name)), exponent, n_users)
    assert its.tolist() == own.tolist()
    assert own.min() > 0
    assert len(set(own)) > 2


def test_the_same_candidates_are_filtered_and_merged_alike(flow: Flow) -> None:
    """A control that proposed what the language model did would be added in the same order."""
    train = Interactions.read(flow.at / "train" / "interactions.parquet")
    generations = read_generations(flow.at / "generations")
    accepting = CandidateFilter(train, flow.config.filter, flow.config.ease)
    accepted, theirs, _ = accepting.accept_all(generations, {"twin": generations})
    controlled = theirs["twin"].add_column(0, "control", pa.repeat("twin", len(theirs["twin"])))
    own = pq.read_table(flow.at / "augmented" / "interactions.parquet")
    own = own.filter(pc.equal(own["origin"], "generated"))
    columns = ["user", "item", "popularity_exponent", "relative_rank"]
    assert merge_controls(train, controlled).select(columns).equals(own.select(columns))
    assert len(accepted) == len(own)


def test_seen_items_fall_whoever_proposes_them(flow: Flow) -> None:
    train = Interactions.read(flow.at / "train" / "interactions.parquet")
    controls = pq.read_table(flow.at / "augmented" / "controls.parquet")
    assert not train.contains(controls["user"], controls["item"]).any()


def test_controls_are_trained_on_what_was_chosen_for_the_language_model(tmp_path: Path) -> None:
    """`ease` has the language model's own pairs, and so its figures, to the bit; the recommender's
    own best items, `self`, are as many, and none where the language model has none."""
    files = write_files(tmp_path)
    table = pq.read_table(files.interactions)
    original = pc.equal(table["origin"], "original")
    table = table.filter(pc.or_(original, pc.greater_equal(table["user"], 3)))
    pq.write_table(table, files.interactions)
    pq.write_table(stand_ins(table), files.augmented / "controls.parquet")
    out = files.evaluate(controls=CONTROLS)
    summary = read_json(out / "summary.json")
    chosen = Augmentation(summary["chosen_amount"], summary["chosen_popularity_exponent"])
    assert chosen.amount > 0
    for control in CONTROLS:
        assert summary[f"{control}_generated_pairs"] == summary["generated_pairs"] > 0
    per_user = pq.read_table(out / "per_user.parquet").to_pandas()
    own, same = (per_user[per_user["variant"] == v].iloc[:, 1:] for v in ("augmented", "ease"))
    assert own.reset_index(drop=True).equals(same.reset_index(drop=True))
    series = set(pq.read_table(out / "history.parquet")["series"].to_pylist())
    assert {name for name in series if not name.startswith("amount")} == {
        str(Fit(chosen, seed, control)) for control in CONTROLS for seed in range(3)
    }
