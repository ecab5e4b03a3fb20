"""The comparison as numbers (JSON) and as a page without network (HTML)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template

from llm4idrec import sections
from llm4idrec.additions import Addition, describe_additions
from llm4idrec.charts import bar_chart
from llm4idrec.files import COST, read_json, write_json
from llm4idrec.interactions import Interactions
from llm4idrec.leads import compare_sources, source_name
from llm4idrec.leakage import Inputs
from llm4idrec.markup import figure, number, table
from llm4idrec.page import write_page
from llm4idrec.sections import Evaluation
from llm4idrec.verdict import (
    LEVEL,
    SMALLEST_GAIN,
    Row,
    compare_recommenders,
    metric_name,
    percent,
    recommender_name,
)

TEMPLATE = Path(__file__).with_name("report.html")
FUNNEL = (
    ("not_an_item", "that name an item"),
    ("not_in_catalogue", "in the catalogue"),
    ("already_seen", "new to the user"),
    ("few_votes", "with enough votes"),
    ("low_log_probability", "probable enough"),
    ("over_amount", "within the user's amount: accepted"),
)
DATA = {
    "users": "Users",
    "catalogue_items": "Items of the catalogue",
    "train_pairs": "Train interactions",
    "valid_pairs": "Validation interactions",
    "test_pairs": "Test interactions",
    "test_pairs_outside_catalogue": "Test interactions outside the catalogue",
    "density": "Density of train",
    "pairs_read": "Interactions in the file",
    "duplicates_dropped": "Repeated pairs dropped",
    "users_sampled": "Users sampled",
    "users_removed_by_k_core": "Users removed by the k-core",
    "items_removed_by_k_core": "Items removed by the k-core",
    "users_without_train": "Users without train interactions, dropped",
}
NO_PROBE = '<p class="soft">The data have no time, so no item is the next one.</p>'
PROBE = {
    "successor_hr_at_10_as_given": "HR@10 of “the next integers after the last item”, IDs as given",
    "successor_hr_at_10_shuffled": "The same with the IDs shuffled, as the model sees them",
}


def write_report(
    train: Path,
    heldout: Path,
    base_model: Path,
    adapter: Path,
    generations: Path,
    candidates: Path,
    augmented: Path,
    evaluations: Sequence[Path],
    out: Path,
    *,
    dataset: str,
    protocol: str,
) -> list[Row]:
    """Write `comparison.json`, `controls.json`, `metrics.json` and `comparison.html` into `out`;
    return the rows of the first.

    `controls.json` has the rows of `compare_sources`, `metrics.json` the summary of each
    recommender's evaluation under its name.

    The folders are those of their stages. `train` and `candidates` have a `summary.json`, any may
    have a `cost.json`; every folder of `evaluations` is named as its recommender.
    """
    rows = compare_recommenders(evaluations, dataset, protocol)
    sources = compare_sources(evaluations, rows)
    read = [Evaluation.read(folder, rows, sources) for folder in evaluations]
    pairs = Interactions.read(train / "interactions.parquet")
    valid = Interactions.read(heldout / "valid.parquet")
    tried = sorted({a for evaluation in read for a in evaluation.augmentations if a.amount})
    model = {"Base model": base_model, "Adapter": adapter, "Generation": generations}
    costs = model | {f"Evaluation of {recommender_name(f.name)}": f for f in evaluations}
    data = read_json(train / "summary.json")
    body = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        dataset=escape(dataset),
        protocol=escape(protocol.replace("_", " ")),
        selection_metric=metric_name(read[0].metric),
        level=f"{LEVEL:g}",
        smallest_gain=percent(SMALLEST_GAIN),
        additions=_additions(describe_additions(augmented, pairs, valid, tried)),
        funnel=_funnel(read_json(candidates / "summary.json")),
        probe=_numbers(data, PROBE) or NO_PROBE,
        inputs=_inputs(Inputs.read(train, heldout)),
        data=_numbers(data, DATA),
        cost=_cost(costs),
        **_sections(read, pairs, _seconds(model.values())),
    )
    write_json(out / "comparison.json", rows)
    write_json(out / "controls.json", sources)
    write_json(out / "metrics.json", {evaluation.name: evaluation.summary for evaluation in read})
    write_page(out / "comparison.html", f"Does augmentation help? {dataset}", body)
    return rows


def _sections(
    evaluations: Sequence[Evaluation], train: Interactions, seconds: float | None
) -> dict[str, str]:
    """What there is of every recommender."""
    lengths = train.history_lengths
    return {
        "verdicts": "".join(sections.verdict(e, seconds) for e in evaluations),
        "results": "".join(map(sections.results, evaluations)),
        "metrics": "".join(map(sections.every_metric, evaluations)),
        "gains": "".join(map(sections.gains, evaluations)),
        "amounts": "".join(map(sections.amounts, evaluations)),
        "curves": "".join(map(sections.curves, evaluations)),
        "histories": "".join(sections.by_history(e, lengths) for e in evaluations),
        "bands": "".join(map(sections.by_popularity, evaluations)),
    }


def _additions(additions: Sequence[Addition]) -> str:
    """A table an augmentation."""
    head = ("", "pairs", "in validation", "items covered", "popularity")
    tables = []
    for augmentation in dict.fromkeys(addition.augmentation for addition in additions):
        lines = [
            (
                source_name(a.source),
                f"{a.pairs:,}",
                f"{100 * a.hit_rate:.1f} %",
                f"{100 * a.coverage:.1f} %",
                f"{a.popularity:.2f}",
            )
            for a in additions
            if a.augmentation == augmentation
        ]
        amount, popularity = augmentation
        title = f"Amount {amount:g}, popularity discount {popularity:g}"
        tables.append(table(title, head, lines))
    return "".join(tables)


def _funnel(filtered: Mapping[str, float]) -> str:
    left = filtered["candidates"]
    bars = [
        ("items in all generated answers", filtered["generated"]),
        ("different pairs of user and item", left),
    ]
    for reason, name in FUNNEL:
        left -= filtered[reason]
        bars.append((name, left))
    return figure("Left after each filter", bar_chart(bars, "candidates left after each filter"))


def _inputs(inputs: Inputs) -> str:
    lines = [
        ("SHA-256 of the train folder", f"<code>{inputs.train_hash}</code>"),
        ("SHA-256 of the held-out folder", f"<code>{inputs.heldout_hash}</code>"),
        ("Train interactions that are held out too", f"{inputs.shared_pairs:,}"),
    ]
    return table("", (), lines)


def _numbers(data: Mapping[str, float], names: Mapping[str, str]) -> str:
    """Empty where there is none of them."""
    lines = [(name, number(data[key])) for key, name in names.items() if key in data]
    return table("", (), lines) if lines else ""


def _cost(folders: Mapping[str, Path]) -> str:
    lines = [
        (name, f"{seconds:,.0f} s")
        for name, folder in folders.items()
        if (seconds := _seconds([folder])) is not None
    ]
    return table("", ("Stage", "Time"), lines)


def _seconds(folders: Iterable[Path]) -> float | None:
    """What the stages of these folders cost together, if that of each is known."""
    files = [folder / COST for folder in folders]
    if not all(file.is_file() for file in files):
        return None
    return float(sum(read_json(file)["seconds"] for file in files))
