"""Frames of any kind go in, and come out as the same kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from llm4idrec.api.frames import arrow_table, arrow_values, like, settled
from llm4idrec.errors import InputError

TEXTS = ("str", "object", "category")


class Stream:
    """What only has the interface, and can be read once."""

    def __init__(self, table: pa.Table) -> None:
        self._tables = [table]

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._tables.pop().__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize(
    "dtype", ["int64", "int32", "uint16", "Int64", "str", "object", "category"]
)
def test_a_pandas_column_comes_back_as_it_was(dtype: str) -> None:
    values: list[Any] = ["a", "b", "a"] if dtype in ("str", "object", "category") else [3, 1, 3]
    frame = pd.DataFrame({"x": pd.Series(values, dtype=dtype), "other": [object()] * 3})
    back = like(frame[:0], arrow_table(frame, ["x"]).append_column("rank", [[1, 2, 3]]))
    assert back["x"].dtype == frame["x"].dtype
    assert back["x"].tolist() == values
    assert back.columns.tolist() == ["x", "rank"]


def test_polars_categories_are_plain_texts_for_parquet() -> None:
    views = pa.array(["a", "b"]).cast(pa.string_view())
    column = pa.chunked_array(
        [pa.DictionaryArray.from_arrays(pa.array([1, 0], pa.uint32()), views)]
    )
    made = arrow_table(pa.table({"x": column}), ["x"])
    assert made["x"].type.value_type == pa.string()
    assert made["x"].to_pylist() == ["b", "a"]


def test_what_can_be_read_once_is_read_once() -> None:
    frame = settled(Stream(pa.table({"x": [1, 2], "y": [3, 4]})))
    for name in ("x", "y"):
        assert arrow_table(frame, [name]).column_names == [name]
    assert isinstance(like(frame[:0], pa.table({"x": [1]})), pa.Table)


def test_no_frame() -> None:
    with pytest.raises(InputError, match="the interactions are list; expected a pandas or polars"):
        settled([1, 2])


def test_columns_that_are_not_there_once() -> None:
    with pytest.raises(InputError, match=r"column 'z' is not there in the frame; .*'x', 'y'"):
        arrow_table(pa.table({"x": [1], "y": [2]}), ["z"])
    twice = pd.DataFrame([[1, 2]], columns=["x", "x"])
    with pytest.raises(InputError, match="column 'x' is 2 times in the frame"):
        arrow_table(twice, ["x"])


def test_values_of_several_types() -> None:
    with pytest.raises(InputError, match="one type of value in each column"):
        arrow_table(pd.DataFrame({"x": [1, "a"]}), ["x"])


@pytest.mark.parametrize(
    "values", [[2, 1], (2, 1), np.array([2, 1]), pa.array([2, 1]), pd.Series([2, 1], dtype="Int32")]
)
def test_ids_that_are_asked_for(values: object) -> None:
    assert arrow_values(values, pa.int64()).to_pylist() == [2, 1]


def test_what_are_no_ids() -> None:
    with pytest.raises(InputError, match="these are no IDs"):
        arrow_values(["x"], pa.int64())
