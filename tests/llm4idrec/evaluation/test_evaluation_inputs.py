"""Files of another run, or of none, are refused."""

from __future__ import annotations

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from llm4idrec.errors import InputError
from tests.llm4idrec.arrays import interactions
from tests.llm4idrec.two_tastes import EVALUATION, ITEMS, ORDERS, REFIT, USERS, Files

SMALL = EVALUATION.model_copy(update={"seeds": 2, "selection_seeds": 1})


def test_arms_of_other_data(files: Files) -> None:
    file = files.arms("final-1")
    table = pq.read_table(file)
    pq.write_table(table.set_column(2, "item", pc.add(table["item"], 1)), file)

    with pytest.raises(
        InputError, match=r"final-1\.parquet: a user or item is not the train set's"
    ):
        files.evaluate()


def test_arms_without_relative_rank(files: Files) -> None:
    file = files.arms("selection")
    pq.write_table(pq.read_table(file).drop_columns("relative_rank"), file)

    with pytest.raises(InputError, match="not a table of arms"):
        files.evaluate()


def test_a_replicate_that_is_not_there(files: Files) -> None:
    files.arms("final-1").unlink()

    with pytest.raises(InputError, match=r"final-1\.parquet: not a table of arms"):
        files.evaluate()


def test_order_of_candidates_that_is_not_there(files: Files) -> None:
    message = r"no pairs of 'language_model' with the popularity discount 0\.7; expected pairs"
    with pytest.raises(InputError, match=message):
        files.evaluate(filter=ORDERS)


def test_arm_that_is_not_there(files: Files) -> None:
    with pytest.raises(InputError, match=r"selection\.parquet: no pairs of the arm 'itemknn'"):
        files.evaluate(controls=("random", "itemknn"))


def test_sasrec_may_have_been_left_out(files: Files) -> None:
    out = files.evaluate(SMALL, controls=("sasrec", "sasrec+ease", "random"))
    selection = (out / "selection.json").read_text()
    assert "sasrec" not in selection
    assert "random" in selection


def test_known_interactions_of_other_data(files: Files) -> None:
    interactions([0], [0], (USERS, ITEMS - 1)).write(files.root / "known" / "interactions.parquet")

    with pytest.raises(InputError, match=r"known/interactions\.parquet: 24 users and 23 items"):
        files.evaluate(REFIT)


@pytest.mark.parametrize("name", ["valid.parquet", "test.parquet"])
def test_nothing_held_out(files: Files, name: str) -> None:
    interactions([], [], (USERS, ITEMS)).write(files.heldout / name)

    with pytest.raises(InputError, match=rf"{name}: no user of the train set"):
        files.evaluate()
