"""Same bits, however many cores there are and whatever the environment says about threads."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from threadpoolctl import threadpool_info

from llm4idrec.config import Config
from llm4idrec.runtime.threads import fixed_threads
from tests.llm4idrec.results import results

REPO = Path(__file__).resolve().parents[3]


def blas_threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_the_number_is_fixed_and_given_back() -> None:
    before = torch.get_num_threads(), blas_threads()
    for number in (1, 2):
        with fixed_threads(number):
            assert torch.get_num_threads() == number
            assert blas_threads() == {number}
    assert (torch.get_num_threads(), blas_threads()) == before


@pytest.mark.slow
def test_the_machines_cores_do_not_shape_any_file(workplace: Callable[..., Config]) -> None:
    """The whole flow with two threads, on all cores, and on one with another default."""
    workplace(
        base_model={"hidden_size": 32, "heads": 4, "negatives": 16}, evaluation={"workers": 2}
    )
    params = yaml.safe_load(Path("params.yaml").read_text())
    Path("params.yaml").write_text(yaml.safe_dump(params | {"threads": 2}))
    run("all", {})
    one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    run("one", one, cores={min(os.sched_getaffinity(0))})
    first, second = results(Path("all")), results(Path("one"))
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def run(out: str, more: dict[str, str], cores: set[int] | None = None) -> None:
    env = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    everything = os.sched_getaffinity(0)
    if cores:
        os.sched_setaffinity(0, cores)
    try:
        subprocess.run(
            [sys.executable, "-m", "llm4idrec", "run", "--out", out],
            env=env | more | {"PYTHONPATH": str(REPO)},
            check=True,
            capture_output=True,
        )
    finally:
        os.sched_setaffinity(0, everything)
