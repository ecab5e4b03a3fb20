"""How much of what was generated is added, and in which of the orders of candidates."""

from __future__ import annotations

from typing import NamedTuple


class Augmentation(NamedTuple):
    """A training set: the original pairs, and the first generated ones in an order."""

    amount: float = 0.0
    """Ratio of generated items to a user's history; 0: the original pairs only."""
    popularity: float = 0.0
    """Exponent by which the order puts popular items back (`FilterConfig.popularity`)."""

    def __str__(self) -> str:
        """Its name in histories and folders."""
        amount = f"amount={self.amount:g}"
        return f"{amount}/popularity={self.popularity:g}" if self.amount else amount


ORIGINAL_DATA = Augmentation()
