"""How many threads compute. The number is said and not read off the machine, because sums that are
split over threads come out differently in their last bits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def fixed_threads(number: int) -> Iterator[None]:
    """So many threads for torch and the BLAS of numpy, whatever the machine has."""
    import torch  # half a second, which stages that compute nothing with it do not wait for

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        with threadpool_limits(number, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(before)
