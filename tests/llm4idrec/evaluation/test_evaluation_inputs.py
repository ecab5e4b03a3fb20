"""Files of another run, or of none, are refused."""

from __future__ import annotations

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from llm4idrec.errors import InputError
from tests.llm4idrec.arrays import interactions
from tests.llm4idrec.two_tastes import (
    EVALUATION,
    ITEMS,
    ORDERS,
    USERS,
    Files,
)


def test_augmented_file_of_other_train(files: Files) -> None:
    pq.write_table(pq.read_table(files.interactions).slice(1), files.interactions)

    with pytest.raises(
        InputError, match=r"interactions\.parquet: its original rows are not the train"
    ):
        files.evaluate()


def test_augmented_file_without_relative_rank(files: Files) -> None:
    pq.write_table(
        pq.read_table(files.interactions).drop_columns("relative_rank"), files.interactions
    )

    with pytest.raises(InputError, match="not an augmented table"):
        files.evaluate()


def test_order_of_candidates_that_is_not_there(files: Files) -> None:
    message = r"interactions\.parquet: no pairs with the popularity discount 0\.7; expected pairs"
    with pytest.raises(InputError, match=message):
        files.evaluate(filter=ORDERS)


def test_control_that_is_not_there(files: Files) -> None:
    with pytest.raises(InputError, match=r"controls\.parquet: no pairs of the control 'itemknn'"):
        files.evaluate(controls=("random", "itemknn"))


def test_sasrec_may_have_been_left_out(files: Files) -> None:
    small = EVALUATION.model_copy(update={"seeds": 2, "selection_seeds": 1})
    out = files.evaluate(small, controls=("sasrec", "random"))
    variants = set(pq.read_table(out / "per_user.parquet")["variant"].to_pylist())
    assert variants == {"original", "augmented", "random"}


def test_controls_of_another_train(files: Files) -> None:
    file = files.augmented / "controls.parquet"
    table = pq.read_table(file)
    pq.write_table(table.set_column(2, "item", pc.add(table["item"], 1)), file)

    with pytest.raises(InputError, match="a user or item is not the train set's"):
        files.evaluate(controls=("random",))


def test_no_file_of_controls(files: Files) -> None:
    (files.augmented / "controls.parquet").unlink()

    with pytest.raises(InputError, match="not a table of controls"):
        files.evaluate(controls=("random",))


@pytest.mark.parametrize("name", ["valid.parquet", "test.parquet"])
def test_nothing_held_out(files: Files, name: str) -> None:
    interactions([], [], (USERS, ITEMS)).write(files.heldout / name)

    with pytest.raises(InputError, match=rf"{name}: no user of the train set"):
        files.evaluate()
