"""Tables as people have them in a notebook: pandas, polars, Arrow."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import pyarrow as pa

from llm4idrec.errors import InputError

_KINDS = "a pandas or polars DataFrame, or a table that Arrow can take (`__arrow_c_stream__`)"


def settled(frame: Any) -> Any:
    """pandas and polars as they are, others as an Arrow table: they may be readable only once.

    Raises `InputError` if `frame` is no table.
    """
    if _is_pandas(frame) or _is_polars(frame):
        return frame
    if not hasattr(frame, "__arrow_c_stream__"):
        raise InputError(f"the interactions are {type(frame).__name__}", _KINDS)
    return pa.table(frame)


def arrow_table(frame: Any, columns: Sequence[str]) -> pa.Table:
    """Those columns of a `settled` frame, in their order, with the types that they have.

    Raises `InputError` if a column is not there once, or holds values of several types.
    """
    if _is_pandas(frame):
        _require_columns(list(frame.columns), columns)
        try:
            return pa.Table.from_pandas(frame[list(columns)], preserve_index=False)
        except (pa.ArrowException, TypeError) as error:
            reason = " ".join(str(part) for part in error.args)
            found = f"the frame cannot become an Arrow table ({reason})"
            raise InputError(found, "one type of value in each column") from error
    table = pa.table(frame)
    _require_columns(table.column_names, columns)
    return pa.table({name: _without_views(table[name]) for name in columns})


def like(frame: Any, table: pa.Table) -> Any:
    """The table as a frame of the same kind; Arrow's where that is neither pandas nor polars.

    Columns that `frame` has too get the types that they have there.
    """
    if _is_pandas(frame):
        made = table.to_pandas()
        return made.astype({name: frame[name].dtype for name in made if name in frame})
    if _is_polars(frame):
        return import_module("polars").from_arrow(table)
    return table


def arrow_values(values: Any, kind: pa.DataType) -> pa.Array:
    """A column, an array or a list as an Arrow array of a type, (n,).

    Raises `InputError` for anything else.
    """
    try:
        taken = values if hasattr(values, "__arrow_c_stream__") else pa.array(values)
        if not isinstance(taken, pa.Array):
            taken = pa.chunked_array(taken).combine_chunks()
        if pa.types.is_dictionary(taken.type):
            taken = taken.dictionary_decode()
        return taken.cast(kind)
    except (pa.ArrowException, TypeError) as error:
        reason = " ".join(str(part) for part in error.args)
        raise InputError(f"these are no IDs ({reason})", f"a list of {kind}") from error


def _without_views(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The categories of polars, which Parquet does not take, as categories of plain texts."""
    kind = column.type
    if not pa.types.is_dictionary(kind) or kind.value_type != pa.string_view():
        return column
    chunks = (
        pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary.cast(pa.string()))
        for chunk in column.chunks
    )
    return pa.chunked_array(chunks, pa.dictionary(kind.index_type, pa.string()))


def _is_pandas(frame: Any) -> bool:
    """Without importing pandas: who has such a frame has done so."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(frame, pandas.DataFrame)


def _is_polars(frame: Any) -> bool:
    polars = sys.modules.get("polars")
    return polars is not None and isinstance(frame, polars.DataFrame)


def _require_columns(names: list[Any], wanted: Sequence[str]) -> None:
    for name in wanted:
        if names.count(name) == 1:
            continue
        there = f"{names.count(name)} times" if name in names else "not there"
        listed = ", ".join(map(repr, names[:20]))
        raise InputError(f"column {name!r} is {there} in the frame", f"one of {listed}")
