"""Programs and functions of the user's that fail, or hand in what cannot be used: one sentence."""

from __future__ import annotations

import importlib
import shlex
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from llm4idrec.config.own import OwnConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.own.recommender import OwnRecommender
from llm4idrec.runtime.faults import exit_code
from tests.hostile.refusal import traces

USERS, ITEMS = 4, 5
TRAIN = Interactions(np.array([0, 0, 1, 2]), np.array([0, 1, 2, 4]), USERS, ITEMS)
"""User 3 and item 3 are in no pair."""
SAVE = "users = np.ones((4, 2)); items = np.ones((5, 2)); {}; "
SAVE += "np.save(out + '/users.npy', users); np.save(out + '/items.npy', items)"
RANK = "for u in 0 1 2; do for i in 4 3 2 1 0; do echo $u $i; done; done > {out}/ranking.txt; "


def python(text: str) -> str:
    """A command that runs it."""
    text = f"import os, sys, numpy as np; out = sys.argv[1]; {text}"
    return f"{shlex.quote(sys.executable)} -c {shlex.quote(text)} {{out}}"


VECTORS = {
    "exit code": ("echo one; echo two >&2; exit 3", "ended with exit code 3", "said: one | two"),
    "exit code without a word": ("exit 1", "ended with exit code 1; it said nothing"),
    "an error in Python": (
        python("np.load('gone.npy')"),
        "ended with exit code 1; the last that it said: ",
        "FileNotFoundError: [Errno 2] No such file or directory: 'gone.npy'",
    ),
    "signal": ("kill -SEGV $$", "was ended by SIGSEGV; it said nothing"),
    "a child's signal": ("sh -c 'kill -9 $$'; exit $?", "exit code 137 (SIGKILL)"),
    "command not found": ("no-such-program", "ended with exit code 127", "no-such-program"),
    "not executable": ("./program", "ended with exit code 126", "./program"),
    "a quotation that is open": ("echo '", "ended with exit code 2; the last that it said: "),
    "nothing": ("true", "{out}: there is neither users.npy nor users.txt; expected one of them"),
    "no items": (
        python("np.save(out + '/users.npy', np.ones((4, 2)))"),
        "{out}: there is neither items.npy nor items.txt",
    ),
    "empty": ("touch {out}/users.npy", "{out}/users.npy: no NumPy file (", "; expected a matrix"),
    "empty text": ("touch {out}/users.txt", "{out}/users.txt: the file is empty"),
    "folder": ("mkdir {out}/users.npy", "{out}/users.npy: is no file; expected"),
    "pipe": ("mkfifo {out}/users.npy", "{out}/users.npy: is no file; expected"),
    "pickle": (
        python(SAVE.format("users = np.array([[1, None]] * 4, object)")),
        "{out}/users.npy: no NumPy file (",
    ),
    "words": (python(SAVE.format("users = users.astype(str)")), "{out}/users.npy: holds <U"),
    "shape": (
        python(SAVE.format("users = users[:3]")),
        "{out}/users.npy: the array has shape (3, 2); expected (4, d)",
    ),
    "one dimension": (
        python(SAVE.format("items = items[:, 0]")),
        "{out}/items.npy: the array has shape (5,)",
    ),
    "other lengths": (python(SAVE.format("items = items[:, :1]")), "{out}: users have 2 numbers"),
    "NaN": (
        python(SAVE.format("items[2, 1] = np.nan")),
        "{out}/items.npy: nan in row 2, column 1, counted from 0; expected finite numbers",
    ),
    "inf": (python(SAVE.format("users[0, 0] = -np.inf")), "{out}/users.npy: -inf in row 0"),
    "too large": (python(SAVE.format("users *= 1e300")), "{out}/users.npy: 1e+300 in row 0"),
    "an unknown user": (
        "echo 4 1 > {out}/users.txt",
        "{out}/users.txt, line 1: 4 is none of the users; expected 0 to 3",
    ),
    "no vector of a user": (
        "echo 3 1 > {out}/users.txt; for i in 0 1 2 3 4; do echo $i 1; done > {out}/items.txt",
        "{out}: there is nothing for user 0, as for 2 more",
    ),
}
RANKINGS = {
    "a file elsewhere": (
        RANK.replace("{out}", "{data}"),
        "{out}/ranking.txt: ",
    ),
    "an unknown item": (
        RANK + "echo 0 5 >> {out}/ranking.txt",
        "{out}/ranking.txt, line 16: 5 is none of the items; expected 0 to 4",
    ),
    "negative": (
        RANK + "echo -1 3 >> {out}/ranking.txt",
        "{out}/ranking.txt, line 16: -1 is none of the users",
    ),
    "an item twice": (
        RANK + "echo 1 4 >> {out}/ranking.txt",
        "{out}/ranking.txt, line 16: user 1 has item 4 again; expected distinct items",
    ),
    "too few items": (
        "for u in 0 1 2; do echo $u 4; done > {out}/ranking.txt",
        "{out}: user 0 has 1 items, as for 2 more; expected at least 5 for each user",
    ),
    "no ranking of a user": (
        "for i in 0 1 2 3 4; do echo 1 $i; done > {out}/ranking.txt",
        "{out}: there is nothing for user 0, as for 1 more",
    ),
    "words in it": (
        RANK + "echo 1 four >> {out}/ranking.txt",
        "{out}/ranking.txt, line 16: 'four'; expected a whole number",
    ),
    "a fraction": ("echo 0 1.5 > {out}/ranking.txt", "{out}/ranking.txt, line 1: '1.5'; expected"),
    "binary": (
        "printf '0 1\\n\\377\\376 2\\n' > {out}/ranking.txt",
        "{out}/ranking.txt, line 2: byte 0xff is not UTF-8",
    ),
    "NUL": ("printf '0 \\0\\n' > {out}/ranking.txt", "{out}/ranking.txt, line 1: byte 0x00 is a"),
    "one column": ("echo 0 > {out}/ranking.txt", "{out}/ranking.txt, line 1: ", "1 column"),
}
SCORES = {
    "it hides what it learnt": (
        python(
            "s = np.ones((4, 5)); s[[0, 0, 1, 2], [0, 1, 2, 4]] = -9; "
            "np.save(out + '/scores.npy', s)"
        ),
        "{out}: not one of the 4 training pairs is ranked",
    ),
    "turned over": (
        python("np.save(out + '/scores.npy', np.ones((5, 4)))"),
        "{out}/scores.npy: the array has shape (5, 4); expected (4, 5)",
    ),
}
CASES = [
    pytest.param(writes, command, found, id=f"{writes}: {name}")
    for writes, cases in (("vectors", VECTORS), ("ranking", RANKINGS), ("scores", SCORES))
    for name, (command, *found) in cases.items()
]


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where programs work, and where functions are."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return folder


def refused(
    capfd: pytest.CaptureFixture[str], *found: str, train: Interactions = TRAIN, **section: Any
) -> str:
    """A training that must be refused; returns the sentence."""
    if "command" in section:
        section["command"] += "  # {data} {out}"
    recommender = OwnRecommender(OwnConfig(seeded=False, **section))
    before = traces()

    def fit() -> None:
        recommender.fit(train)

    code = exit_code(fit, debug=False)
    said = capfd.readouterr()
    assert (code, said.out) == (2, "")
    assert said.err.count("\n") == 1, said.err
    assert len(said.err) < 1500
    for part in found:
        assert part in said.err
    assert traces() == before
    return said.err


@pytest.mark.parametrize(("writes", "command", "found"), CASES)
def test_what_a_program_does_wrong(
    writes: str, command: str, found: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    Path("program").write_text("#!/bin/sh\n")
    refused(capfd, *found, command=command, writes=writes)


def test_a_ranking_without_what_was_learnt(capfd: pytest.CaptureFixture[str]) -> None:
    """As long as it has to be."""
    train = Interactions(np.array([0, 1]), np.array([0, 1]), 2, 200)
    refused(
        capfd,
        "{out}: not one of the 2 training pairs is ranked",
        command="for u in 0 1; do for i in $(seq 2 199); do echo $u $i; done; done"
        " > {out}/ranking.txt",
        writes="ranking",
        train=train,
    )


def test_a_program_that_takes_too_long(capfd: pytest.CaptureFixture[str]) -> None:
    """Another that it started in a group of processes of its own ends with it."""
    command = "echo at work; timeout 1234.5 sleep 1234.5"
    refused(capfd, "takes longer than 0.5 s; the last that it said: at work", command=command,
            time_limit=0.5)  # fmt: skip
    assert not alive("1234.5")


def test_what_is_left_running_is_ended(capfd: pytest.CaptureFixture[str]) -> None:
    """The command has ended, so what it has not handed in will not come."""
    command = "(sleep 1235.5; echo 0 1 > {out}/users.txt) & echo begun"
    refused(capfd, "{out}: there is neither users.npy nor users.txt", command=command)
    assert not alive("1235.5")


def test_a_flood_of_output(capfd: pytest.CaptureFixture[str]) -> None:
    """100 MB, of which the end is told; memory does not grow with it."""
    before = psutil.Process().memory_info().rss
    command = "yes 'nothing to be told' | head -c 100000000; printf '\\033[2J\\rthe end'; exit 9"
    said = refused(capfd, "ended with exit code 9", "| the end\n", command=command)
    assert "\033" not in said
    assert psutil.Process().memory_info().rss < before + 50_000_000


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def other(): ...", "mine:fit: raised AttributeError: module 'mine' has no attribute"),
        ("fit = 3", "mine:fit: is int; expected a function"),
        ("import no_such_module", "mine:fit: raised ModuleNotFoundError: No module named 'no_"),
        ("def fit(:", "mine:fit: raised SyntaxError: "),
        ("def fit(train): ...", "mine:fit: raised TypeError: fit() takes 1 positional argument"),
        ("def fit(train, seed): 1 / 0", "mine:fit: raised ZeroDivisionError: division by zero; "),
        ("import sys\ndef fit(train, seed): sys.exit('so')", "mine:fit: raised SystemExit: so"),
        ("def fit(train, seed): ...", "mine:fit: returned NoneType; expected (user_vectors, "),
        ("def fit(train, seed): return [1], [[1]] * 5", "gave an array of shape (1,); expected"),
        ("def fit(train, seed): return 'ab', 1", "mine:fit: gave str; expected a matrix (4, d)"),
        ("def fit(train, seed): return [[1]] * 4, [[1, 2]] * 5", "mine:fit: user vectors of 1 "),
        (
            "def fit(train, seed): return [[1]] * 4, [[float('nan')]] * 5",
            "mine:fit: gave nan in row 0, column 0",
        ),
        (
            "def fit(train, seed): return lambda users: [[1] * 3] * len(users)",
            "mine:fit: gave an array of shape (4, 3); expected a matrix (4, 5) of finite numbers",
        ),
        (
            "import numpy as np\ndef fit(train, seed):\n  s = np.ones((4, 5))\n"
            "  s[train.user, train.item] = 0\n  return lambda users: s[users]",
            "mine:fit: not one of the 4 training pairs is ranked",
        ),
    ],
)
def test_what_a_function_does_wrong(
    text: str, found: str, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("mine.py").write_text(text)
    sys.modules.pop("mine", None)
    importlib.invalidate_caches()
    refused(capfd, found, function="mine:fit")


def alive(argument: str) -> list[psutil.Process]:
    """Processes that were started with it; those that were just killed get a moment to go."""
    found = [p for p in psutil.process_iter(["cmdline"]) if argument in (p.info["cmdline"] or ())]
    left: list[psutil.Process] = psutil.wait_procs(found, timeout=5)[1]
    return left
