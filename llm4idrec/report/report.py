"""The comparison as numbers (JSON) and as a page without network (HTML)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template

from llm4idrec.artifacts import (
    ADAPTER,
    AUGMENTED,
    BASE_MODEL,
    CANDIDATES,
    COMPARISON,
    CONTROL_COMPARISON,
    CONTROLS,
    EVALUATIONS,
    FIGURES,
    GENERATIONS,
    HELDOUT,
    INTERACTIONS,
    LEDGERS,
    METRICS,
    PROMPTS,
    RAW,
    SOURCE,
    TRAIN,
    Files,
)
from llm4idrec.config import Config
from llm4idrec.data.interactions import Interactions
from llm4idrec.data.protocol import protocol_name
from llm4idrec.evaluation.ledger import count_looks
from llm4idrec.report import curves, gains, sections
from llm4idrec.report.charts.charts import Bar, bar_chart
from llm4idrec.report.costs import cost_chart, total_seconds
from llm4idrec.report.markup import details, figure, number, table
from llm4idrec.report.page import write_page
from llm4idrec.report.popularity_shift import popularity_shift
from llm4idrec.report.provenance import provenance
from llm4idrec.report.results import Evaluation
from llm4idrec.report.tuned_filter import tuned_filter
from llm4idrec.runtime.files import content_hash, read_json, write_json
from llm4idrec.runtime.project import CODE
from llm4idrec.verdict.additions import Addition, describe_additions
from llm4idrec.verdict.comparison import Row, compare_recommenders
from llm4idrec.verdict.control_comparison import compare_sources
from llm4idrec.verdict.digest import digest
from llm4idrec.verdict.judgement import FEWEST_SEEDS, SIGNIFICANCE_LEVEL, WORTH_HAVING
from llm4idrec.verdict.leakage import Inputs
from llm4idrec.verdict.sentences import cost_sentence, future_sentence, looks_sentence
from llm4idrec.verdict.wording import (
    augmentation_name,
    metric_name,
    percent,
    recommender_name,
    source_name,
)

TEMPLATE = Path(__file__).with_name("report.html")
FUNNEL = (
    ("not_an_item", "naming an item"),
    ("not_in_catalogue", "in the catalogue"),
    ("already_seen", "new to the user"),
    ("few_votes", "with enough votes"),
    ("low_log_probability", "probable enough"),
    ("over_amount", "accepted: within the amount"),
)
DATA = {
    "users": "Users",
    "catalogue_items": "Items of the catalogue",
    "train_pairs": "Train interactions",
    "valid_pairs": "Validation interactions",
    "test_pairs": "Test interactions",
    "test_pairs_outside_catalogue": "Test interactions outside the catalogue",
    "test_users": "Test users",
    "test_users_in_catalogue": "Test users with a test item of the catalogue",
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


LANGUAGE_MODEL = {"Base model": BASE_MODEL, "Adapter": ADAPTER, "Generation": GENERATIONS}
"""What only the language model needs."""
COSTS = {
    "Reading the data": RAW,
    "Prompts": PROMPTS,
    **LANGUAGE_MODEL,
    "Controls": CONTROLS,
    "Filter": CANDIDATES,
    "Merge": AUGMENTED,
}
"""In the order of the flow; the evaluations follow."""


def write_report(files: Files, config: Config) -> list[Row]:
    """Write `COMPARISON`, `CONTROL_COMPARISON`, `METRICS` and `FIGURES`; return the rows of the
    first.

    The second has the rows of `compare_sources`, the third their `digest`. What differs between
    machines, commits and days is on the page only.
    """
    folders = [files[EVALUATIONS] / name for name in config.recommenders]
    protocol = protocol_name(config, files[TRAIN])
    rows = compare_recommenders(folders, config.dataset, protocol)
    sources = compare_sources(folders, rows)
    read = [Evaluation.read(folder, rows, sources) for folder in folders]
    facts = provenance(config, files[SOURCE], os.environ.get(CODE, ""))
    metric = read[0].metric
    body = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        dataset=escape(config.dataset),
        looks=escape(_looks(files)),
        protocol=escape(protocol.replace("_", " ")),
        future=future_sentence(protocol),
        selection_metric=metric_name(metric),
        level=f"{SIGNIFICANCE_LEVEL:g}",
        worth_having=percent(WORTH_HAVING).removeprefix("+"),
        fewest_seeds=str(FEWEST_SEEDS),
        tuning=tuned_filter(config.filter.source, metric, files[FIGURES].parent),
        cost=cost_chart(_costs(files, folders)),
        provenance=_facts(facts),
        **_sections(read, total_seconds(files[a] for a in LANGUAGE_MODEL.values())),
        **_data_sections(read, files),
    )
    write_json(files[COMPARISON], rows)
    write_json(files[CONTROL_COMPARISON], sources)
    write_json(files[METRICS], digest(sources))
    write_page(files[FIGURES], f"Does augmentation help? {config.dataset}", body)
    return rows


def _looks(files: Files) -> str:
    return looks_sentence(
        count_looks(files[LEDGERS], content_hash(files[HELDOUT] / "test.parquet"))
    )


def _costs(files: Files, evaluations: Sequence[Path]) -> dict[str, Path]:
    """The folders that may have a `cost.json`, by name."""
    costs = {name: files[artifact] for name, artifact in COSTS.items()}
    return costs | {f"Evaluation of {recommender_name(f.name)}": f for f in evaluations}


def _sections(evaluations: Sequence[Evaluation], seconds: float | None) -> dict[str, str]:
    """What there is of every recommender; `seconds` is the language model's cost, if known."""
    recalls = [sections.results(e, e.recall) for e in evaluations if e.recall != e.metric]
    return {
        "summary": escape(sections.summary(evaluations)),
        "language_model_cost": "" if seconds is None else cost_sentence(seconds),
        "verdicts": "".join(map(sections.verdict, evaluations)),
        "gains": gains.by_source(evaluations),
        "results": "".join(sections.results(e, e.metric) for e in evaluations),
        "recalls": details("The same in Recall", "".join(recalls)) if recalls else "",
        "metric_gains": "".join(map(gains.by_metric, evaluations)),
        "metrics": "".join(map(sections.every_metric, evaluations)),
        "amounts": "".join(map(curves.by_amount, evaluations)),
        "curves": "".join(map(curves.by_epoch, evaluations)),
        "bands": "".join(map(sections.by_popularity, evaluations)),
    }


def _data_sections(evaluations: Sequence[Evaluation], files: Files) -> dict[str, str]:
    """What needs the interactions."""
    train = Interactions.read(files[TRAIN] / INTERACTIONS)
    valid = Interactions.read(files[HELDOUT] / "valid.parquet")
    tried = sorted({a for evaluation in evaluations for a in evaluation.augmentations if a.amount})
    additions = describe_additions(files[AUGMENTED], tried, train=train, valid=valid)
    history, histories = gains.by_history(evaluations, train.history_lengths)
    data = read_json(files[TRAIN] / "summary.json")
    return {
        "shift": popularity_shift(evaluations, additions, train),
        "history": history,
        "histories": histories,
        "additions": _additions(additions),
        "funnel": _funnel(read_json(files[CANDIDATES] / "summary.json")),
        "probe": _numbers(data, PROBE) or NO_PROBE,
        "inputs": _inputs(Inputs.read(files[TRAIN], files[HELDOUT])),
        "data": _numbers(data, DATA),
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
                f"{a.relative_popularity:.2f}",
            )
            for a in additions
            if a.augmentation == augmentation
        ]
        tables.append(table(augmentation_name(augmentation).capitalize(), head, lines))
    return "".join(tables)


def _funnel(filtered: Mapping[str, float]) -> str:
    left = filtered["candidates"]
    steps = [("generated pairs", left)]
    for reason, name in FUNNEL:
        left -= filtered[reason]
        steps.append((name, left))
    bars = [Bar(name, value, f"{value:,.0f}") for name, value in steps]
    caption = f"{filtered['generated']:,} items in all answers are {bars[0].note} different pairs"
    return figure(caption, bar_chart(bars, "pairs of user and item left after each filter"))


def _inputs(inputs: Inputs) -> str:
    return _facts(
        {
            "Train folder, SHA-256": inputs.train_hash,
            "Held-out folder, SHA-256": inputs.heldout_hash,
            "Train interactions that are held out too": f"{inputs.shared_pairs:,}",
        }
    )


def _facts(facts: Mapping[str, str]) -> str:
    """A table of texts; hashes stand in a narrow type."""
    cells = {
        name: f"<code>{escape(fact)}</code>" if name.endswith("SHA-256") else escape(fact)
        for name, fact in facts.items()
    }
    return table("", (), [(escape(name), cell) for name, cell in cells.items()])


def _numbers(data: Mapping[str, float], names: Mapping[str, str]) -> str:
    """Empty where there is none of them."""
    lines = [(name, number(data[key])) for key, name in names.items() if key in data]
    return table("", (), lines) if lines else ""
