"""Which rows count: those with a rating that is high enough, and of the wanted kinds."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.config import DataConfig
from llm4idrec.data.formats.times import first_failing
from llm4idrec.data.shown import listed, shown
from llm4idrec.data.source import Source
from llm4idrec.errors import InputError

DECIMAL_COMMA = r"^[0-9]+,[0-9]+$"


def fulfilled(table: pa.Table, data: DataConfig, source: Source) -> pa.ChunkedArray | None:
    """Which rows count, (n,); None where there is no condition.

    Raises `InputError` for a rating that is no number, and where no row is left.
    """
    wanted = None
    for column, values in data.where.items():
        text = _as_text(table[f"where {column}"], column, source)
        right = pc.is_in(text, pa.array(_spellings(values), pa.string()))
        wanted = right if wanted is None else pc.and_(wanted, right)
        if not pc.any(wanted).as_py():
            there = sorted(pc.unique(text.drop_null()).to_pylist())
            raise InputError(
                f"no row has {column} {' or '.join(map(shown, values))}"
                + (" and meets the conditions before" if pc.any(right).as_py() else ""),
                f"some of {listed(there)}" if there else "some",
                "correct data.where",
                file=source.path,
            )
    if data.min_rating is not None:
        rating = _ratings(table, source)
        least = _rounded(data.min_rating, table["rating"].type)
        high = pc.fill_null(pc.greater_equal(rating, least), False)
        wanted = high if wanted is None else pc.and_(wanted, high)
        if not pc.any(wanted).as_py():
            raise InputError(
                f"no row has a rating of at least {data.min_rating:g}",
                f"at most {_written(pc.max(rating).as_py(), table['rating'].type)}, the highest",
                "lower data.min_rating",
                file=source.path,
            )
    return wanted


def _spellings(values: tuple[str, ...]) -> list[str]:
    """The texts that mean a value: programs write whole numbers and truths in several ways."""
    spelled = set(values)
    for value in values:
        if re.fullmatch(r"-?[0-9]+\.0", value):
            spelled |= {value.removesuffix(".0")}
        if value.lstrip("-").isdecimal():
            spelled |= {f"{value}.0"}
        if value in ("true", "false"):
            spelled |= {value.title(), value.upper()}
    return sorted(spelled)


def _as_text(column: pa.ChunkedArray, name: str, source: Source) -> pa.ChunkedArray:
    try:
        return pc.ascii_trim_whitespace(column.cast(pa.string()))
    except pa.ArrowException as error:
        found = f"column {name!r} of data.where has type {column.type}"
        raise InputError(found, "texts, numbers or dates", file=source.path) from error


def _rounded(number: float, kind: pa.DataType) -> float:
    """The number as a column of floats would hold it."""
    return float(kind.to_pandas_dtype()(number)) if pa.types.is_floating(kind) else number


def _written(number: float, kind: pa.DataType) -> str:
    """The number as short as the column's type tells it from others: 4.1 for a float of 32 bits."""
    return str(kind.to_pandas_dtype()(number)) if pa.types.is_floating(kind) else str(number)


def _ratings(table: pa.Table, source: Source) -> pa.ChunkedArray:
    """Ratings as floats; null where there is none."""
    column = table["rating"]
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = pc.if_else(pc.equal(column, ""), pa.scalar(None, column.type), column)
    try:
        rating = column.cast(pa.float64(), safe=not pa.types.is_integer(column.type))
    except pa.ArrowNotImplementedError as error:
        found = f"the rating column has type {column.type}"
        raise InputError(found, "numbers", file=source.path) from error
    except pa.ArrowInvalid as error:
        place = first_failing(column.combine_chunks(), lambda part: part.cast(pa.float64()))
        text = column[place].as_py()
        comma = pc.match_substring_regex(text, DECIMAL_COMMA).as_py()
        raise InputError(
            f"the rating is {shown(text)}",
            "a number",
            "write a point for the decimal comma" if comma else "mend or remove the line",
            **source.place(table["line"][place].as_py()),
        ) from error
    nan = pc.is_nan(rating)
    return pc.if_else(nan, pa.scalar(None, pa.float64()), rating) if pc.any(nan).as_py() else rating
