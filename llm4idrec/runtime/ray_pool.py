"""Tasks over a Ray cluster, for what one machine cannot do in time: see `workers`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from llm4idrec.errors import InputError, LLM4IDRecError
from llm4idrec.runtime.files import python_path
from llm4idrec.runtime.threads import fixed_threads

ADDRESS = "LLM4IDREC_RAY"
"""Environment variable: the address of a Ray cluster (`auto`, `ray://head:10001`), or `local` for
one that starts and ends with the command."""
_RETRIES = 2


@contextmanager
def ray_pool(address: str, threads: int) -> Iterator[Any]:
    """Yield a `workers.Run` over the cluster, as many tasks at once as it has cores or GPUs for.

    A task goes to `threads` cores, and to a GPU if this machine has one. One whose process or
    machine is lost runs again elsewhere, at most `_RETRIES` times; tasks must bear that. Every
    machine needs the working folder under the same path, as on a shared disk, and the environment.
    Raises `InputError` if there is no cluster, `LLM4IDRecError` if a task is lost too often.
    """
    ray = _connect(address)
    task = ray.remote(_call).options(
        num_cpus=threads, num_gpus=int(torch.cuda.is_available()), max_retries=_RETRIES
    )

    def run(function: Callable[[Any], object], tasks: Iterable[Any]) -> Iterator[object]:
        shared = ray.put(function)
        waiting = [task.remote(shared, given, Path.cwd(), threads=threads) for given in tasks]
        return _results(ray, waiting)

    try:
        yield run
    finally:
        ray.shutdown()


def _connect(address: str) -> Any:
    try:
        import ray
    except ImportError as error:
        raise InputError(
            f"{ADDRESS} is set, and ray is not installed",
            remedy="run `pip install 'llm4idrec[ray]'` (in the repository `make ray`), or unset it",
        ) from error
    own = {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        ray.init(
            address,
            runtime_env={"env_vars": _environment()},
            logging_level="ERROR",
            log_to_driver=False,
            **(own if address == "local" else {}),
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{ADDRESS}: no Ray cluster can be reached ({reason})",
            "the address of one that runs, or `local`",
        ) from error
    return ray


def _environment() -> dict[str, str]:
    """What a task needs of this process's: the code's place and the project's own settings."""
    ours = {k: v for k, v in os.environ.items() if k.startswith("LLM4IDREC_") and k != ADDRESS}
    return ours | {"PYTHONPATH": python_path()}


def _call(function: Callable[[Any], object], given: Any, folder: Path, *, threads: int) -> object:
    os.chdir(folder)
    with fixed_threads(threads):
        return function(given)


def _results(ray: Any, waiting: list[Any]) -> Iterator[object]:
    while waiting:
        done, waiting = ray.wait(waiting)
        try:
            yield ray.get(done[0])
        except ray.exceptions.RayTaskError as error:
            raise error.cause from error
        except ray.exceptions.RayError as error:
            raise LLM4IDRecError(
                f"a task was lost {_RETRIES + 1} times on the Ray cluster "
                f"({type(error).__name__}); have its machines memory enough?"
            ) from error
