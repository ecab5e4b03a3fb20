"""Language-model augmentation for ID-based recommenders, measured. `stages` shows the flow."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llm4idrec.api.additions import augment
    from llm4idrec.api.comparison import compare

__all__ = ["augment", "compare"]

# OpenMP threads that wait for each other by spinning make training ten times slower as soon as
# another process wants a core. Read when torch loads; a value that is set already wins.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """What is for data frames is imported when it is asked for, so that this package is quick."""
    if name == "augment":
        from llm4idrec.api.additions import augment

        return augment
    if name == "compare":
        from llm4idrec.api.comparison import compare

        return compare
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
