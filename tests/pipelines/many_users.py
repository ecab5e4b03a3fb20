"""`recommend` for users enough for several shards."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.pipelines.conftest import SERVED

REPO = Path(__file__).resolve().parents[2]
KILLER = REPO / "tests/kill"
COMMAND = ["recommend", "--histories", "new.csv", "--model", SERVED]
PROGRAM = """
import sys
from pipelines import run
from pipelines.registry import recommendations
recommendations.SHARD_USERS = int(sys.argv[1])
sys.exit(run.main(sys.argv[2:]))
"""


def write_histories(users: int) -> None:
    """Each has two to six items; every fifth knows one that the catalogue has not, every seventh
    no other; the last has all."""
    draw = np.random.default_rng(5)
    lines = ["user,item"]
    for user in range(users):
        items = draw.choice(30, size=int(draw.integers(2, 7)), replace=False)
        known = [] if user % 7 == 6 else [f"m{item}" for item in items]
        lines += [f"v{user},{item}" for item in [*known, *(["new"] if user % 5 == 0 else [])]]
        lines += [f"v{user},strange"] * (user % 7 == 6)
    lines += [f"omni,m{item}" for item in range(30)]
    Path("new.csv").write_text("\n".join(lines) + "\n")


def started(size: int, *options: str, **variables: str) -> subprocess.Popen[str]:
    """`COMMAND` with more options in a process of its own, so many users a shard."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(size), *COMMAND, *options],
        env=os.environ | {"PYTHONPATH": f"{KILLER}:{REPO}"} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def by_shards(size: int, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The same when it has ended."""
    with started(size, *options, **variables) as process:
        out, err = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)
