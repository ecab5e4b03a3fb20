"""Files and folders appear whole or not at all; work that was cut off goes on."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from llm4idrec.files import (
    content_hash,
    fingerprint,
    read_json,
    remove,
    replacing_file,
    replacing_folder,
    resumable_folder,
    write_json,
)


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
def test_resumable_folder(tmp_path: Path, again: str, kept: bool) -> None:
    target = tmp_path / "folder"
    with pytest.raises(CutOffError):
        cut_off(resumable_folder(target, "same"), "first")
    assert not target.exists()
    with resumable_folder(target, again) as partial:
        assert (partial / "first").exists() is kept
        (partial / "second").touch()
    assert {path.name for path in target.iterdir()} == {"second"} | ({"first"} if kept else set())
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_hashes_depend_on_names_content_and_parameters(tmp_path: Path) -> None:
    for name, file, text in (("a", "x", "1"), ("b", "x", "1"), ("c", "y", "1"), ("d", "x", "2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text(text)
    a, b, c, d = (content_hash(tmp_path / name) for name in "abcd")
    assert a == b
    assert len({a, c, d}) == 3
    assert fingerprint(tmp_path / "a", k=1) == fingerprint(tmp_path / "b", k=1)
    assert fingerprint(tmp_path / "a", k=1) != fingerprint(tmp_path / "a", k=2)


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
