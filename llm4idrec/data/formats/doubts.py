"""What a table may well mean, but more often does not: a line on stderr for each."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.config import DataConfig
from llm4idrec.data.source import Source

UNITS = {
    "seconds": (10**8, 10**10),
    "milliseconds": (10**11, 10**13),
    "microseconds": (10**14, 10**16),
    "nanoseconds": (10**17, 2**63 - 1),
}
"""Times from 1973 to 2286 in each unit; they do not overlap."""
RATINGS = frozenset({"rating", "ratings", "stars", "score", "overall", "rate"})
LEAST_ROWS, LEAST_IDS = 1_000, 100
"""Where there are fewer, a large share is no wonder."""
LARGEST_SHARE = {"user": 0.1, "item": 0.25}
SAMPLE = 20_000
LAST_ASCII, ZERO, POINT = b"\x7f0."
INVISIBLE = (
    "[\\x{00ad}\\x{034f}\\x{061c}\\x{180e}\\x{200b}-\\x{200f}\\x{202a}-\\x{202e}"
    "\\x{2060}-\\x{2064}\\x{fe00}-\\x{fe0f}\\x{feff}]"
)


def point_out(
    table: pa.Table, header: list[str], *, data: DataConfig, source: Source, digits: int | None
) -> None:
    """Say what is doubtful in a table that was read, whose times are numbers times 10**`digits`;
    None: they were not spelled as such.

    `header` are the names of all columns, also those that were not read, `data` says which were,
    and `source` where the lines of `table` stand.
    """
    for sentence in (
        *_unused_rating(header, data),
        *(() if digits is None else _units(table, source, digits)),
        *_giant(table, "user"),
        *_giant(table, "item"),
        *_alike(table, "user", source),
        *_alike(table, "item", source),
    ):
        print(f"{source.path}: {sentence}", file=sys.stderr)


def _unused_rating(header: list[str], data: DataConfig) -> Iterator[str]:
    if data.rating is None:
        for name in header:
            if name.lower() in RATINGS and name not in data.where:
                yield (
                    f"all ratings in column {name!r} count as positives; "
                    "data.rating and data.min_rating keep the high ones"
                )
                return


def _units(table: pa.Table, source: Source, digits: int) -> Iterator[str]:
    scaled = table["timestamp"].to_numpy()
    time = scaled // 10**digits if digits else scaled
    if time.max() < UNITS["milliseconds"][0] or time.min() >= UNITS["nanoseconds"][0]:
        return
    found = []
    for unit, (least, beyond) in UNITS.items():
        inside = (time >= least) & (time < beyond)
        if inside.any():
            place = int(inside.argmax())
            where = source.named(table["line"][place].as_py())
            rows = np.count_nonzero(inside)
            first = Decimal(int(scaled[place])).scaleb(-digits).normalize()
            found.append(f"{rows} would be {unit}, as {first:f} on {where}")
    if len(found) > 1:
        yield (
            f"times of several units: {'; '.join(found)}; they are ordered as numbers; "
            "convert them to one unit"
        )


def _giant(table: pa.Table, role: str) -> Iterator[str]:
    """An ID with a large share of the rows: a sample shows which it could be."""
    if len(table) < LEAST_ROWS:
        return
    random = np.random.default_rng(0)
    sample = table[role].take(pa.array(random.integers(len(table), size=SAMPLE)))
    counts = sample.value_counts()
    values, seen = counts.field("values"), counts.field("counts").to_numpy()
    if len(values) < LEAST_IDS or seen.max() < LARGEST_SHARE[role] * SAMPLE * 0.9:
        return
    name = values[int(seen.argmax())]
    rows = pc.sum(pc.equal(table[role], name)).as_py()
    if rows > LARGEST_SHARE[role] * len(table):
        yield (
            f"{role} {name.as_py()!r} has {rows} of {len(table)} rows; "
            f"if it stands for unknown {role}s, leave its rows out"
        )


def _alike(table: pa.Table, role: str, source: Source) -> Iterator[str]:
    """IDs that look the same, or differ in how a number is written."""
    if not _may_be_alike(table[role]):
        return
    ids = pc.unique(table[role])
    plain = pc.utf8_normalize(ids, form="NFC")
    plain = pc.utf8_trim_whitespace(pc.replace_substring_regex(plain, INVISIBLE, ""))
    plain = pc.replace_substring_regex(plain, "\\x{00a0}", " ")
    plain = pc.replace_substring_regex(plain, r"^0*([0-9]+)(\.0)?$", r"\1")
    code = plain.dictionary_encode().indices.to_numpy()
    order = np.argsort(code, kind="stable")
    again = np.flatnonzero(np.diff(code[order]) == 0)
    if not len(again):
        return
    first, second = (ids[int(order[again[0] + step])] for step in (0, 1))
    places = [pc.index(table[role], name).as_py() for name in (first, second)]
    names = " and ".join(
        f"{name.as_py()!a} ({source.named(table['line'][place].as_py())})"
        for name, place in zip((first, second), places, strict=True)
    )
    more = f", as do {len(again) - 1} more" if len(again) > 1 else ""
    yield f"{role}s {names} differ only in how they are written{more}; they count as two"


def _may_be_alike(ids: pa.ChunkedArray) -> bool:
    """Whether one is not ASCII, or begins with a zero that is not all of it, or ends with `.0`.

    Looked up in the bytes themselves, as it is asked about every row.
    """
    for chunk in ids.chunks:
        _, offsets, data = chunk.buffers()
        letters = np.frombuffer(data or b"", np.uint8)
        ends = np.frombuffer(offsets, np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
        if letters[ends[0] : ends[-1]].max(initial=0) > LAST_ASCII:
            return True
        begin = np.flatnonzero(letters[ends[:-1]] == ZERO)
        end = np.flatnonzero(letters[ends[1:] - 1] == ZERO)
        if (ends[begin + 1] - ends[begin] > 1).any():
            return True
        if ((ends[end + 1] - ends[end] > 1) & (letters[ends[end + 1] - 2] == POINT)).any():
            return True
    return False
