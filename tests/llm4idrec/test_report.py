"""The report stage on small folders: numbers in JSON, and a page that stands on its own."""

from __future__ import annotations

import math
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llm4idrec.charts import Interval, Line, bar_chart, interval_chart, line_chart
from llm4idrec.files import read_json, write_json
from llm4idrec.interactions import Interactions
from llm4idrec.stages import report

USERS, SEEDS = 30, 2
METRICS = ("recall_at_5", "ndcg_at_5")
VOID = {"meta"}


class Page(HTMLParser):
    """Checks that tags match; gathers text, attributes and chart coordinates."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.values: list[tuple[str, str]] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.values += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.values += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, text: str) -> None:
        self.texts.append(text)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def write_evaluation(folder: Path, gain: float, chosen: float) -> Path:
    rng = np.random.default_rng(1)
    folder.mkdir(parents=True)
    n = SEEDS * USERS
    base = np.tile(rng.uniform(0.1, 0.5, USERS), SEEDS)
    columns = {m: np.concatenate([base, base * (1 + gain * rng.random(n))]) for m in METRICS}
    table = {
        "variant": np.repeat(["original", "augmented"], n),
        "seed": np.tile(np.repeat(np.arange(SEEDS), USERS), 2),
        "user": np.tile(np.arange(USERS), 2 * SEEDS),
    }
    pq.write_table(pa.table({**table, **columns}), folder / "per_user.parquet")
    scores = {"0": [0.2, 0.21], "0.5": [0.25, 0.24], "1": [0.22, 0.23]}
    write_json(
        folder / "selection.json", {"metric": "ndcg_at_5", "scores": scores, "chosen": chosen}
    )
    write_json(folder / "summary.json", {"chosen_amount": chosen})
    write_json(folder / "cost.json", {"seconds": 12.0})
    history = [
        {"series": f"amount={amount}/seed={seed}", "step": step, "loss": 1 / step}
        | dict.fromkeys(METRICS, 0.1 + step / 100)
        for amount in scores
        for seed in range(SEEDS)
        for step in (5, 10, 15)
    ]
    pq.write_table(pa.Table.from_pylist(history), folder / "history.parquet")
    return folder


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Any]:
    user, item = np.divmod(np.arange(USERS * 4), 4)
    kept = item <= user % 4
    train = Interactions(user[kept], item[kept], USERS, 4)
    train.write(tmp_path / "train" / "interactions.parquet")
    write_json(
        tmp_path / "train" / "summary.json",
        {"users": USERS, "catalogue_items": 4, "train_pairs": len(train), "density": 0.625},
    )
    write_json(tmp_path / "generations" / "cost.json", {"seconds": 3661.0})
    write_json(
        tmp_path / "candidates" / "summary.json",
        {"generated": 900, "duplicate": 40, "candidates": 500, "not_an_item": 10}
        | {"not_in_catalogue": 20, "already_seen": 30, "few_votes": 100, "low_log_probability": 0}
        | {"over_amount": 120, "accepted": 220, "users_with_accepted": 30},
    )
    made = ("train", "base_model", "adapter", "generations", "candidates")
    return {name: tmp_path / name for name in made} | {
        "evaluations": [
            write_evaluation(tmp_path / "evaluation" / "mf", 0.4, 0.5),
            write_evaluation(tmp_path / "evaluation" / "lightgcn", 0.0, 0.0),
        ],
        "out": tmp_path / "reports",
    }


def make(folders: dict[str, Any], **names: str) -> Page:
    report(**folders, **{"dataset": "small", "protocol": "leave_last_out", **names})
    return Page((folders["out"] / "comparison.html").read_text(encoding="utf-8"))


def test_comparison_json(folders: dict[str, Any]) -> None:
    make(folders)
    rows = read_json(folders["out"] / "comparison.json")
    assert [(row["recommender"], row["metric"]) for row in rows] == [
        (recommender, metric) for recommender in ("mf", "lightgcn") for metric in METRICS
    ]
    names = "dataset protocol recommender metric original augmented relative_gain ci_low ci_high"
    assert all(list(row) == [*names.split(), "p_value", "n_seeds", "n_users"] for row in rows)
    per_user = pq.read_table(folders["evaluations"][0] / "per_user.parquet").to_pandas()
    means = per_user.groupby("variant")["ndcg_at_5"].mean()
    assert rows[1]["original"] == pytest.approx(means["original"])
    assert rows[1]["augmented"] == pytest.approx(means["augmented"])
    assert sorted(path.name for path in folders["out"].iterdir()) == [
        "comparison.html",
        "comparison.json",
        "metrics.json",
    ]
    summaries = read_json(folders["out"] / "metrics.json")
    assert list(summaries) == ["mf", "lightgcn"]
    assert summaries["mf"] == read_json(folders["evaluations"][0] / "summary.json")


def test_page_says_what_the_numbers_say(folders: dict[str, Any]) -> None:
    page = make(folders)
    (row,) = (
        row
        for row in read_json(folders["out"] / "comparison.json")
        if row["recommender"] == "mf" and row["metric"] == "ndcg_at_5"
    )
    assert "Augmentation helps MF: with 0.5 generated items" in page.text
    assert "does not help LightGCN: validation chose amount 0" in page.text
    assert f"NDCG@5 goes from {row['original']:.4f} to {row['augmented']:.4f}" in page.text
    assert "chosen: 0.5" in page.text
    assert "protocol leave last out" in page.text
    assert "Users 30" in page.text
    assert "Generation 3,661 s Evaluation of MF 12 s" in page.text
    assert "500 that name an item 490 in the catalogue 470 new to the user 440" in page.text
    assert "accepted 220" in page.text


def test_thirds_of_users_by_history(folders: dict[str, Any]) -> None:
    """Histories are 1, 2, 3 and 4 long for 8, 8, 7 and 7 users."""
    page = make(folders)
    first = page.text.split("MF, NDCG@5")[1].split("LightGCN, NDCG@5")[0]
    assert first.split("gain ")[1].split()[:4] == ["1", "to", "2", "16"]
    assert "3 to 3 7 " in first
    assert "4 to 4 7 " in first


def test_page_needs_no_network(folders: dict[str, Any]) -> None:
    page = make(folders)
    assert {"script", "link", "img", "iframe"}.isdisjoint(page.tags)
    assert {name for name, _ in page.values}.isdisjoint({"src", "href"})
    html = (folders["out"] / "comparison.html").read_text(encoding="utf-8")
    assert "http" not in html
    assert "url(" not in html
    assert "$" not in html
    assert len(html) < 200_000


def test_names_are_escaped(folders: dict[str, Any]) -> None:
    page = make(folders, dataset="a<b>&c")
    assert "b" not in page.tags[: page.tags.index("p")]
    assert "a<b>&c" in page.text


def coordinates(svg: str) -> list[float]:
    names = {"x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width"}
    page = Page(svg)
    numbers = [float(value) for name, value in page.values if name in names]
    for name, value in page.values:
        if name == "points":
            numbers += [float(number) for pair in value.split() for number in pair.split(",")]
    return numbers


@pytest.mark.parametrize(
    "values",
    [[0.0], [0.3, 0.3], [1e-5, 2e-5], [-3.0, 0.2], [1e5, 3e5], [0.1 + k / 1000 for k in range(9)]],
)
def test_charts_stay_in_their_frame(values: list[float]) -> None:
    charts = [
        line_chart([Line("a", list(enumerate(values)), "red", marks=True)], "x", "y"),
        interval_chart([Interval("a", v - 0.1, v, v + 0.1, "red") for v in values], "gain"),
        bar_chart([("a", abs(v)) for v in values], "count"),
    ]
    for svg in charts:
        numbers = coordinates(svg)
        assert numbers
        assert all(math.isfinite(number) and 0 <= number <= 360 for number in numbers)


def test_line_chart_keeps_proportions() -> None:
    svg = line_chart([Line("a", [(0, 0.0), (5, 1.0), (10, 2.0)], "red")], "x", "y")
    (points,) = (value for name, value in Page(svg).values if name == "points")
    (x0, y0), (x1, y1), (x2, y2) = (map(float, pair.split(",")) for pair in points.split())
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.2)
    assert y2 < y0


def test_empty_interval_chart_is_still_a_chart() -> None:
    assert "svg" in Page(interval_chart([], "gain")).tags
