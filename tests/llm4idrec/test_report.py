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

from llm4idrec.augmentation import ORIGINAL_DATA, Augmentation
from llm4idrec.charts import Interval, Line, bar_chart, interval_chart, line_chart
from llm4idrec.files import content_hash, read_json, write_json
from llm4idrec.interactions import Interactions
from llm4idrec.stages import report

USERS, SEEDS = 30, 2
METRICS = ("recall_at_5", "ndcg_at_5")
CHOSEN = Augmentation(0.5, 1.0)
TRIED = {
    ORIGINAL_DATA: [0.2, 0.21],
    Augmentation(0.5, 0.0): [0.24, 0.23],
    CHOSEN: [0.25, 0.24],
    Augmentation(1.0, 0.0): [0.22, 0.23],
    Augmentation(1.0, 1.0): [0.21, 0.23],
}
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


def write_evaluation(
    folder: Path, gain: float, chosen: Augmentation, controls: tuple[str, ...] = ()
) -> Path:
    """Augmented metrics are the original ones with up to twice `gain` more; a control's are the
    original ones, of one seed less."""
    rng = np.random.default_rng(1)
    folder.mkdir(parents=True)
    n = SEEDS * USERS
    base = np.tile(rng.uniform(0.1, 0.5, USERS), SEEDS)
    variants = ("original", "augmented", *controls)
    gains = [1.0, 1 + gain * rng.random(n), *(1 + 0.001 * rng.random(n) for _ in controls)]
    columns = {m: np.concatenate([base * g for g in gains]) for m in METRICS}
    table = {
        "variant": np.repeat(variants, n),
        "seed": np.tile(np.repeat(np.arange(SEEDS), USERS), len(variants)),
        "user": np.tile(np.arange(USERS), len(variants) * SEEDS),
    }
    rows = pa.table({**table, **columns})
    fewer = np.isin(table["variant"], controls) & (table["seed"] == SEEDS - 1)
    pq.write_table(rows.filter(~fewer), folder / "per_user.parquet")
    scores = [{**a._asdict(), "by_seed": by_seed} for a, by_seed in TRIED.items()]
    selection = {"metric": "ndcg_at_5", "scores": scores, "chosen": chosen._asdict()}
    write_json(folder / "selection.json", selection)
    summary = {f"chosen_{name}": value for name, value in chosen._asdict().items()}
    summary |= {"generated_pairs": 30 if chosen.amount else 0}
    for control in controls:
        summary |= {f"{control}_generated_pairs": 29, f"{control}_seeds": SEEDS - 1}
    for place, variant in enumerate(variants):
        summary |= {f"{variant}_recall_at_5_head": 0.5 + place / 100}
        summary |= {f"{variant}_recall_at_5_tail": 0.0625}
        summary |= {f"{variant}_coverage_at_5": 0.75, f"{variant}_popularity_at_5": 21.4}
    write_json(folder / "summary.json", summary)
    write_json(folder / "cost.json", {"seconds": 12.0})
    fits = [f"{augmentation}/seed={seed}" for augmentation in TRIED for seed in range(SEEDS)]
    fits += [f"{name}/{chosen}/seed={s}" for name in controls for s in range(SEEDS - 1)]
    history = [
        {"series": fit, "step": step, "loss": 1 / step} | dict.fromkeys(METRICS, 0.1 + step / 100)
        for fit in fits
        for step in (5, 10, 15)
    ]
    pq.write_table(pa.Table.from_pylist(history), folder / "history.parquet")
    return folder


def write_augmented(folder: Path) -> None:
    """The language model adds item 3 for users 0 and 1, EASE for users 0 and 2, at 0.5; with
    popular items discounted, both add item 2 for user 0."""
    folder.mkdir()
    kinds = {
        "user": pa.int32(),
        "item": pa.int32(),
        "share": pa.float32(),
        "popularity": pa.float32(),
    }
    rows = {
        "augmented": [(0, 3, 0.5, 0.0), (1, 3, 0.25, 0.0), (0, 2, 0.5, 1.0)],
        "ease": [(0, 3, 0.5, 0.0), (2, 3, 0.25, 0.0), (0, 2, 0.5, 1.0)],
    }
    tables = {
        name: pa.table(dict(zip(kinds, zip(*pairs, strict=True), strict=True)), pa.schema(kinds))
        for name, pairs in rows.items()
    }
    generated = tables["augmented"].append_column("origin", [["generated"] * 3])
    pq.write_table(generated, folder / "interactions.parquet")
    controls = tables["ease"].add_column(0, "control", [["ease"] * 3])
    pq.write_table(controls, folder / "controls.parquet")


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Any]:
    user, item = np.divmod(np.arange(USERS * 4), 4)
    kept = item <= user % 4
    train = Interactions(user[kept], item[kept], USERS, 4)
    train.write(tmp_path / "train" / "interactions.parquet")
    Interactions([0, 1], [3, 2], USERS, 5).write(tmp_path / "heldout" / "valid.parquet")
    Interactions([0, 1, 2], [2, 4, 3], USERS, 5).write(tmp_path / "heldout" / "test.parquet")
    write_json(
        tmp_path / "train" / "summary.json",
        {"users": USERS, "catalogue_items": 4, "train_pairs": len(train), "density": 0.625}
        | {"successor_hr_at_10_shuffled": 0.036, "successor_hr_at_10_as_given": 0.048},
    )
    for name, seconds in (("base_model", 60.0), ("adapter", 99.0), ("generations", 3661.0)):
        write_json(tmp_path / name / "cost.json", {"seconds": seconds})
    write_json(
        tmp_path / "candidates" / "summary.json",
        {"generated": 900, "duplicate": 40, "candidates": 500, "not_an_item": 10}
        | {"not_in_catalogue": 20, "already_seen": 30, "few_votes": 100, "low_log_probability": 0}
        | {"over_amount": 120, "accepted": 220, "users_with_accepted": 30},
    )
    write_augmented(tmp_path / "augmented")
    made = ("train", "heldout", "base_model", "adapter", "generations", "candidates", "augmented")
    return {name: tmp_path / name for name in made} | {
        "evaluations": [
            write_evaluation(tmp_path / "evaluation" / "mf", 0.4, CHOSEN, ("ease", "self")),
            write_evaluation(tmp_path / "evaluation" / "lightgcn", 0.0, ORIGINAL_DATA),
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
        "controls.json",
        "metrics.json",
    ]
    summaries = read_json(folders["out"] / "metrics.json")
    assert list(summaries) == ["mf", "lightgcn"]
    assert summaries["mf"] == read_json(folders["evaluations"][0] / "summary.json")


def test_controls_json(folders: dict[str, Any]) -> None:
    make(folders)
    rows = read_json(folders["out"] / "controls.json")
    assert [(row["recommender"], row["metric"], row["source"]) for row in rows] == [
        ("mf", metric, source) for metric in METRICS for source in ("augmented", "ease", "self")
    ] + [("lightgcn", metric, "augmented") for metric in METRICS]
    assert rows[0]["p_value"] == read_json(folders["out"] / "comparison.json")[0]["p_value"]
    assert [(row["popularity"], row["n_seeds"]) for row in rows[:2]] == [
        (1.0, SEEDS),
        (1.0, SEEDS - 1),
    ]


def test_page_compares_with_controls(folders: dict[str, Any]) -> None:
    page = make(folders)
    rows = read_json(folders["out"] / "controls.json")
    own, ease = (row for row in rows if row["metric"] == "ndcg_at_5" and row["recommender"] == "mf"
                 if row["source"] != "self")  # fmt: skip
    assert (
        "Against controls of the same volume (MF, NDCG@5), the language model is ahead of EASE, "
        "self-training (p < 0.05), level with none, behind none."
    ) in page.text
    assert "Controls were not fitted: at amount 0" in page.text
    results = page.text.split("Results on the test set")[1].split("every metric")[0]
    assert f"language model 30 pairs {own['value']:.4f} +" in results
    assert f"EASE 29 pairs {ease['value']:.4f} +" in results
    assert f"{100 * ease['lead']:+.1f} %" in results
    assert results.count(" ahead ") == 2 * len(METRICS)


def test_page_by_popularity(folders: dict[str, Any]) -> None:
    """Nobody has a test item in the middle."""
    bands = make(folders).text.split("MF, Recall@5")[2].split("LightGCN")[0]
    assert "nothing 0.5000 n/a 0.0625 75.0 % 21 language model 0.5100" in bands
    assert "EASE 0.5200 n/a 0.0625 75.0 % 21 self-training 0.5300" in bands


def test_page_on_what_was_added(folders: dict[str, Any]) -> None:
    """Of 4 items with 30, 22, 14 and 7 interactions the last is added; one pair is validation's.

    In the other order it is the third."""
    added = make(folders).text.split("What was added")[1].split("By popularity")[0]
    own = (30**2 + 22**2 + 14**2 + 7**2) / 73
    assert added.count("Amount") == 4
    first, second, *_ = (
        added.split(f"Amount {amount}, popularity discount {popularity} ")[1]
        for amount in (0.5, 1)
        for popularity in (0, 1)
    )
    assert f"language model 2 50.0 % 25.0 % {7 / own:.2f} EASE 2 50.0 %" in first
    assert f"language model 1 0.0 % 25.0 % {14 / own:.2f} EASE 1 0.0 %" in second


def test_page_on_the_choice(folders: dict[str, Any]) -> None:
    """A line of its own for every order of candidates."""
    page = make(folders)
    choice = page.text.split("chosen on validation")[1].split("Learning curves")[0]
    legend = "popularity discount 0 popularity discount 1 chosen"
    assert choice.count(legend) == len(folders["evaluations"])
    curves = page.text.split("Learning curves")[1].split("From generated items")[0]
    legend = "amount=0 " + " ".join(
        f"amount={amount}, popularity={popularity}" for amount in (0.5, 1) for popularity in (0, 1)
    )
    assert curves.count(legend) == len(folders["evaluations"]) * (SEEDS + 1)  # lines have titles
    assert "ease" not in curves


def test_page_on_leakage(folders: dict[str, Any]) -> None:
    leakage = make(folders).text.split("Leakage")[1].split("The data")[0]
    assert "IDs as given 0.048" in leakage
    assert "IDs shuffled, as the model sees them 0.036" in leakage
    assert content_hash(folders["train"]) in leakage
    assert content_hash(folders["heldout"]) in leakage
    assert "held out too 0" in leakage


def test_page_without_time_or_cost(folders: dict[str, Any]) -> None:
    write_json(folders["train"] / "summary.json", {"users": USERS})
    (folders["adapter"] / "cost.json").unlink()
    page = make(folders)
    assert "The data have no time, so no item is the next one." in page.text
    assert "minutes" not in page.text


def test_page_says_what_the_numbers_say(folders: dict[str, Any]) -> None:
    page = make(folders)
    (row,) = (
        row
        for row in read_json(folders["out"] / "comparison.json")
        if row["recommender"] == "mf" and row["metric"] == "ndcg_at_5"
    )
    assert (
        "Augmentation helps MF: with 0.5 generated items for each item of a history (popularity "
        "discount 1), NDCG@5 goes from"
    ) in page.text
    assert "does not help LightGCN: validation chose amount 0" in page.text
    assert f"NDCG@5 goes from {row['original']:.4f} to {row['augmented']:.4f}" in page.text
    assert "Base model, adapter and generation took 63.7 minutes." in page.text
    assert "protocol leave last out" in page.text
    assert "Users 30" in page.text
    assert "Base model 60 s Adapter 99 s Generation 3,661 s Evaluation of MF 12 s" in page.text
    assert "500 that name an item 490 in the catalogue 470 new to the user 440" in page.text
    assert "accepted 220" in page.text


def test_thirds_of_users_by_history(folders: dict[str, Any]) -> None:
    """Histories are 1, 2, 3 and 4 long for 8, 8, 7 and 7 users."""
    page = make(folders)
    first = page.text.split("By length of history")[1].split("LightGCN, NDCG@5")[0]
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
