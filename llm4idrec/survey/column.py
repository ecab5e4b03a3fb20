"""One column of a sample: what its values say, whatever its name is."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.data.formats.doubts import UNITS
from llm4idrec.data.formats.times import ISO, NUMBER

_COMMA = r"^-?[0-9]+,[0-9]+$"
_UNREADABLE_DATE = (
    r"^[0-9]{1,2}[./-][0-9]{1,2}[./-]([0-9]{4}|[0-9]{2})($|[ T])"
    r"|^[0-9]{4}[./][0-9]{1,2}[./][0-9]{1,2}($|[ T])"
    r"|^([A-Z][a-z]{2},? )?([0-9]{1,2} [A-Z][a-z]{2}|[A-Z][a-z]{2,8} [0-9]{1,2},?) .*[0-9]{4}"
)
_FIRST_TIME, _AHEAD = 631_152_000, 2 * 366 * 86_400
"""Seconds of 1990; and how far from now a time may lie."""
NEARLY_ALL = 0.99
DATES_AS_NUMBERS = "dates such as 20240301"


@dataclass(frozen=True, eq=False)
class Column:
    """The values as texts, "" where there is none; `temporal` where Parquet says they are times."""

    name: str
    values: pa.StringArray
    temporal: bool = False

    @cached_property
    def filled(self) -> pa.StringArray:
        return self.values.filter(pc.not_equal(self.values, ""))

    @cached_property
    def codes(self) -> npt.NDArray[np.int32]:
        """A number for each distinct value."""
        return np.asarray(self.values.dictionary_encode().indices.to_numpy())

    @cached_property
    def distinct(self) -> list[str]:
        return list(pc.unique(self.filled).to_pylist())

    @property
    def missing(self) -> int:
        return len(self.values) - len(self.filled)

    @property
    def repeats(self) -> float:
        """Rows for each distinct value, on average."""
        return len(self.filled) / max(1, len(self.distinct))

    @cached_property
    def numbers(self) -> npt.NDArray[np.float64] | None:
        """The filled values, if all are numbers; a decimal comma is one too."""
        if self.temporal or not len(self.filled):
            return None
        if not self._nearly_all(f"{NUMBER}|{_COMMA}", 1):
            return None
        plain = pc.replace_substring(pc.utf8_ltrim(self.filled, "+"), ",", ".")
        numbers = np.array(plain.cast(pa.float64()))
        return numbers if np.isfinite(numbers).all() else None

    @property
    def is_whole(self) -> bool:
        return self.numbers is not None and bool((self.numbers == np.floor(self.numbers)).all())

    @property
    def is_counter(self) -> bool:
        """Whether it numbers the rows, as an index that was saved along does."""
        numbers = self.numbers
        if numbers is None or len(self.distinct) < len(self.values):
            return False
        return bool((np.diff(numbers) == 1).mean() >= 0.95) if len(numbers) > 2 else False

    @property
    def is_grouped(self) -> bool:
        """Whether equal values stand together, as a user's rows often do."""
        runs = 1 + np.count_nonzero(np.diff(self.codes))
        return bool(self.repeats > 1.5 and runs < 1.1 * len(self.distinct))

    @cached_property
    def time(self) -> str | None:
        """How it spells times, if its values are times; None if they are not."""
        if self.temporal:
            return "dates or times of Parquet"
        if self._nearly_all(ISO, NEARLY_ALL):
            return "ISO 8601"
        if self.numbers is None or pc.any(pc.match_substring_regex(self.filled, "^0.|,")).as_py():
            return None
        return _unit(self.numbers)

    @cached_property
    def odd_date(self) -> str | None:
        """A value, if they are dates in a spelling that is not read."""
        odd = self._nearly_all(_UNREADABLE_DATE, NEARLY_ALL)
        return str(self.filled[0].as_py()) if odd else None

    @property
    def looks_like_rating(self) -> bool:
        """Whether it has few values, in steps of a half, from 0 to 10."""
        if self.numbers is None or not 2 <= len(self.distinct) <= 21 or self.repeats < 2:
            return False
        low, high = self.numbers.min(), self.numbers.max()
        return bool(low >= -1 and high <= 10 and (self.numbers * 2 % 1 == 0).all())

    @property
    def is_prose(self) -> bool:
        return bool((pc.mean(pc.match_substring(self.filled, " ")).as_py() or 0) > 0.5)

    def _nearly_all(self, pattern: str, share: float) -> bool:
        if not len(self.filled):
            return False
        fitting = pc.mean(pc.match_substring_regex(self.filled, pattern)).as_py()
        return bool(fitting >= share)


def _unit(numbers: npt.NDArray[np.float64]) -> str | None:
    """What whole times are counted in, if nearly all lie between 1990 and soon."""
    latest = time.time() + _AHEAD
    for unit, (least, _) in UNITS.items():
        scale = least / 10**8
        inside = (numbers >= _FIRST_TIME * scale) & (numbers < latest * scale)
        if inside.mean() >= NEARLY_ALL:
            return unit
    days = np.clip(numbers, 0, 10**9).astype(np.int64)
    months, day = days // 100 % 100, days % 100
    dated = (days >= 19_900_101) & (days < 20_500_101) & (months >= 1) & (months <= 12)
    if (dated & (day >= 1) & (day <= 31)).mean() >= NEARLY_ALL:
        return DATES_AS_NUMBERS
    return None


def is_number(text: str) -> bool:
    """Whether a cell holds a number."""
    return re.match(f"{NUMBER}|{_COMMA}", text) is not None
