"""your file -> the section `data` of params.yaml, and a table of what it holds"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from llm4idrec.config import Config
from llm4idrec.config.template import template, with_data
from llm4idrec.config.yaml_file import read_yaml
from llm4idrec.data.shown import shown
from llm4idrec.errors import InputError
from llm4idrec.runtime.files import replacing_file
from llm4idrec.survey.counted import Counted, moment, read_aside
from llm4idrec.survey.finding import Finding, dataset_name, finding, spelled_time
from llm4idrec.survey.roles import NO_TIME
from llm4idrec.survey.wrapping import wrapped

_ROLES = ("user", "item", "timestamp")


def add_options(parser: argparse.ArgumentParser) -> None:
    """To the parser of the command, which then runs `init`."""
    parser.add_argument("data", type=Path, metavar="FILE_OR_FOLDER", help="your interactions")
    for role in _ROLES:
        more = f", or {NO_TIME}" if role == "timestamp" else ""
        parser.add_argument(f"--{role}", metavar="COLUMN", help=f"(told by the file){more}")
    parser.add_argument(
        "--force", action="store_true", help="although params.yaml is set up for other data"
    )
    parser.set_defaults(run=init, params=None, out=None, program=parser.prog.rpartition(" ")[0])


def init(options: argparse.Namespace) -> None:
    """Look, really read, write, and say what was understood."""
    path = _from_here(options.data)
    wanted = {role: name for role in _ROLES if (name := getattr(options, role)) is not None}
    found = finding(path, wanted)
    try:
        counted, said = _read(found)
    except InputError as error:
        remedy = error.remedy and error.remedy.replace(
            "set data.timestamp to null", f"say --timestamp {NO_TIME}"
        )
        raise error.advising(remedy) from error
    _require_two_sides(counted, path)
    if counted.short_histories:
        found = found.with_values(drop_short_histories=True)
    changed = _write(options.params, dataset_name(path), found.data, force=options.force)
    for line in _table(found, counted):
        print(wrapped(line))
    for sentence in _remarks(found, counted, said):
        print(wrapped(f"- {sentence}", 2))
    print(f"\n{options.params}: {changed}")
    print(f"next: {options.program} check, which says what a run will cost")


def _from_here(path: Path) -> Path:
    """Relative where it lies below this folder, which is that of params.yaml."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_absolute() and path.is_relative_to(here) else path


def _read(found: Finding) -> tuple[Counted, list[str]]:
    """Counts of the interactions, or of the train set, and what the reader said."""
    data = found.config
    table, said = read_aside(data.train_file, data)
    if data.test_file:
        test, more = read_aside(data.test_file, data)
        said += [f"{len(test):,} rows in {data.test}", *more]
    return Counted.of(table, data), said


def _require_two_sides(counted: Counted, path: Path) -> None:
    """What is read as interactions without an item, or a user, that comes again is something
    else."""
    for role, many, other in (("user", counted.users, "item"), ("item", counted.items, "user")):
        if many == counted.pairs:
            raise InputError(
                f"no {role} has two {other}s, read as {counted.rows:,} interactions",
                f"{role}s with several {other}s",
                "name other columns with --user and --item, or take another file",
                file=path,
            )


def _write(params: Path, dataset: str, data: dict[str, Any], *, force: bool) -> str:
    """Write the parameters; returns what that changed."""
    there = params.is_file()
    text = params.read_bytes().decode() if there else template()
    if there:
        before = read_yaml(params)
        section = before.get("data")
        section = section if isinstance(section, dict) else {}
        if not force and _is_somebodys(section, data):
            raise InputError(
                f"is set up for other data already (data.path is {shown(str(section['path']))})",
                remedy="say --force to put these in their place",
                file=params,
            )
    text = with_data(text, dataset, data)
    with replacing_file(params) as partial:
        partial.write_bytes(text.encode())
        Config.parse(read_yaml(partial), params)
    return "`dataset` and `data` are set, all else is as it was" if there else "written"


def _is_somebodys(section: dict[str, Any], data: dict[str, Any]) -> bool:
    """Whether a section was set by hand, or for another file: it is neither the one that is
    shipped nor what would be written."""
    import yaml

    shipped = yaml.safe_load(template())["data"]
    return bool(section.get("path")) and section not in (shipped, {**section, **data})


def _table(found: Finding, counted: Counted) -> list[str]:
    """What was understood, a line each."""
    data, roles = found.data, found.roles
    names = {role: data[role] for role in _ROLES}
    rows = [("file", _files(found)), ("read as", found.layout)]
    if found.looked_at:
        rows.append(("columns", found.looked_at))
    rows += [
        ("user", _column(names["user"], f"{counted.users:,} users")),
        ("item", _column(names["item"], f"{counted.items:,} items")),
    ]
    if roles and roles.timestamp and counted.span:
        span = " to ".join(map(moment, counted.span))
        rows.append(
            ("time", _column(names["timestamp"], f"{spelled_time(roles.timestamp)}, {span}"))
        )
    elif data["format"].endswith("_sequential"):
        rows.append(("time", "the order of each user's items"))
    else:
        drawn = "" if data["test"] else ": the test set will be drawn at random"
        rows.append(("time", f"none{drawn}"))
    used = {*names.values(), *data["where"], data["rating"]}
    unused = [column.name for column in found.columns if column.name not in used]
    if unused:
        rows.append(("not used", ", ".join(unused)))
    repeats = counted.rows - counted.pairs
    rows.append(("rows", f"{counted.rows:,}; {counted.pairs:,} pairs, {repeats:,} repeats"))
    return [f"{name:<10}{value}" for name, value in rows]


def _files(found: Finding) -> str:
    data = found.data
    parts = [f"{key} {data[key]}" for key in ("train", "test") if data[key]]
    return str(data["path"]) + (f" ({', '.join(parts)})" if parts else "")


def _column(name: str | None, counts: str) -> str:
    return counts if name is None else f"{name}: {counts}"


def _remarks(found: Finding, counted: Counted, said: list[str]) -> list[str]:
    """What is not sure, and what the reader doubts; of ratings it has been told."""
    remarks = list(found.remarks)
    if counted.short_histories:
        remarks.append(
            f"{counted.short_histories:,} users have fewer than {found.config.min_history} pairs: "
            "they are left out (drop_short_histories: true)"
        )
    return remarks + [line for line in said if "data.rating and data.min_rating" not in line]
