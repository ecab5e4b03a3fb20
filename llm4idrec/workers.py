"""Tasks side by side in processes of one thread each, or one after another in this one."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from typing import Any

import torch

from llm4idrec.threads import fixed_threads

Run = Callable[[Callable[[Any], object], Iterable[Any]], Iterator[object]]
"""Applies a function to every task and yields as each is done; the first error ends it."""


@contextmanager
def worker_pool(workers: int) -> Iterator[Run]:
    """Yield a `Run` over so many new processes, or, for 1, in this one.

    There is one thread either way, so that results do not depend on `workers`. With processes,
    functions and tasks must be importable and plain data.
    """
    if workers == 1:
        with fixed_threads(1):
            yield lambda function, tasks: (function(task) for task in tasks)
        return
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's, read when a process starts
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=_start_worker
    )

    def run(function: Callable[[Any], object], tasks: Iterable[Any]) -> Iterator[object]:
        futures: list[Future[object]] = [pool.submit(function, task) for task in tasks]
        return (future.result() for future in as_completed(futures))

    try:
        yield run
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A killed parent cannot stop its workers, and they would train on."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
