from __future__ import annotations

import bz2
import gzip
import lzma
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from llm4idrec.survey.counted import Counted, read_aside
from llm4idrec.survey.finding import finding
from tests.llm4idrec.survey.frames import iso, shoppers, text

PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda content: pa.compress(content, codec="zstd", asbytes=True),
}
NAMES = {
    "user": ["user_id", "userId", "customer", "Kundennr", "utilisateur", "reviewerID", "用户id"],
    "item": ["item_id", "movieId", "ASIN", "Artikelnummer", "produit", "商品id", "track"],
    "time": ["timestamp", "ts", "date", "bought_at", "Datum", "horodatage", "unixtime"],
}
TIMES: list[Callable[[int], Any]] = [
    lambda time: time,
    lambda time: time * 1000 + 7,
    lambda time: f"{time}.25",
    iso,
    lambda time: iso(time, "%Y-%m-%dT%H:%M:%SZ"),
    lambda time: iso(time, "%Y-%m-%d"),
    lambda time: iso(time, "%Y%m%d"),
]
IDS: list[Callable[[int], Any]] = [
    int,
    lambda n: f"x{n}",
    lambda n: f"A{n:06d}Z",
    lambda n: f"{n}é",
]
MORE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "price": lambda row: row["item"] * 0.37,
    "quantity": lambda row: row["stars"],
    "country": lambda row: ["DE", "FR", "IT"][row["user"] % 3],
    "note to self": lambda row: "" if row["stars"] < 4 else "yes, good",
}


@dataclass(frozen=True)
class Layout:
    names: dict[str, str]
    order: list[str]
    header: bool
    separator: str
    encoding: str
    packing: str
    by_time: bool
    spelled: dict[str, Callable[[int], Any]]


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    names = {role: draw(st.sampled_from(words)) for role, words in NAMES.items()}
    header = draw(st.booleans())
    more = draw(st.lists(st.sampled_from(sorted(MORE)), unique=True, max_size=3))
    order = draw(st.permutations([*names, *more])) if header else ["user", "item", "time"]
    encodings = ["utf-8", "utf-8-sig", "utf-16"]
    return Layout(
        names=names,
        order=list(order),
        header=header,
        separator=draw(st.sampled_from([",", ";", "\t", "|", "::"])),
        encoding=draw(st.sampled_from(encodings)),
        packing=draw(st.sampled_from(sorted(PACKINGS))),
        by_time=draw(st.booleans()),
        spelled={
            "user": draw(st.sampled_from(IDS)),
            "item": draw(st.sampled_from(IDS)),
            "time": draw(st.sampled_from(TIMES)),
        },
    )


def spelled(key: str, spell: Callable[[int], Any]) -> Callable[[dict[str, Any]], Any]:
    return lambda row: spell(row[key])


@settings(max_examples=60)
@given(layouts(), st.integers(0, 1000))
def test_a_frame_in_any_layout_is_understood(layout: Layout, seed: int) -> None:
    rows = shoppers(25, 50, seed=seed, by_time=layout.by_time)
    columns: dict[str, Callable[[dict[str, Any]], Any]] = {}
    for key in layout.order:
        if key in MORE:
            columns[key] = MORE[key]
        else:
            columns[layout.names[key]] = spelled(key, layout.spelled[key])
    written = text(rows, columns, layout.separator, header=layout.header)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mine")
        path.write_bytes(PACKINGS[layout.packing](written.encode(layout.encoding)))
        found = finding(path, {})
        table, _ = read_aside(path, found.config)
    numbers = {"user": "1", "item": "2", "time": "3"}
    names = layout.names if layout.header else numbers
    data = found.data
    assert {"user": data["user"], "item": data["item"], "time": data["timestamp"]} == names
    assert data["header"] == layout.header
    counted = Counted.of(table, found.config)
    assert counted.rows == len(rows)
    assert counted.users == len({row["user"] for row in rows})
    assert counted.items == len({row["item"] for row in rows})
