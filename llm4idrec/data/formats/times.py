"""Times of any spelling -> int64, of which only the order counts.

- Whole numbers and Parquet's dates and times stay as they are, in whatever unit.
- Numbers of which some have a fraction are all multiplied by the smallest power of ten that makes
  them whole: no two times become one.
- ISO 8601 becomes seconds since 1970; microseconds if any has a fraction, nanoseconds if that takes
  more than six digits. Times without a zone are UTC.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.data.shown import shown
from llm4idrec.data.source import Source
from llm4idrec.errors import InputError

NUMBER = r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$"
DECIMAL_COMMA = r"^-?[0-9]+,[0-9]+$"
ISO = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}($|[T ])"
ZONED = r"[T ].*(Z|[-+][0-9]{2}(:?[0-9]{2})?)$"
SPELLINGS = (
    (r" ?(UTC|GMT|Z)$", "Z"),
    (r" ([-+][0-9]{2}(:?[0-9]{2})?)$", r"\1"),
    (r"(:[0-9]{2}),([0-9]+)", r"\1.\2"),
)
"""What Arrow does not read, and the same as it does."""
EXPECTED = "a number, such as seconds since 1970, or ISO 8601 as in 2024-12-31T23:59:59"
REMEDY = "convert the column, or set data.timestamp to null"
WIDE = pa.decimal256(76, 38)
MAX_DIGITS = 18
NINE = ord("9")
LARGEST_FLOAT = float(2**53)
LONGEST_NUMBER = 60
"""Characters; Arrow loses digits of very long ones without a word."""
SLICE = 1 << 20
"""Rows whose decimals are in memory at once."""


def read_times(table: pa.Table, source: Source) -> tuple[pa.Array, int]:
    """The column `timestamp` as int64, and of which power of ten it is a multiple; `InputError` at
    the first that is none."""
    column = table["timestamp"].combine_chunks()
    kind = column.type
    floating = pa.types.is_floating(kind)
    at = _Places(column, table["line"], source)
    if floating or column.null_count:
        place = pc.index(pc.is_null(column, nan_is_null=floating), True).as_py()
    else:
        place = -1
    if place >= 0:
        raise at.error("null", place, "a value", remedy="fill or drop the row")
    if pa.types.is_integer(kind) or (pa.types.is_temporal(kind) and not pa.types.is_time(kind)):
        whole = column.cast(pa.int32()) if pa.types.is_date32(kind) else column
        try:
            return whole.cast(pa.int64()), 0
        except pa.ArrowException as error:
            raise _wrong_type(kind, source) from error
    if floating:
        return _floats(column.cast(pa.float64()), at)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _texts(column.cast(pa.string()), at)
    raise _wrong_type(kind, source)


def is_numeric(column: pa.ChunkedArray) -> bool:
    """Whether the times are numbers, whose unit nothing tells."""
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        first = column[0].as_py() or ""
        return bool(pc.match_substring_regex(first.strip(), NUMBER).as_py())
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _wrong_type(kind: pa.DataType, source: Source) -> InputError:
    expected = "whole numbers below 2**63, other numbers, dates, datetimes or their texts"
    return InputError(f"the timestamp column has type {kind}", expected, file=source.path)


class _Places:
    """The column as it came, to say where it is wrong."""

    def __init__(self, column: pa.Array, line: pa.ChunkedArray, source: Source) -> None:
        self.column, self.line, self.source = column, line, source

    def error(
        self, found: str, place: int, expected: str = EXPECTED, *, remedy: str | None = REMEDY
    ) -> InputError:
        where = self.source.place(self.line[place].as_py())
        return InputError(f"the timestamp is {found}", expected, remedy, **where)

    def named(self, place: int) -> str:
        return self.source.named(self.line[place].as_py())


def _floats(column: pa.Array, at: _Places) -> tuple[pa.Array, int]:
    exact = pc.less(pc.abs(column), LARGEST_FLOAT)
    if (place := pc.index(exact, False).as_py()) >= 0:
        raise at.error(str(column[place].as_py()), place, "a number below 2**53")
    if pc.all(pc.equal(pc.floor(column), column)).as_py():
        return column.cast(pa.int64()), 0
    return _scaled(at.column.cast(pa.string()), at)


def _texts(text: pa.Array, at: _Places) -> tuple[pa.Array, int]:
    if not _has_letters(text):
        with suppress(pa.ArrowInvalid):
            return text.cast(pa.int64()), 0
    number = pc.match_substring_regex(text, NUMBER)
    of_numbers = number[0].as_py()
    if (place := pc.index(pc.match_substring_regex(text, DECIMAL_COMMA), True).as_py()) >= 0:
        comma = "write a point for the decimal comma"
        raise at.error(shown(text[place].as_py()), place, remedy=comma)
    if (place := pc.index(number, not of_numbers).as_py()) < 0:
        return _scaled(text, at) if of_numbers else (_moments(text, at), 0)
    odd = text[place].as_py()
    iso = pc.match_substring_regex(text, ISO)
    if of_numbers != iso[place].as_py() or (not of_numbers and not iso[0].as_py()):
        wrong = place if of_numbers else pc.index(iso, False).as_py()
        raise at.error(shown(text[wrong].as_py()), wrong)
    kinds = ("a number", "ISO 8601")
    other, usual = kinds if not of_numbers else kinds[::-1]
    found = f"{shown(odd)}, {other}, and on {at.named(0)} {shown(text[0].as_py())}, {usual}"
    raise at.error(found, place, "one spelling in the whole column", remedy="convert the column")


def _has_letters(text: pa.Array) -> bool:
    """Whether a byte lies behind the digits: Arrow reads 0x10 as a number, and wraps large ones."""
    letters = np.frombuffer(text.buffers()[2] or b"", np.uint8)
    return bool(letters.max(initial=0) > NINE)


def _scaled(text: pa.Array, at: _Places) -> tuple[pa.Array, int]:
    """Numbers times the power of ten that makes all of them whole, and its exponent."""
    if (place := pc.index(pc.greater(pc.binary_length(text), LONGEST_NUMBER), True).as_py()) >= 0:
        raise at.error(shown(text[place].as_py()), place)
    slices = [text.slice(start, SLICE) for start in range(0, len(text), SLICE)]
    digits = 0
    for part in slices:
        while not _casts(part, _decimals(digits)):
            if digits == MAX_DIGITS:
                wrong = first_failing(text, _decimals(digits))
                expected = f"a number below 2**63 with at most {MAX_DIGITS} digits behind the point"
                raise at.error(shown(text[wrong].as_py()), wrong, expected, remedy=REMEDY)
            digits += 1

    def whole(part: pa.Array) -> pa.Array:
        decimals = _decimals(digits)(part)
        unscaled = decimals.buffers()
        plain = pa.Array.from_buffers(
            pa.decimal256(76, 0), len(decimals), unscaled, offset=decimals.offset
        )
        return plain.cast(pa.int64())

    if all(_casts(part, whole) for part in slices):
        return pa.concat_arrays([whole(part) for part in slices]), digits
    wrong = first_failing(text, whole)
    expected = "a number below 2**63"
    expected += (
        f" without the point, as some times have {digits} digits behind it" if digits else ""
    )
    raise at.error(shown(text[wrong].as_py()), wrong, expected)


def _decimals(digits: int) -> Callable[[pa.Array], pa.Array]:
    return lambda text: text.cast(WIDE).cast(pa.decimal256(76, digits))


def _moments(text: pa.Array, at: _Places) -> pa.Array:
    """ISO 8601 as whole units since 1970."""
    iso = pc.match_substring_regex(text, ISO)
    if (place := pc.index(iso, False).as_py()) >= 0:
        raise at.error(shown(text[place].as_py()), place)
    plain = text
    for pattern, replacement in SPELLINGS:
        plain = pc.replace_substring_regex(plain, pattern, replacement)
    zoned = pc.match_substring_regex(plain, ZONED)
    has_zone = zoned[0].as_py()
    if (place := pc.index(zoned, not has_zone).as_py()) >= 0:
        odd = f"{shown(text[place].as_py())}, with{'out' if has_zone else ''} a zone"
        raise at.error(f"{odd} unlike that on {at.named(0)}", place, "a zone for all or for none")
    zone = "UTC" if has_zone else None
    for unit in ("s", "us", "ns"):
        if _casts(plain, lambda part, unit=unit: part.cast(pa.timestamp(unit, zone))):  # type: ignore[misc]
            return plain.cast(pa.timestamp(unit, zone)).cast(pa.int64())
    wrong = first_failing(plain, lambda part: part.cast(pa.timestamp("ns", zone)))
    raise at.error(shown(text[wrong].as_py()), wrong)


def _casts(column: pa.Array, convert: Callable[[pa.Array], pa.Array]) -> bool:
    try:
        convert(column)
    except pa.ArrowInvalid:
        return False
    return True


def first_failing(column: pa.Array, convert: Callable[[pa.Array], pa.Array]) -> int:
    """The first value that cannot be converted, of a column that holds one."""
    start, stop = 0, len(column)
    while stop - start > 1:
        middle = (start + stop) // 2
        if _casts(column.slice(start, middle - start), convert):
            start = middle
        else:
            stop = middle
    return start
