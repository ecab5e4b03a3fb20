"""New processes that never see the program of whoever called this library."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def main_module_unnoticed() -> Iterator[None]:
    """Processes that Python spawns inside do not import the main module.

    Python has them import it for what it may define. Nothing of ours stands there, and a script
    without `if __name__ == "__main__"` would begin again in each of them.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
