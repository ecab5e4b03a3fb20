"""Tasks side by side in processes, one after another in this one, or over a Ray cluster."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from typing import Any

import torch

from llm4idrec.ray_pool import ADDRESS, ray_pool
from llm4idrec.threads import fixed_threads

Run = Callable[[Callable[[Any], object], Iterable[Any]], Iterator[object]]
"""Applies a function to every task and yields as each is done; the first error ends it."""


@contextmanager
def worker_pool(workers: int, threads: int = 1) -> Iterator[Run]:
    """Yield a `Run` over so many new processes or, for 1, in this one; over the Ray cluster that
    `LLM4IDREC_RAY` names, however many `workers`.

    There are as many `threads` in each case, so that results do not depend on it. Except in this
    process, functions and tasks must be importable and plain data.
    """
    if address := os.environ.get(ADDRESS):
        with ray_pool(address, threads) as over_ray:
            yield over_ray
        return
    if workers == 1:
        with fixed_threads(threads):
            yield lambda function, tasks: (function(task) for task in tasks)
        return
    os.environ.setdefault("OPENBLAS_NUM_THREADS", str(threads))  # read when a process starts
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, spawn, _start_worker, (threads,))

    def run(function: Callable[[Any], object], tasks: Iterable[Any]) -> Iterator[object]:
        futures: list[Future[object]] = [pool.submit(function, task) for task in tasks]
        return (future.result() for future in as_completed(futures))

    try:
        yield run
    finally:
        pool.shutdown(cancel_futures=True)


def in_this_process(workers: int) -> bool:
    """Does `worker_pool` start no others?"""
    return workers == 1 and not os.environ.get(ADDRESS)


def _start_worker(threads: int) -> None:
    torch.set_num_threads(threads)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A killed parent cannot stop its workers, and they would train on."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
