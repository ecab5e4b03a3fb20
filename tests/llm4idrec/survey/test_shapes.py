from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llm4idrec.survey.counted import Counted, read_aside
from llm4idrec.survey.finding import finding
from tests.llm4idrec.survey.frames import iso, shoppers, text

ROWS = shoppers()
MIXED = shoppers(by_time=True)
Row = dict[str, Any]


def of(key: str) -> Callable[[Row], Any]:
    return lambda row: row[key]


def dated(form: str = "%Y-%m-%d %H:%M:%S") -> Callable[[Row], str]:
    return lambda row: iso(row["time"], form)


FOUR = {"a": of("user"), "b": of("item"), "c": of("stars"), "d": of("time")}


def packed(content: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("ratings.csv", content)
    return file.getvalue()


def parquet(columns: dict[str, Callable[[Row], Any]]) -> bytes:
    table = pa.table({name: [value(row) for row in MIXED] for name, value in columns.items()})
    table = table.set_column(2, "bought_at", table["bought_at"].cast(pa.timestamp("s")))
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


def listed(user_end: str) -> str:
    lists: dict[int, list[str]] = {}
    for row in ROWS:
        lists.setdefault(row["user"], []).append(str(row["item"]))
    return "".join(f"{user}{user_end}{' '.join(items)}\n" for user, items in lists.items())


@dataclass(frozen=True)
class Shape:
    """A file, and the keys of `data` that are not what they are by default."""

    name: str
    content: bytes
    found: dict[str, Any]


def columns(user: str, item: str, timestamp: str | None = None, **more: Any) -> dict[str, Any]:
    return {"format": "csv", "user": user, "item": item, "timestamp": timestamp, **more}


KINDS = ["view", "cart", "purchase", "remove_from_cart"]
GERMAN = {"Kundennummer": of("user"), "Artikel-Nr.": of("item"), "Kaufdatum": dated("%Y-%m-%d")}
SHAPES = [
    Shape(
        "gz-semicolon-iso",
        gzip.compress(
            text(
                ROWS, {"userId": of("user"), "movieId": of("item"), "rated": dated()}, ";"
            ).encode()
        ),
        columns("userId", "movieId", "rated", separator=";"),
    ),
    Shape(
        "headerless-tsv",
        text(MIXED, FOUR, "\t", header=False).encode(),
        columns("1", "2", "4", format="tsv", header=False),
    ),
    Shape(
        "movielens-1m",
        text(ROWS, FOUR, "::", header=False).encode(),
        columns("1", "2", "4", separator="::", header=False),
    ),
    Shape(
        "cp1252",
        text(
            MIXED, {"Käufer": lambda r: f"Köhler {r['user']}", **dict(list(GERMAN.items())[1:])}
        ).encode("cp1252"),
        columns("Käufer", "Artikel-Nr.", "Kaufdatum", encoding="cp1252"),
    ),
    Shape(
        "utf-16",
        text(MIXED, GERMAN, ";").encode("utf-16"),
        columns(
            "Kundennummer", "Artikel-Nr.", "Kaufdatum", separator=";", encoding="utf-16"
        ),
    ),
    Shape(
        "bom",
        b"\xef\xbb\xbf" + text(MIXED, GERMAN).encode(),
        columns("Kundennummer", "Artikel-Nr.", "Kaufdatum"),
    ),
    Shape(
        "parquet",
        parquet({"sku": lambda r: f"a{r['item']}", "who": of("user"), "bought_at": of("time")}),
        columns("who", "sku", "bought_at", format="parquet"),
    ),
    Shape(
        "jsonl",
        "".join(
            json.dumps({"ts": r["time"], "customer": r["user"], "product": f"p{r['item']}"}) + "\n"
            for r in MIXED
        ).encode(),
        columns("customer", "product", "ts", format="jsonl"),
    ),
    Shape(
        "recbole",
        text(
            ROWS,
            {
                "user_id:token": of("user"),
                "item_id:token": of("item"),
                "rating:float": of("stars"),
                "timestamp:float": of("time"),
            },
            "\t",
        ).encode(),
        columns("user_id", "item_id", "timestamp", format="recbole"),
    ),
    Shape(
        "numbers-only",
        text(ROWS, {"a": of("user"), "b": of("item")}, " ", header=False).encode(),
        {"format": "selfrec_graph"},
    ),
    Shape(
        "weights",
        text(ROWS, {**dict(list(FOUR.items())[:2]), "c": lambda _: 1}, " ", header=False).encode(),
        {"format": "selfrec_graph"},
    ),
    Shape("lists-with-colons", listed(":").encode(), {"format": "selfrec_sequential"}),
    Shape("lists", listed(" ").encode(), {"format": "llm_recsys_sequential"}),
    Shape(
        "decimal-commas",
        text(
            MIXED,
            {
                "user": of("user"),
                "item": of("item"),
                "rating": lambda r: f"{r['stars']},5",
                "ts": lambda r: r["time"] * 1000,
            },
            ";",
        ).encode(),
        columns("user", "item", "ts", separator=";"),
    ),
    Shape(
        "french",
        text(MIXED, {"horodatage": dated("%Y-%m-%dT%H:%M:%SZ"), "id_client": of("user"),
                     "produit": of("item"), "prix": lambda r: r["item"] * 1.25}).encode(),
        columns("id_client", "produit", "horodatage"),
    ),
    Shape(
        "chinese",
        text(MIXED, {"用户ID": of("user"), "商品ID": of("item"), "时间戳": of("time")}).encode(),
        columns("用户ID", "商品ID", "时间戳"),
    ),
    Shape(
        "gb18030",
        text(MIXED, {"用户": of("user"), "商品": of("item"), "日期": dated()}).encode("gb18030"),
        columns("用户", "商品", "日期", encoding="gb18030"),
    ),
    Shape(
        "index-first",
        text([{**row, "n": n} for n, row in enumerate(MIXED)],
             {"": of("n"), "uid": of("user"), "asin": of("item"), "unixReviewTime": of("time")}
             ).encode(),
        columns("uid", "asin", "unixReviewTime"),
    ),
    Shape(
        "price-and-quantity",
        text(MIXED, {
            "InvoiceNo": lambda r: r["time"] // 50_000,
            "StockCode": lambda r: f"S{r['item']}",
            "Description": lambda r: f"LAMP NO {r['item']}",
            "Quantity": lambda r: r["stars"] * 2,
            "InvoiceDate": dated(),
            "UnitPrice": lambda r: r["item"] / 4,
            "CustomerID": of("user"),
            "Country": lambda r: ["DE", "FR", "IT"][r["user"] % 3],
        }).encode(),
        columns("CustomerID", "StockCode", "InvoiceDate"),
    ),
    Shape(
        "zip",
        packed(text(ROWS, {"userId": of("user"), "movieId": of("item"), "timestamp": of("time")})),
        columns("userId", "movieId", "timestamp"),
    ),
    Shape(
        "names-that-say-nothing",
        text(ROWS, {"x": of("user"), "y": of("item"), "z": of("time")}).encode(),
        columns("x", "y", "z"),
    ),
    Shape(
        "events",
        text(MIXED, {
            "event_time": dated(),
            "event_type": lambda r: KINDS[r["stars"] % 4],
            "product_id": of("item"),
            "category_id": lambda r: r["item"] % 5,
            "brand": lambda r: ["", "acme", "zeta"][r["item"] % 3],
            "price": lambda r: r["item"] / 8,
            "user_id": of("user"),
            "user_session": lambda r: f"{r['user']}-{r['time'] // 900_000}",
        }).encode(),
        columns("user_id", "product_id", "event_time",
                where={"event_type": ["view", "cart", "purchase"]}),
    ),
    Shape(
        "likes",
        text(MIXED, {"user": of("user"), "video": of("item"),
                     "score": lambda r: int(r["stars"] > 2)}).encode(),
        columns("user", "video", rating="score", min_rating=1.0),
    ),
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_a_file_is_understood_and_read(shape: Shape, tmp_path: Path) -> None:
    path = tmp_path / "interactions"
    path.write_bytes(shape.content)
    found = finding(path, {})
    usual = {"header": True, "encoding": "utf-8", "separator": None, "where": {}, "user": None}
    usual |= {"item": None, "timestamp": None, "rating": None, "min_rating": None}
    usual |= {"train": None, "test": None, "path": str(path)}
    assert found.data | {"where": {k: sorted(v) for k, v in found.data["where"].items()}} == {
        **usual,
        **shape.found,
        "where": {k: sorted(v) for k, v in shape.found.get("where", {}).items()},
    }
    table, _ = read_aside(path, found.config)
    counted = Counted.of(table, found.config)
    wanted = [row for row in ROWS if _counts(row, shape)]
    assert counted.rows == len(wanted)
    assert counted.users == len({row["user"] for row in wanted})
    assert counted.items == len({row["item"] for row in wanted})


def _counts(row: Row, shape: Shape) -> bool:
    if "where" in shape.found:
        return bool(row["stars"] % 4 != 3)
    return "min_rating" not in shape.found or bool(row["stars"] > 2)
