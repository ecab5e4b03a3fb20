"""Worker processes never begin the program that asked for them."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPO

SCRIPT = f"""
print("begins", flush=True)
import sys
sys.path.insert(0, {str(REPO)!r})
from llm4idrec.runtime.workers import worker_pool

main = sys.modules["__main__"]
with worker_pool(2) as run:
    print(sorted(run(abs, [-2, 1])))
assert sys.modules["__main__"] is main
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["script", "argument", "input"])
def test_a_program_without_a_guard(how: str, tmp_path: Path) -> None:
    file = tmp_path / "script.py"
    file.write_text(SCRIPT, encoding="utf-8")
    arguments = {"script": [str(file)], "argument": ["-c", SCRIPT], "input": []}[how]
    done = subprocess.run(
        [sys.executable, *arguments], input=SCRIPT, capture_output=True, text=True, check=False
    )
    assert done.stdout == "begins\n[1, 2]\n", done.stderr
