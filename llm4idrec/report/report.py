"""The comparison as numbers (JSON) and as a page without network (HTML)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

from llm4idrec.config import Config
from llm4idrec.data.interactions import Interactions
from llm4idrec.report import curves, gains, sections
from llm4idrec.report.charts.charts import Bar, bar_chart
from llm4idrec.report.costs import cost_chart, total_seconds
from llm4idrec.report.curves import augmentation_name
from llm4idrec.report.markup import details, figure, number, table
from llm4idrec.report.page import write_page
from llm4idrec.report.popularity_shift import popularity_shift
from llm4idrec.report.provenance import provenance
from llm4idrec.report.sections import Evaluation
from llm4idrec.report.tuned_filter import tuned_filter
from llm4idrec.runtime.files import read_json, write_json
from llm4idrec.verdict.additions import Addition, describe_additions
from llm4idrec.verdict.digest import digest
from llm4idrec.verdict.leads import compare_sources, source_name
from llm4idrec.verdict.leakage import Inputs
from llm4idrec.verdict.verdict import (
    LEVEL,
    SMALLEST_GAIN,
    Row,
    compare_recommenders,
    cost_sentence,
    metric_name,
    percent,
    recommender_name,
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


@dataclass(frozen=True)
class Artifacts:
    """The folders that the stages left. `train` and `candidates` have a `summary.json`, any may
    have a `cost.json`; every folder of `evaluations` is named as its recommender."""

    raw: Path
    train: Path
    heldout: Path
    prompts: Path
    base_model: Path
    adapter: Path
    generations: Path
    controls: Path
    candidates: Path
    augmented: Path
    evaluations: Sequence[Path]

    @property
    def language_model(self) -> dict[str, Path]:
        """The stages that only the language model needs."""
        return {
            "Base model": self.base_model,
            "Adapter": self.adapter,
            "Generation": self.generations,
        }

    @property
    def costs(self) -> dict[str, Path]:
        """The stages by name, in the order of the flow."""
        stages = {"Reading the data": self.raw, "Prompts": self.prompts, **self.language_model}
        stages |= {"Controls": self.controls, "Filter": self.candidates, "Merge": self.augmented}
        return stages | {f"Evaluation of {recommender_name(f.name)}": f for f in self.evaluations}


def write_report(
    artifacts: Artifacts,
    out: Path,
    *,
    config: Config,
    source: Path,
    code: str = "",
) -> list[Row]:
    """Write `comparison.json`, `controls.json`, `metrics.json` and `comparison.html` into `out`;
    return the rows of the first.

    `controls.json` has the rows of `compare_sources`, `metrics.json` their `digest`. What differs
    between machines, commits and days is on the page only; `source` is where the data of `config`
    lie now, `code` names the code's version.
    """
    folders = artifacts.evaluations
    rows = compare_recommenders(folders, config.dataset, config.protocol)
    sources = compare_sources(folders, rows)
    read = [Evaluation.read(folder, rows, sources) for folder in folders]
    facts = provenance(config, source, code)
    metric = read[0].metric
    body = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        dataset=escape(config.dataset),
        protocol=escape(config.protocol.replace("_", " ")),
        selection_metric=metric_name(metric),
        level=f"{LEVEL:g}",
        smallest_gain=percent(SMALLEST_GAIN),
        tuning=tuned_filter(config.filter.source, metric, out),
        cost=cost_chart(artifacts.costs),
        provenance=_facts(facts),
        **_sections(read, total_seconds(artifacts.language_model.values())),
        **_data_sections(read, artifacts),
    )
    write_json(out / "comparison.json", rows)
    write_json(out / "controls.json", sources)
    write_json(out / "metrics.json", digest(sources))
    write_page(out / "comparison.html", f"Does augmentation help? {config.dataset}", body)
    return rows


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


def _data_sections(evaluations: Sequence[Evaluation], artifacts: Artifacts) -> dict[str, str]:
    """What needs the interactions."""
    train = Interactions.read(artifacts.train / "interactions.parquet")
    valid = Interactions.read(artifacts.heldout / "valid.parquet")
    tried = sorted({a for evaluation in evaluations for a in evaluation.augmentations if a.amount})
    additions = describe_additions(artifacts.augmented, train, valid, tried)
    history, histories = gains.by_history(evaluations, train.history_lengths)
    data = read_json(artifacts.train / "summary.json")
    return {
        "shift": popularity_shift(evaluations, additions, train),
        "history": history,
        "histories": histories,
        "additions": _additions(additions),
        "funnel": _funnel(read_json(artifacts.candidates / "summary.json")),
        "probe": _numbers(data, PROBE) or NO_PROBE,
        "inputs": _inputs(Inputs.read(artifacts.train, artifacts.heldout)),
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
