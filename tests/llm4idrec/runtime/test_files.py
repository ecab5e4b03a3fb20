"""Files and folders appear whole or not at all; work that was cut off goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from llm4idrec.errors import InputError
from llm4idrec.runtime import files
from llm4idrec.runtime.files import (
    content_hash,
    fingerprint,
    forget_work,
    read_json,
    remove,
    replacing_file,
    replacing_folder,
    resumable_folder,
    write_json,
)

REPO = Path(__file__).resolve().parents[3]


class CutOffError(Exception):
    pass


def cut_off(writing: AbstractContextManager[Path], name: str = "") -> None:
    """Write `name` in the folder that is being written, or the file itself, and die."""
    with writing as partial:
        (partial / name).write_text("half")
        raise CutOffError


def test_replacing_file(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.txt"
    with replacing_file(target) as partial:
        partial.write_text("one")
        assert not target.exists()
    with pytest.raises(CutOffError):
        cut_off(replacing_file(target))
    assert target.read_text() == "one"
    assert [path.name for path in target.parent.iterdir()] == ["a.txt"]


def test_replacing_folder(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    (target / "old").touch()
    with pytest.raises(CutOffError):
        cut_off(replacing_folder(target), "half")
    assert [path.name for path in target.iterdir()] == ["old"]
    with replacing_folder(target) as partial:
        (partial / "new").touch()
    assert [path.name for path in target.iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize(("again", "kept"), [("same", True), ("other", False)])
def test_half_done_work_is_kept_for_the_same_inputs(tmp_path: Path, again: str, kept: bool) -> None:
    target = tmp_path / "folder"
    with pytest.raises(CutOffError):
        cut_off(resumable_folder(target, "same"), "first")
    for call in (1, 2):  # the end of the block does not remove it either
        with resumable_folder(target, again) as work:
            assert (work / "first").exists() is kept
            assert (work / "second").exists() is (call == 2)
            (work / "second").touch()
    assert [path.name for path in tmp_path.iterdir()] == [".folder.resumable"]
    forget_work(target)
    assert not list(tmp_path.iterdir())


def test_half_done_work_of_other_code_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CutOffError):
        cut_off(resumable_folder(tmp_path / "folder", "same"), "first")
    monkeypatch.setattr(files, "code_hash", lambda: "other")
    with resumable_folder(tmp_path / "folder", "same") as work:
        assert not (work / "first").exists()


def test_only_one_process_works_at_a_folder(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from llm4idrec.errors import BusyError
from llm4idrec.runtime.files import resumable_folder
try:
    with resumable_folder(Path(sys.argv[1]), "same"):
        pass
except BusyError as error:
    sys.exit(str(error))
"""
    command = [sys.executable, "-c", script, str(tmp_path / "folder")]
    with resumable_folder(tmp_path / "folder", "same") as work:
        (work / "first").touch()
        second = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPO)
        assert (work / "first").exists()
    assert second.stderr.startswith(f"{tmp_path / 'folder'}: another process is at work on it")
    assert second.returncode == 1
    assert subprocess.run(command, check=False, cwd=REPO).returncode == 0


def killed(script: str, *arguments: Path) -> None:
    """Run a script that kills itself, in a process of its own."""
    head = "import os, shutil, signal, sys\nfrom pathlib import Path\n"
    head += "from llm4idrec.runtime import files\n"
    head += "def die(*_, **__): os.kill(os.getpid(), signal.SIGKILL)\n"
    command = [sys.executable, "-c", head + script, *map(str, arguments)]
    assert subprocess.run(command, check=False, cwd=REPO).returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("moment", "left"),
    [
        ("open(folder / 'new', 'w').close(); die()", ["old"]),
        ("files._move_folder = die", ["old"]),
        ("shutil.rmtree = die; open(folder / 'new', 'w').close()", ["new"]),
    ],
    ids=["while writing", "before the renames", "after the renames"],
)
def test_a_killed_writer_leaves_the_old_or_the_new_and_its_rest_is_removed(
    tmp_path: Path, moment: str, left: list[str]
) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    (target / "old").touch()
    writing = "with files.replacing_folder(Path(sys.argv[1])) as folder:\n    "
    if "_move_folder" in moment:
        writing = f"{moment}\n{writing}pass"
    else:
        writing += moment
    killed(writing, target)
    assert [path.name for path in target.iterdir()] == left
    assert len(list(tmp_path.iterdir())) == 2
    with pytest.raises(CutOffError):
        cut_off(replacing_folder(target), "half")
    assert [path.name for path in target.iterdir()] == left
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_what_was_moved_aside_comes_back_if_nothing_took_its_place(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    (target / "old").touch()
    killed(
        "real = Path.replace\n"
        "Path.replace = lambda a, b: real(a, b) if b.name != 'folder' else die()\n"
        "with files.replacing_folder(Path(sys.argv[1])): pass",
        target,
    )
    assert not target.exists()
    with pytest.raises(CutOffError):
        cut_off(replacing_folder(target), "half")
    assert [path.name for path in target.iterdir()] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_what_a_running_process_writes_is_left_alone(tmp_path: Path) -> None:
    others = tmp_path / f".a.txt.{os.getppid()}.partial"
    own_name = tmp_path / ".a.txt.notes.partial"
    for file in (others, own_name):
        file.touch()
    with replacing_file(tmp_path / "a.txt") as partial:
        partial.touch()
    assert others.exists()
    assert own_name.exists()


def test_hashes_depend_on_names_content_and_parameters(tmp_path: Path) -> None:
    for name, file, text in (("a", "x", "1"), ("b", "x", "1"), ("c", "y", "1"), ("d", "x", "2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text(text)
    a, b, c, d = (content_hash(tmp_path / name) for name in "abcd")
    assert a == b
    assert len({a, c, d}) == 3
    assert fingerprint(tmp_path / "a", k=1) == fingerprint(tmp_path / "b", k=1)
    assert fingerprint(tmp_path / "a", k=1) != fingerprint(tmp_path / "a", k=2)
    with pytest.raises(InputError, match="there is no such file; run the stage that writes it"):
        fingerprint(tmp_path / "e")


def test_json(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": [1, 2.5, None]})
    assert read_json(tmp_path / "a.json") == {"b": [1, 2.5, None]}
    assert json.loads((tmp_path / "a.json").read_text()) == {"b": [1, 2.5, None]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"b": float("nan")})
    assert read_json(tmp_path / "a.json") == {"b": [1, 2.5, None]}


def test_remove_takes_along_the_parents_it_empties(tmp_path: Path) -> None:
    (tmp_path / "kept").touch()
    (tmp_path / "a" / "b" / "folder").mkdir(parents=True)
    (tmp_path / "a" / "b" / "folder" / "file").touch()
    remove(tmp_path / "a" / "b" / "folder", tmp_path / "was" / "never" / "there")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_failure_leaves_no_new_folder(tmp_path: Path) -> None:
    with pytest.raises(KeyError), replacing_folder(tmp_path / "kept" / "new" / "out"):
        raise KeyError
    assert not list(tmp_path.iterdir())
