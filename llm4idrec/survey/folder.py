"""Which files of a folder are interactions: one table, or a train and a test set."""

from __future__ import annotations

import re
from pathlib import Path

from llm4idrec.data.formats.compression import SUFFIXES
from llm4idrec.data.formats.folder import files_of
from llm4idrec.data.shown import listed
from llm4idrec.errors import InputError
from llm4idrec.survey.sample import sample_of

_TRAIN, _TEST, _VALID = (
    re.compile(rf"(^|[^a-z])({words})([^a-z]|$)")
    for words in ("train|training", "test|testing", "valid|validation|val|dev")
)
_INTERACTIONS = re.compile(r"ratings?|interactions?|events?|reviews|transactions|purchases|clicks")
_NO_DATA = {".md", ".html", ".pdf", ".py", ".ipynb", ".dvc", ".yaml", ".yml", ".png", ".sh"}
_ABOUT = re.compile(r"^(readme|licen[cs]e|changelog|citation)", re.IGNORECASE)


def chosen_files(folder: Path) -> tuple[Path, dict[str, str], list[str]]:
    """What `data.path` is to be, the keys `train` and `test` if there are such files, and remarks.

    Raises `InputError` for a folder that does not show which of its files it is.
    """
    names = sorted(
        entry.name
        for entry in folder.iterdir()
        if entry.name[0] not in "._"
        and entry.suffix not in _NO_DATA
        and not _ABOUT.match(entry.name)
    )
    if given := _given_split(names):
        valid = [name for name in names if _VALID.search(_stem(name))]
        said = [f"{listed(valid)}: not used, validation is taken from train"] if valid else []
        return folder, given, said
    if len(names) == 1 and (folder / names[0]).is_file():
        return folder / names[0], {}, []
    likely = [name for name in names if _INTERACTIONS.search(_stem(name))]
    if len(likely) == 1 and (folder / likely[0]).is_file():
        others = [name for name in names if name not in likely]
        return folder / likely[0], {}, [f"of the folder {likely[0]} is taken, not {listed(others)}"]
    if _is_one_table(folder):
        return folder, {}, []
    raise InputError(
        f"is a folder with {listed(names) if names else 'no file'}",
        "one file, files that are one table, or a train and a test file",
        "name the file of the interactions",
        file=folder,
    )


def _given_split(names: list[str]) -> dict[str, str]:
    """The keys `train` and `test`; a test file beside one other makes that the train file."""
    test = [name for name in names if _TEST.search(_stem(name))]
    train = [name for name in names if _TRAIN.search(_stem(name))]
    if len(test) == 1 and not train and len(names) == 2:
        train = [name for name in names if name not in test]
    if len(train) != 1 or len(test) > 1:
        return {}
    return {"train": train[0]} | ({"test": test[0]} if test else {})


def _stem(name: str) -> str:
    """The name in small letters, without numbers and endings: `Test1.txt.gz` is `test`."""
    path = Path(name)
    while path.suffix.lower() in SUFFIXES or re.fullmatch(r"\.[A-Za-z]{2,8}", path.suffix):
        path = path.with_suffix("")
    return re.sub(r"[0-9]", "", path.name).lower()


def _is_one_table(folder: Path) -> bool:
    """Whether the files are of one kind, and the first and the last are laid out alike."""
    try:
        names = files_of(folder)
        first, last = (sample_of(folder / names[place]) for place in (0, -1))
    except InputError:
        return False
    same = [column.name for column in first.columns] == [column.name for column in last.columns]
    return first.layout == last.layout and same
