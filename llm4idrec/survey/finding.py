"""What a file or folder was found to be: the values of `data`, and sentences for the person."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.config import DataConfig
from llm4idrec.config.data import NAMED
from llm4idrec.data.formats.compression import SUFFIXES
from llm4idrec.data.formats.folder import files_of, partition, value_of
from llm4idrec.errors import InputError
from llm4idrec.survey.column import DATES_AS_NUMBERS, Column
from llm4idrec.survey.folder import chosen_files
from llm4idrec.survey.roles import Roles, roles_of
from llm4idrec.survey.sample import Sample, sample_of

_NO_POSITIVE = re.compile(
    r"dislike|remove|return|refund|cancel|skip|unlike|unfollow|impression|exposure|hide|report"
    r"|downvote|thumbs.?down|not.?interested|delete|storno|retoure"
)
_DEFAULTS: dict[str, Any] = {
    "train": None,
    "test": None,
    "user": None,
    "item": None,
    "timestamp": None,
    "separator": None,
    "header": True,
    "encoding": "utf-8",
    "rating": None,
    "min_rating": None,
    "where": {},
}
"""Keys that depend on the file alone, which another file must not inherit."""


@dataclass(frozen=True)
class Finding:
    """The keys of `data` that follow from a file, and what was seen."""

    data: dict[str, Any]
    layout: str
    """Format, separator, header, compression and encoding in words."""
    looked_at: str
    roles: Roles | None
    """None for the formats whose words have no names."""
    columns: list[Column]
    remarks: list[str]

    @property
    def config(self) -> DataConfig:
        return DataConfig.model_validate(self.data)

    def with_values(self, **data: Any) -> Finding:
        return Finding(
            self.data | data,
            self.layout,
            self.looked_at,
            self.roles,
            self.columns,
            self.remarks,
        )


def finding(path: Path, wanted: Mapping[str, str]) -> Finding:
    """Look at a file or folder; `wanted` are columns that the person named, role -> name.

    Raises `InputError` where it cannot be told what the file is.
    """
    if not path.exists():
        raise InputError("there is no such file", "the interactions", file=path)
    given: dict[str, str] = {}
    remarks: list[str] = []
    if path.is_dir():
        path, given, remarks = chosen_files(path)
    sample = _sample(path / given.get("train", ""))
    data = _DEFAULTS | sample.layout | given | {"path": str(path)}
    roles = None
    if data["format"] in NAMED:
        roles = roles_of(sample.columns, dict(wanted), path)
        remarks += roles.remarks
        data |= {"user": roles.user.name, "item": roles.item.name}
        data |= {"timestamp": roles.timestamp.name if roles.timestamp else None}
        data |= _rating(roles.rating, remarks) | _events(roles.event, remarks)
    elif wanted:
        raise InputError(f"the format {data['format']} has no columns to be named", file=path)
    rows = len(sample.columns[0].values) if sample.columns else 0
    looked_at = "" if sample.whole or not rows else f"told by {rows:,} first, middle, last rows"
    return Finding(data, ", ".join(sample.words), looked_at, roles, sample.columns, remarks)


def _sample(path: Path) -> Sample:
    """Of a file, or of some of those that are one table, with what their folders say."""
    if not path.is_dir():
        return sample_of(path)
    names = files_of(path)
    chosen = dict.fromkeys([names[0], names[len(names) // 2], names[-1]])
    samples = [_with_folders(sample_of(path / name), name, path) for name in chosen]
    first = samples[0]
    columns = []
    for place, column in enumerate(first.columns):
        parts = [s.columns[place].values for s in samples if len(s.columns) == len(first.columns)]
        values = pa.concat_arrays([part.cast(pa.string()) for part in parts])
        columns.append(Column(column.name, values, column.temporal))
    whole = len(names) == len(samples) and all(sample.whole for sample in samples)
    words = [f"{len(names)} files", *first.words]
    return Sample(columns, first.layout, words, whole)


def _with_folders(sample: Sample, name: str, folder: Path) -> Sample:
    """The sample with the columns that folders such as `day=2024-01-01` give."""
    if not sample.columns:
        return sample
    rows = len(sample.columns[0].values)
    given = [
        Column(column, pa.repeat(pa.scalar(value_of(value, folder / name), pa.string()), rows))
        for column, value in partition(name).items()
    ]
    return Sample([*sample.columns, *given], sample.layout, sample.words, sample.whole)


def _rating(column: Column | None, remarks: list[str]) -> dict[str, Any]:
    """All ratings count, as is the product's default, but for zeros that say no."""
    if column is None or column.numbers is None:
        return {}
    low, high = column.numbers.min(), column.numbers.max()
    if {float(n) for n in set(column.numbers[:1000])} <= {-1.0, 0.0, 1.0} and low < high == 1:
        remarks.append(f"{column.name} is 1 or {low:g}: only rows with 1 count (data.min_rating)")
        return {"rating": column.name, "min_rating": 1.0}
    if low == high:
        remarks.append(f"{column.name} is {low:g} in every row: it tells nothing")
        return {}
    liked = round(0.8 * high, 1) if high > 5 else high - 1 if high >= 4 else high
    share = 100 * float((column.numbers >= liked).mean())
    remarks.append(
        f"{column.name} is from {low:g} to {high:g}, and every row counts as a positive, as is the "
        f"default; for high ratings only: rating: {column.name}, min_rating: {liked:g} "
        f"({share:.0f} % of the rows)"
    )
    if any("," in text for text in column.distinct):
        remarks.append(f"{column.name} has decimal commas: min_rating needs decimal points")
    return {}


def _events(column: Column | None, remarks: list[str]) -> dict[str, Any]:
    """All kinds of events count, but for those that say no."""
    if column is None:
        return {}
    counts = pc.value_counts(column.filled).to_pylist()
    counts.sort(key=lambda each: -each["counts"])
    names = [str(each["values"]) for each in counts]
    kinds = ", ".join(f"{each['values']} {each['counts']:,}" for each in counts[:8])
    positive = [name for name in names if not _NO_POSITIVE.search(name.lower())]
    one = f"where: {{{column.name}: [{names[-1]}]}}"
    if len(positive) in (0, len(names)):
        remarks.append(f"{column.name} has {kinds}: all count; for one kind only: {one}")
        return {}
    left_out = ", ".join(name for name in names if name not in positive)
    remarks.append(f"{column.name} has {kinds}: all but {left_out} count (data.where)")
    return {"where": {column.name: positive}}


def spelled_time(column: Column) -> str:
    """How times are spelled, for people."""
    kind = column.time
    if kind is None:
        return "numbers"
    return (
        kind if kind in ("ISO 8601", DATES_AS_NUMBERS) or column.temporal else f"{kind} since 1970"
    )


def dataset_name(path: Path) -> str:
    """A name for reports, from that of the file or folder."""
    name = path.name
    while Path(name).suffix.lower() in SUFFIXES or re.fullmatch(r"\.[a-z]{2,8}", Path(name).suffix):
        name = Path(name).stem
    name = re.sub(r"[^\w.+-]+", "-", name).lstrip(".+-")
    return name[:100] or "mine"
