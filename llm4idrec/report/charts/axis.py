"""An axis of a chart: round numbers, and where values lie between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Axis:
    """From its first tick, drawn at `start`, to its last, drawn at `stop`."""

    ticks: Sequence[float]
    start: float
    stop: float

    @classmethod
    def over(cls, values: Sequence[float], start: float, stop: float) -> Axis:
        """With round ticks, from below the smallest value to above the largest."""
        return cls(round_ticks(values), start, stop)

    def at(self, value: float) -> float:
        """Where on the way from `start` to `stop` the value is drawn."""
        first, last = self.ticks[0], self.ticks[-1]
        return self.start + (value - first) / (last - first) * (self.stop - self.start)


def tick_text(tick: float) -> str:
    """With a true minus sign."""
    return f"{tick:g}".replace("-", "\N{MINUS SIGN}")


def round_ticks(values: Sequence[float]) -> list[float]:
    """Round numbers, 4 to 8 of them, from below the smallest value to above the largest; of whole
    values whole ones, perhaps fewer."""
    low, high = min(values), max(values)
    if high - low < 1e-12:
        margin = abs(low) / 10 or 1.0
        low, high = low - margin, high + margin
    power = 10.0 ** np.floor(np.log10((high - low) / 4))
    step = next(m * power for m in (5, 2, 1) if m * power <= (high - low) / 3 + 1e-12)
    if all(float(value).is_integer() for value in values):
        step = max(step, 1.0)
    first, last = int(np.floor(low / step + 1e-9)), int(np.ceil(high / step - 1e-9))
    return [float(f"{k * step:.10g}") for k in range(first, last + 1)]
