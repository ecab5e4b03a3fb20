"""The sections about the interactions."""

from __future__ import annotations

import codecs
import os
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from llm4idrec.config.section import Count, Section, Share

NAMED = ("csv", "tsv", "recbole", "parquet", "jsonl")
"""Formats whose columns have names."""
SEPARATED = NAMED[:3]
SPELLED = {"\\t": "\t", "tab": "\t", "space": " "}
"""Separators that are hard to see, and how they may be written."""


def _text(value: Any) -> Any:
    """What YAML takes for a number, a truth or a date, as the text that stands in a file."""
    if value is None:  # of a column, where pydantic then sees that null may stand there
        raise PydanticCustomError("no_text", 'a text, in quotation marks, such as "NULL"')
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float | date) else value


def _texts(value: Any) -> Any:
    return [_text(part) for part in (value if isinstance(value, list | tuple) else [value])]


Column = Annotated[str, BeforeValidator(_text)]
"""A column's name, or its number."""
Values = Annotated[tuple[str, ...], BeforeValidator(_texts), Field(min_length=1)]
LEAVE_OUT = (
    "set data.drop_short_histories to true to leave such users out, or data.min_history to 1 to "
    "leave them to data.k_core"
)
"""What to do about users of short histories."""


Protocol = Literal["auto", "random", "user_time", "leave_last_out", "global_time"]


class DataConfig(Section):
    """Where the interactions are and which of them are kept."""

    path: Path
    """The file; a folder whose files are one table; or one that holds `train` and perhaps `test`.
    `~` and `$NAME` stand for the home folder and a variable."""
    train: str | None = None
    """Name of a file, or a folder of files, inside `path`."""
    test: str | None = None
    """The same of a test set that someone else has split off."""
    format: Literal[
        "csv",
        "tsv",
        "parquet",
        "jsonl",
        "recbole",
        "selfrec_graph",
        "selfrec_sequential",
        "llm_recsys_sequential",
    ]
    """Layout of the files; `llm4idrec.data.formats` describes each."""
    separator: str | None = None
    """What parts the columns (csv, tsv, recbole), `\\t` for a tab; null: what the format says. csv
    is the format with quotation marks, whatever the separator."""
    header: bool = True
    """Whether the first line names the columns (csv, tsv); if not, their numbers from 1 do."""
    encoding: str = "utf-8"
    """Of text: one that Python knows, such as utf-16 or cp1252."""
    user: Column | None = None
    """Column of the user (csv, tsv, parquet, jsonl, recbole)."""
    item: Column | None = None
    """Column of the item (csv, tsv, parquet, jsonl, recbole)."""
    timestamp: Column | None = None
    """Column of the time, numbers or ISO 8601 (`formats/times.py`); null where there is none."""
    rating: Column | None = None
    """Column of the rating that `min_rating` is about."""
    min_rating: float | None = None
    """Only rows with this rating or a higher one count; null: all."""
    where: dict[Column, Values] = Field(default_factory=dict)
    """Column -> values: only rows that have one of them count, as in `{event: [buy, cart]}`."""
    missing: tuple[Annotated[str, BeforeValidator(_text)], ...] | None = None
    """Texts that are no user or item, and stop the run; null: the usual ones (`formats/ids.py`);
    []: none."""
    duplicates: Literal["drop", "refuse"] = "drop"
    """A repeated (user, item) pair: keep the earliest, or stop the run."""
    min_history: Count = 3
    """The run stops at a user with fewer interactions; 1 leaves short histories to `k_core`."""
    drop_short_histories: bool = False
    """Leave out users with fewer than `min_history` interactions, or too few to be split, instead;
    they are counted in artifacts/train/summary.json."""
    sample_users: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Fraction of the users to keep, drawn by seed."""
    k_core: Annotated[int, Field(ge=0)] = 0
    """Drop users and items with fewer interactions than this, again and again; 0 keeps all."""

    @field_validator("path", mode="after")
    @classmethod
    def _expanded(cls, path: Path) -> Path:
        return Path(os.path.expandvars(os.path.expanduser(path)))  # noqa: PTH111

    @field_validator("separator", mode="after")
    @classmethod
    def _separating(cls, text: str | None) -> str | None:
        separator = SPELLED.get(text, text) if text is not None else None
        if separator is not None and (not separator or set(separator) & set('"\r\n\0')):
            raise ValueError("a separator is expected, such as ';' or '\\t'")
        return separator

    @field_validator("encoding", mode="after")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            text = codecs.lookup(name)._is_text_encoding
        except (LookupError, ValueError):
            text = False
        if not text:
            raise ValueError(f"{name!r} is no encoding that Python knows, such as utf-8 or cp1252")
        return name

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.format in NAMED and not (self.user and self.item):
            raise ValueError(f"format {self.format} needs the column names `user` and `item`")
        if self.format not in SEPARATED and (self.separator or not self.header):
            raise ValueError(f"`separator` and `header` are not for format {self.format}")
        if self.format not in NAMED and (self.rating or self.where):
            raise ValueError(f"format {self.format} has no columns for `rating` and `where`")
        if (self.rating is None) != (self.min_rating is None):
            raise ValueError("`rating` and `min_rating` go together")
        if self.test and not self.train:
            raise ValueError("`test` is given without `train`")
        return self

    @property
    def has_time(self) -> bool:
        """Whether each user's interactions have an order."""
        positions = self.format.endswith("_sequential")
        return positions or (self.timestamp is not None and self.format != "selfrec_graph")

    @property
    def columns(self) -> dict[str, str]:
        """Role -> name of the columns to read, those of `where` as `where NAME`."""
        names = {"user": self.user, "item": self.item, "timestamp": self.timestamp}
        names |= {"rating": self.rating} | {f"where {name}": name for name in self.where}
        return {role: name for role, name in names.items() if name is not None}

    @property
    def train_file(self) -> Path:
        return self.path / self.train if self.train else self.path

    @property
    def test_file(self) -> Path | None:
        return self.path / self.test if self.test else None


class SplitConfig(Section):
    """How validation and test sets are held out."""

    protocol: Protocol
    """random: a share of each user's items. user_time: the latest share of each user's items.
    leave_last_out: each user's last item is the test and the one before the validation.
    global_time: the latest shares of all interactions. auto: by time where there is one, which of
    the three is said (`llm4idrec/data/choice.py`); else random.
    With `data.test` the test set is that file, and the protocol holds out validation only."""
    valid: Share = 0.1
    """Share for validation (all but leave_last_out)."""
    test: Share = 0.2
    """Share for the test (all but leave_last_out)."""
    min_test_users: Count = 100
    """Fewest users with a test item of the catalogue that global_time may leave: with fewer the run
    stops, and auto takes another protocol. The others leave every user there is."""
