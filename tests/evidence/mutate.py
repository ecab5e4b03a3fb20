"""Break the rules of evidence, one at a time, and see that a test fails: `mutations.MUTATIONS`.

`python -m tests.evidence.mutate` does all, with numbers behind it those of some rules. The exit
code is 1 if a mutation went unnoticed, 2 if one does not apply or a test fails without any.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.evidence.mutations import MUTATIONS, Mutation
from tests.tree import copy_tree

REPO = Path(__file__).resolve().parents[2]
FAILED = 1  # pytest's code for tests that failed; others stand for tests that did not run
ASSERTED = re.compile(r":\d+: AssertionError$", re.MULTILINE)


@contextmanager
def copied_tree() -> Iterator[Path]:
    """A folder with the tree in it; tests that run there make their own folders beside it."""
    with tempfile.TemporaryDirectory(prefix="llm4idrec-") as scratch:
        root = Path(scratch) / "tree"
        root.mkdir()
        copy_tree(root)
        yield root


def run_tests(root: Path, tests: Iterable[str]) -> subprocess.CompletedProcess[str]:
    """Pytest on the copy of the tree in `root`, stopping at the first failure."""
    options = ["-x", "-q", "--no-header", "-p", "no:cacheprovider"]
    # Those that run side by side would clear away each other's.
    options.append(f"--basetemp={root.with_name('tmp')}")
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests],
        cwd=root,
        env={name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"},
        capture_output=True,
        text=True,
        check=False,
    )


def caught(mutation: Mutation) -> bool:
    """Whether an assertion of its test fails once the mutation is in; `ValueError` if it cannot be
    put in, or makes something crash, which would say nothing of the test."""
    with copied_tree() as root:
        mutation.apply(root)
        run = run_tests(root, [mutation.test])
    if run.returncode and not (run.returncode == FAILED and ASSERTED.search(run.stdout)):
        raise ValueError(f"{mutation.says}: {mutation.test} crashes\n{run.stdout}{run.stderr}")
    return run.returncode == FAILED


def check_unbroken(mutations: Iterable[Mutation]) -> None:
    """Every test passes while nothing is broken; else `ValueError`."""
    with copied_tree() as root:
        run = run_tests(root, dict.fromkeys(m.test for m in mutations))
    if run.returncode:
        raise ValueError(f"fails without a mutation\n{run.stdout}{run.stderr}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python -m tests.evidence.mutate", description=__doc__)
    parser.add_argument("rules", nargs="*", type=int, help="numbers of rules (all)")
    parser.add_argument("--workers", type=int, default=2, help="mutations side by side (2)")
    options = parser.parse_args(arguments)
    chosen = [m for m in MUTATIONS if not options.rules or m.rule in options.rules]
    missed = 0
    try:
        check_unbroken(chosen)
        with ThreadPoolExecutor(options.workers) as pool:
            for mutation, found in zip(chosen, pool.map(caught, chosen), strict=True):
                missed += not found
                word = "caught    " if found else "NOT caught"
                test = mutation.test.rpartition("/")[2]
                print(f"rule {mutation.rule}  {word}  {mutation.says}  ({test})", flush=True)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{len(chosen) - missed} of {len(chosen)} mutations caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
