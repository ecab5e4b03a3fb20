"""The report stage on small folders: numbers in JSON, and a page that stands on its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from llm4idrec.data.protocol import write_protocol
from llm4idrec.runtime.files import content_hash, read_json, write_json
from tests.llm4idrec.evaluations import write_rankings
from tests.llm4idrec.small_run import (
    LEVELS,
    METRICS,
    RUNS,
    SEEDS,
    USERS,
    make,
    small_run,
    tiny_config,
)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(tmp_path)
    return small_run(tmp_path)


def test_comparison_json(folders: dict[str, Any]) -> None:
    make(folders)
    rows = read_json(folders["out"] / "comparison.json")
    assert [(row["recommender"], row["metric"]) for row in rows] == [
        (recommender, metric) for recommender in ("mf", "lightgcn") for metric in METRICS
    ]
    names = "dataset protocol recommender metric amount original augmented relative_gain ci_low"
    more = ["ci_high", "p_value", "n_seeds", "n_runs", "n_users"]
    assert all(list(row) == [*names.split(), *more] for row in rows)
    per_user = pq.read_table(folders["evaluations"][0] / "per_user.parquet").to_pandas()
    means = per_user.groupby("variant")["ndcg_at_5"].mean()
    assert rows[0]["original"] == pytest.approx(means["original"])
    assert rows[0]["augmented"] == pytest.approx(means["language_model"])
    assert sorted(path.name for path in folders["out"].iterdir()) == [
        "bottom_line.json",
        "comparison.html",
        "comparison.json",
        "controls.json",
        "metrics.json",
        "plots",
    ]
    summaries = read_json(folders["out"] / "metrics.json")
    assert list(summaries) == ["bottom_line", "mf", "lightgcn"]
    assert set(summaries["bottom_line"]) == {"ndcg", "validation", "lead"}
    assert set(summaries["mf"]) == {"ndcg", "gain", "lead"}


ARMS = ("language_model", "ease", "self", "svd", "language_model+ease")


def test_controls_json(folders: dict[str, Any]) -> None:
    make(folders)
    rows = read_json(folders["out"] / "controls.json")
    assert [(row["recommender"], row["metric"], row["arm"]) for row in rows] == [
        ("mf", metric, arm) for metric in METRICS for arm in ARMS
    ] + [("lightgcn", metric, "language_model") for metric in METRICS]
    assert rows[0]["p_value"] == read_json(folders["out"] / "comparison.json")[0]["p_value"]
    assert {(row["n_seeds"], row["n_runs"]) for row in rows} == {(SEEDS, RUNS)}
    chosen = [(row["amount"], row["popularity_exponent"]) for row in rows[:5]]
    assert chosen == [(0.5, 1.0)] * 3 + [(0, 0), (0.5, 1.0)]


def test_the_bottom_line(folders: dict[str, Any]) -> None:
    """First on the page, with ten systems, and behind a click the eleventh."""
    page = make(folders)
    found = read_json(folders["out"] / "bottom_line.json")
    best = found["systems"][0]
    assert (best["recommender"], best["variant"]) == ("mf", "language_model+ease")
    start = page.text.split("</style>")[-1].split("Does augmentation help? tiny")[-1]
    assert start.strip().startswith(
        f"Serve MF with items from the language model + EASE: NDCG@5 on test {best['test']:.4f}"
    )
    assert "Validation is a little kind to recommenders whose epochs were chosen on it." in start
    for system in found["systems"]:
        assert f"{system['validation']:.4f} {system['test']:.4f} {system['test_low']:.4f}" in start
    assert len(found["systems"]) == 11
    assert start.index("Serve MF") < start.index("1 more") < start.index("Augmentation helps")


def test_a_gain_that_something_simpler_has_too_is_marked(folders: dict[str, Any]) -> None:
    assert "alone has more" not in make(folders).text
    levels = {"language_model": np.tile(LEVELS, (RUNS, 1)), "svd": np.tile(2 * LEVELS, (RUNS, 1))}
    write_rankings(folders["rankings"], dict.fromkeys(METRICS, levels))
    page = make(folders)
    assert f"But SVD alone has more: {2 * LEVELS.mean():.4f}." in page.section("verdict")
    assert page.text.split(" tiny ")[2].startswith("A language model does not pay here: serve")


def test_page_compares_with_other_arms(folders: dict[str, Any]) -> None:
    page = make(folders)
    rows = read_json(folders["out"] / "controls.json")
    own, ease, _, _, both = rows[:5]
    assert (
        "Beside the other arms that are alone (MF, NDCG@5), each with the amount that validation "
        "chose for it, the language model is ahead of EASE, self-training (p < 0.05), level with "
        "none, behind none. Nothing was chosen from SVD."
    ) in page.text
    assert "Nothing stood in the language model's place." not in page.text
    results = page.section("controls")
    alone, together = results.split("MF, NDCG@5: together with EASE")
    chosen = "0.5, discount 1,"
    assert f"language model {chosen} 30 pairs {own['value']:.4f} +" in alone
    assert f"EASE {chosen} 29 pairs {ease['value']:.4f} +" in alone
    assert "Nothing was chosen from SVD." in alone
    assert f"language model + EASE {chosen} 29 pairs {both['value']:.4f} +" in together
    assert results.count(" ahead ") == 2 * len(METRICS)
    lightgcn = results.split("LightGCN, NDCG@5: alone")[1]
    assert "language model nothing chosen 0." in lightgcn


def test_page_without_controls_or_ease(folders: dict[str, Any]) -> None:
    page = make(folders, evaluations=folders["evaluations"][1:])
    assert "together with EASE" not in page.section("controls").split("Recall")[-1]
    assert "Validation chose to add nothing for LightGCN." in page.text


def test_page_on_how_it_was_found_out(folders: dict[str, Any]) -> None:
    page = make(folders)
    assert "then all of it was trained again on train and validation, and tested once." in page.text
    assert f"generates was trained {RUNS} times for the test" in page.section("reading")
    assert "so its luck is in no interval" not in page.text
    once = make(folders, config=tiny_config(evaluation={"refit": False}))
    assert "tested as it was: trained on the train set." in once.text
    assert "trained again on train and validation" not in once.text


def test_page_on_settings(folders: dict[str, Any]) -> None:
    settings = make(folders).section("settings")
    assert "iALS embedding_size 64, alpha 2.5 0.2000 0.2500 16 MF" in settings
    assert "MF l2 0.125 0.2000 0.2500 9 of 16 the time cut it" in settings
    found = read_json(folders["settings"] / "mf.json") | {"default_validation": None}
    write_json(folders["settings"] / "mf.json", found)  # training with the section failed
    assert "MF l2 0.125 n/a 0.2500" in make(folders).section("settings")
    for file in folders["settings"].iterdir():
        file.unlink()
    assert "settings" not in make(folders).headings


def test_page_without_items_outside_the_catalogue(folders: dict[str, Any]) -> None:
    """Recall is not known by them, as where nobody has such an item."""
    page = make(folders)
    figures = page.section("metrics")
    assert "NDCG@5 test items of the catalogue only 0.2500 0.3000 +20.0 %" in figures
    assert "Recall@5 test items" not in figures
    data = page.section("data")
    assert "Test interactions outside the catalogue 1" in data
    assert "Test users with a test item of the catalogue 2" in data


def test_page_shows_the_protocol_that_auto_took(folders: dict[str, Any]) -> None:
    write_protocol(folders["train"], "random")
    page = make(folders, config=tiny_config(split={"protocol": "auto"}))
    assert "protocol random." in page.text
    assert page.text.count("The split is random: ") == 1
    rows = read_json(folders["out"] / "comparison.json")
    assert {row["protocol"] for row in rows} == {"random"}
    write_protocol(folders["train"], "user_time")
    page = make(folders, config=tiny_config(split={"protocol": "auto"}))
    assert "protocol user time." in page.text
    assert "The split is random" not in page.text


def test_page_by_popularity(folders: dict[str, Any]) -> None:
    """Nobody has a test item in the middle."""
    bands = make(folders).section("popularity")
    assert "nothing 0.5000 n/a 0.0625 75.0 % 21 language model 0.5100" in bands
    assert "EASE 0.5200 n/a 0.0625 75.0 % 21 self-training 0.5300" in bands


def test_page_on_what_was_added(folders: dict[str, Any]) -> None:
    """Of 4 items with 30, 22, 14 and 7 interactions the last is added; one pair is validation's.

    In the other order it is the third."""
    added = make(folders).section("funnel")
    own = (30**2 + 22**2 + 14**2 + 7**2) / 73
    assert added.count("Amount") == 4
    first, second, *_ = (
        added.split(f"Amount {amount}, popularity discount {exponent} ")[1]
        for amount in (0.5, 1)
        for exponent in (0, 1)
    )
    assert f"language model 2 50.0 % 25.0 % {7 / own:.2f} EASE 2 50.0 %" in first
    assert f"language model 1 0.0 % 25.0 % {14 / own:.2f} EASE 1 0.0 %" in second


def test_page_on_the_choice(folders: dict[str, Any]) -> None:
    """A line of its own for every order of candidates."""
    page = make(folders)
    choice = page.section("amount")
    legend = "popularity discount 0 popularity discount 1 chosen"
    assert choice.count(legend) == len(folders["evaluations"])


def test_page_on_learning(folders: dict[str, Any]) -> None:
    """The first seed's line is strong, and so is that of what was chosen; controls have none."""
    curves = make(folders).section("curves")
    mf, lightgcn = curves.split("MF NDCG@5")[1].split("LightGCN NDCG@5")
    chosen = "chosen: amount 0.5, popularity discount 1"
    assert mf.count(chosen) == SEEDS + 1  # lines have titles, and there is a legend
    assert mf.count("other amounts and orders") == 3 * SEEDS + 1
    assert "chosen:" not in lightgcn
    assert lightgcn.count("original data, chosen") == SEEDS + 1
    assert "ease" not in curves


def test_page_on_leakage(folders: dict[str, Any]) -> None:
    leakage = make(folders).section("leakage")
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
    assert "Base model, adapter and generation took" not in page.text
    assert (
        "Not known: Reading the data, Search for settings, Prompts, Adapter, Controls, Filter, "
        "Merge, Rankings by themselves." in page.text
    )


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
    assert "Nothing was chosen for LightGCN: validation chose amount 0" in page.text
    assert f"NDCG@5 goes from {row['original']:.4f} to {row['augmented']:.4f}" in page.text
    assert "Base model, adapter and generation took 63.7 minutes." in page.text
    assert "protocol leave last out" in page.text
    assert "Users 30" in page.text
    assert page.section("cost").startswith("Cost by stage 72.1 minutes in all.")
    total = 60 + 99 + 3661 + 480 + 12 + 12
    assert f"Generation 61 min, {100 * 3661 / total:.0f} %" in page.section("cost")
    assert "900 items in all answers are 500 different pairs generated pairs 500" in page.text
    assert "naming an item 490" in page.text
    assert "in the catalogue 470" in page.text
    assert "new to the user 440" in page.text
    assert "accepted: within the amount 220" in page.text


def test_thirds_of_users_by_history(folders: dict[str, Any]) -> None:
    """Histories are 1, 2, 3 and 4 long for 8, 8, 7 and 7 users."""
    history = make(folders).section("history")
    per_user = pq.read_table(folders["evaluations"][0] / "per_user.parquet").to_pandas()
    long = per_user[per_user["user"] % 4 == 3].groupby("variant")["ndcg_at_5"].mean()
    gain = f"+{100 * (long['language_model'] / long['original'] - 1):.1f} %"
    assert f"4 items {gain} 7" in history  # in the chart
    assert f"4 7 {long['original']:.4f} {long['language_model']:.4f} {gain}" in history
    assert "1 to 2 16 " in history
    assert "3 7 " in history


def test_shift_of_popularity(folders: dict[str, Any]) -> None:
    """Item 0 is the head, 1 the middle, 2 and 3 the tail; item 2 is what is added once."""
    shift = make(folders).section("popularity")
    widths = {"interactions": (30, 22, 21), "language model": (0, 0, 1), "EASE": (0, 0, 1)}
    for name, counts in widths.items():
        for band, count in zip(("head", "middle", "tail"), counts, strict=True):
            share = 100 * count / sum(counts)
            assert re.search(rf"{name}, {band}: \d+ items: {share:.0f} %", shift)
    assert "head: 1 items" in shift
    assert "Recommended by" not in shift


def test_shift_of_what_is_recommended(folders: dict[str, Any]) -> None:
    file = folders["evaluations"][0] / "summary.json"
    shares = {"original": (0.5, 0.3, 0.2), "language_model": (0.25, 0.35, 0.4)}
    keys = {
        f"{variant}_share_at_5_{band}": share
        for variant, its in shares.items()
        for band, share in zip(("head", "middle", "tail"), its, strict=True)
    }
    write_json(file, read_json(file) | keys)
    shift = make(folders).section("popularity").split("Recommended by MF, trained on")[1]
    mean = (30**2 + 22**2 + 14**2 + 7**2) / 73
    assert f"original data ×{21.4 / mean:.2f}" in shift
    assert "original data, head: 1 items: 50 %" in shift
    assert "augmented data, tail: 2 items: 40 %" in shift
    assert "Recommended by LightGCN" not in shift


def test_page_needs_no_network(folders: dict[str, Any]) -> None:
    page = make(folders)
    assert {"script", "link", "img", "iframe"}.isdisjoint(page.tags)
    assert "src" not in {name for name, _ in page.values}
    ids = {value for name, value in page.values if name == "id"}
    assert len(page.links) > 10
    assert {link.removeprefix("#") for link in page.links} <= ids
    html = (folders["out"] / "comparison.html").read_text(encoding="utf-8")
    assert "http" not in html
    assert "url(" not in html
    assert "@import" not in html
    assert "$" not in html
    assert len(html) < 200_000


def test_charts_have_names(folders: dict[str, Any]) -> None:
    page = make(folders)
    assert page.tags.count("svg") > 8
    labels = [value for name, value in page.values if name == "aria-label"]
    assert len(labels) == page.tags.count("svg") + 1  # the table of contents
    assert all(labels)


@pytest.mark.parametrize(
    ("recommenders", "answer"),
    [
        (
            [0],
            "Augmentation helps MF. Whether a language model is needed for MF cannot be told: this",
        ),
        ([1], "Validation chose to add nothing for LightGCN. The same recommenders"),
        (
            [0, 1],
            "Augmentation helps 1 of 2 recommenders. A language model is needed for none of them.",
        ),
    ],
)
def test_the_verdict_in_a_sentence(
    folders: dict[str, Any], recommenders: list[int], answer: str
) -> None:
    page = make(folders, evaluations=[folders["evaluations"][k] for k in recommenders])
    assert page.section("verdict").startswith(f"The verdict {answer}")


def test_names_are_escaped(folders: dict[str, Any]) -> None:
    name = "a<script>&c"
    page = make(folders, config=tiny_config().model_copy(update={"dataset": name}), code="<i>")
    assert {"script", "i"}.isdisjoint(page.tags[: page.tags.index("svg")])
    assert page.text.count(name) == 3  # title, heading, first sentence
    assert "Code <i> Data" in page.text


def test_the_looks_at_this_test_set_are_counted(folders: dict[str, Any]) -> None:
    page = make(folders)
    assert (
        "The test set was looked at once for LightGCN, 2 times for MF, once for what generates, "
        "by itself." in page.text
    )
