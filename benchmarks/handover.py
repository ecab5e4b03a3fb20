"""One split for both sides: SELFRec's files in, the same numbers out in every side's own format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.config import DataConfig
from llm4idrec.data.formats import read_file
from llm4idrec.data.interactions import Interactions


@dataclass(frozen=True)
class Split:
    """Train and test; users and items are numbered by first appearance, train's items first."""

    train: Interactions
    test: Interactions

    def __str__(self) -> str:
        train = self.train
        pairs = f"{len(train)} pairs in train, {len(self.test)} in test"
        return f"{train.n_users} users, {train.n_items} items, {pairs}"

    @property
    def sequential(self) -> bool:
        """Whether there is an order in time."""
        return self.train.timestamp is not None

    def write(self, folder: Path) -> None:
        """Write both parts as Parquet for us, as text for SELFRec, and RecBole's in `split`."""
        (folder / "split").mkdir(parents=True)
        for name, table in (("train", self.train), ("test", self.test)):
            table.write(folder / f"{name}.parquet")
            lines = _sequences(table) if self.sequential else _pairs(table)
            (folder / f"{name}.txt").write_text("".join(lines), encoding="ascii")
        train, test = (part.table().replace_schema_metadata() for part in (self.train, self.test))
        if self.sequential:
            _write_atomic(folder / "split" / "split.inter", pa.concat_tables([train, test]))
        else:
            for name, part in (("train", train), ("valid", test[:0]), ("test", test)):
                _write_atomic(folder / "split" / f"split.{name}.inter", part)


def read_split(train_file: Path, test_file: Path) -> Split:
    """Read `user item weight` or `user:item item ...` lines; a colon in the first line tells which.

    A repeated pair counts once, at its first place. Test pairs of unknown users, or that stand in
    train, are left out. So are, without an order in time, those of unknown items: SELFRec drops
    them there, and counts them as misses in sequences.
    """
    with train_file.open("rb") as lines:
        sequential = b":" in lines.readline()
    kind = "selfrec_sequential" if sequential else "selfrec_graph"
    data = DataConfig.model_validate({"path": train_file, "format": kind})
    train, test = read_file(train_file, data), read_file(test_file, data)
    users, catalogue = train["user"].unique(), train["item"].unique()
    items = pa.concat_arrays([catalogue, test["item"].unique()]).unique()
    known = pc.is_in(test["user"], users)
    if not sequential:
        known = pc.and_(known, pc.is_in(test["item"], catalogue))
    both = pa.concat_tables([train, test.filter(known)])
    user = pc.index_in(both["user"], users).to_numpy().astype(np.int64)
    item = pc.index_in(both["item"], items).to_numpy().astype(np.int64)
    first = np.sort(np.unique(user * len(items) + item, return_index=True)[1])
    parts = [first[first < len(train)], first[first >= len(train)]]
    # A later row of the same user is a later time, in test too.
    tables = [
        Interactions(user[rows], item[rows], len(users), size, rows if sequential else None)
        for rows, size in zip(parts, (len(catalogue), len(items)), strict=True)
    ]
    return Split(*tables)


def _pairs(table: Interactions) -> list[str]:
    return [f"{user} {item} 1\n" for user, item in zip(table.user, table.item, strict=True)]


def _sequences(table: Interactions) -> list[str]:
    taken = np.flatnonzero(table.history_lengths)
    return [f"{user}:{' '.join(map(str, table.items_of(int(user))))}\n" for user in taken]


def _write_atomic(path: Path, table: pa.Table) -> None:
    kinds = {"user": "user_id:token", "item": "item_id:token", "timestamp": "timestamp:float"}
    columns = [map(str, table[name].to_pylist()) for name in table.column_names]
    lines = [[kinds[name] for name in table.column_names], *zip(*columns, strict=True)]
    path.write_text("".join("\t".join(line) + "\n" for line in lines), encoding="ascii")
