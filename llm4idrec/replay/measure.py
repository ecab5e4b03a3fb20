"""A number of a night's interactions, and what it may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llm4idrec.data.expectations import Check, expect
from llm4idrec.errors import InputError


@dataclass(frozen=True)
class Measure:
    """A number of the night, its plausible range where there is one, and the sentence about it.

    None as value: it cannot be told; as `low` or `high`: there is no such bound.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    found: str
    expected: str
    remedy: str

    @property
    def is_checked(self) -> bool:
        return self.low is not None or self.high is not None

    @property
    def is_plausible(self) -> bool:
        if self.value is None:
            return True
        too_low = self.low is not None and self.value < self.low
        return not too_low and not (self.high is not None and self.value > self.high)

    @property
    def sentence(self) -> str:
        """What was found."""
        return self.found.format(**{self.name: self.value})

    def check(self, **told: str) -> Check:
        """Of the column of its name; `told` are texts for the page of who checks it."""
        bounds = {"min_value": self.low, "max_value": self.high}
        expectation = expect("ColumnValuesToBeBetween", column=self.name, **bounds, **told)
        return Check(expectation, self.found.format, self.expected, self.remedy)

    def summary(self) -> dict[str, float]:
        """The value and the bounds that there are, and whether it is checked (1) or not (0)."""
        numbers = {"": self.value, "_lowest": self.low, "_highest": self.high}
        there = {f"{self.name}{end}": n for end, n in numbers.items() if n is not None}
        return {**there, f"{self.name}_checked": int(self.is_checked)}


def fault(measures: Sequence[Measure], night: str | None = None) -> InputError | None:
    """What is wrong by the first that is not plausible; `night` is what the night is called."""
    for measure in measures:
        if not measure.is_plausible:
            return InputError(measure.sentence, measure.expected, measure.remedy, file=night)
    return None
