"""Tasks side by side in processes, one after another in this one, or over a Ray cluster."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch

from llm4idrec.errors import KilledWorkerError
from llm4idrec.runtime.interruption import deaf_to_interrupts, end_with_parent
from llm4idrec.runtime.ray_pool import ADDRESS, ray_pool
from llm4idrec.runtime.threads import fixed_threads
from llm4idrec.runtime.unnoticed import main_module_unnoticed

Run = Callable[[Callable[[Any], object], Iterable[Any]], Iterator[object]]
"""Applies a function to every task and yields as each is done; the first error ends it."""


@contextmanager
def worker_pool(workers: int, threads: int = 1) -> Iterator[Run]:
    """Yield a `Run` over so many new processes or, for 1, in this one; over the Ray cluster that
    `LLM4IDREC_RAY` names, however many `workers`.

    There are as many `threads` in each case, so that results do not depend on it. Except in this
    process, functions and tasks must be importable and plain data. A process that is killed is
    replaced, and tasks that were begun are done again; `KilledWorkerError` if that happens twice
    with no task done in between.
    """
    if address := os.environ.get(ADDRESS):
        with ray_pool(address, threads) as over_ray:
            yield over_ray
        return
    if workers == 1:
        with fixed_threads(threads):
            yield lambda function, tasks: (function(task) for task in tasks)
        return
    others = set(multiprocessing.active_children())
    processes = _Processes(workers, threads)
    try:
        yield processes.run
    except KeyboardInterrupt:
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()  # what a task leaves half done it can go on from
        raise
    finally:
        processes.pool.shutdown(cancel_futures=True)


class _Processes:
    """A pool that survives its processes."""

    def __init__(self, workers: int, threads: int) -> None:
        self._workers, self._threads = workers, threads
        self.pool = self._new_pool()

    def run(self, function: Callable[[Any], object], tasks: Iterable[Any]) -> Iterator[object]:
        left, done_since = list(tasks), True
        while left:
            with self._starting():  # the first tasks start the processes
                futures = {self.pool.submit(function, task): task for task in left}
                if len(left) > 1:
                    # Python's pool does not watch a process that it started while it was waiting
                    # for the first, until it hears of something else.
                    self.pool.submit(_nothing)
            try:
                for future in as_completed(futures):
                    result = future.result()
                    left.remove(futures[future])
                    done_since = True
                    yield result
            except BrokenProcessPool as error:
                self.pool.shutdown()
                self.pool = self._new_pool()
                if not done_since:
                    raise KilledWorkerError(
                        "a worker process was killed, and again before another task was done; is "
                        f"there memory enough for {self._workers} at once?"
                    ) from error
                done_since = False
                print("a worker process was killed; another takes its task", file=sys.stderr)

    @contextmanager
    def _starting(self) -> Iterator[None]:
        """Of what starts a process, nothing is changed for the caller's own."""
        name = "OPENBLAS_NUM_THREADS"  # which is read when a process starts
        given = os.environ.get(name)
        os.environ.setdefault(name, str(self._threads))
        try:
            with main_module_unnoticed(), deaf_to_interrupts():
                yield
        finally:
            if given is None:
                del os.environ[name]

    def _new_pool(self) -> ProcessPoolExecutor:
        spawn = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._workers, spawn, _start_worker, (self._threads,))


def _nothing() -> None:
    """A task."""


def in_this_process(workers: int) -> bool:
    """Does `worker_pool` start no others?"""
    return workers == 1 and not os.environ.get(ADDRESS)


def _start_worker(threads: int) -> None:
    torch.set_num_threads(threads)
    end_with_parent(partial(os._exit, 1))
