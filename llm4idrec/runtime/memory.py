"""The bound on memory, which says how much is worked on at a time and never what comes out."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

import pyarrow as pa

from llm4idrec.errors import InputError

GB = 1e9
MIN_ROWS, MAX_ROWS = 1 << 14, 1 << 21
"""Rows below which more is spent on going round than on the rows, and above which more room is of
no use."""


def rows_at_a_time(memory: float, bytes_a_row: int, aside: int = 0) -> int:
    """How many rows of `bytes_a_row` bytes this process has room for below `memory` GB, beside
    `aside` bytes.

    Raises `InputError` if what it holds already leaves no room for `MIN_ROWS`.
    """
    held = held_bytes() + aside
    rows = int((memory * GB - held) / bytes_a_row)
    if rows < MIN_ROWS:
        raise InputError(
            f"`memory` is {memory:g} GB, and {held / GB:.1f} GB are taken before the work begins",
            f"at least {(held + MIN_ROWS * bytes_a_row) / GB:.1f} GB",
            "raise it in params.yaml",
        )
    return min(rows, MAX_ROWS)


def machine_bytes() -> int:
    """Memory of this machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def held_bytes() -> int:
    """Memory of this process now; where the system does not say, the most it ever had."""
    pa.default_memory_pool().release_unused()
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * resource.getpagesize()
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
