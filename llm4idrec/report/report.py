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
    BOTTOM_LINE,
    CANDIDATES,
    COMPARISON,
    CONTROL_COMPARISON,
    CONTROLS,
    EVALUATIONS,
    FIGURES,
    GENERATIONS,
    HELDOUT,
    INTERACTIONS,
    KNOWN,
    LEDGERS,
    METRICS,
    PROMPTS,
    RANKINGS,
    RAW,
    REPLICATES,
    SETTINGS,
    SOURCE,
    TRAIN,
    Files,
)
from llm4idrec.config import Config
from llm4idrec.data.interactions import Interactions
from llm4idrec.data.protocol import protocol_name
from llm4idrec.evaluation.ledger import count_looks
from llm4idrec.report import curves, gains, sections
from llm4idrec.report.added_items import additions_tables, funnel
from llm4idrec.report.costs import cost_chart, total_seconds
from llm4idrec.report.found_settings import found_settings
from llm4idrec.report.markup import details, figure, number, table
from llm4idrec.report.page import write_page
from llm4idrec.report.popularity_shift import popularity_shift
from llm4idrec.report.provenance import provenance
from llm4idrec.report.results import Evaluation
from llm4idrec.report.serving import systems
from llm4idrec.report.tuned_filter import tuned_filter
from llm4idrec.runtime.files import content_hash, read_json, write_json
from llm4idrec.runtime.project import CODE
from llm4idrec.verdict.additions import describe_additions
from llm4idrec.verdict.bottom_line import BottomLine, bottom_line, simpler_and_better
from llm4idrec.verdict.comparison import Row, compare_recommenders
from llm4idrec.verdict.control_comparison import compare_arms
from llm4idrec.verdict.digest import digest
from llm4idrec.verdict.judgement import FEWEST_UNITS, SIGNIFICANCE_LEVEL, WORTH_HAVING
from llm4idrec.verdict.leakage import Inputs
from llm4idrec.verdict.popular_level import popular_level_sentence
from llm4idrec.verdict.sentences import (
    bottom_line_sentence,
    cost_sentence,
    future_sentence,
    looks_sentence,
    runs_sentence,
)
from llm4idrec.verdict.wording import metric_name, percent, recommender_name

SETTINGS_HEAD = """<h2 id="settings">Settings, searched on the original data</h2>
<p class="soft">Before anything is added, each recommender's settings are searched by its own
validation; the same ones then serve original data and every arm, so a gain is not that of a badly
set recommender.</p>"""
TEMPLATE = Path(__file__).with_name("report.html")
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
    "Search for settings": SETTINGS,
    "Prompts": PROMPTS,
    **LANGUAGE_MODEL,
    "Controls": CONTROLS,
    "Replicates": REPLICATES,
    "Filter": CANDIDATES,
    "Merge": AUGMENTED,
}
"""In the order of the flow; the evaluations follow, and what ranks by itself."""


def write_report(files: Files, config: Config) -> list[Row]:
    """Write `BOTTOM_LINE`, `COMPARISON`, `CONTROL_COMPARISON`, `METRICS` and `FIGURES`; return the
    rows of the second.

    The third has the rows of `compare_arms`, the fourth the `digest`. What differs between
    machines, commits and days is on the page only.
    """
    folders = [files[EVALUATIONS] / name for name in config.recommenders]
    protocol = protocol_name(config, files[TRAIN])
    rows = compare_recommenders(folders, config.dataset, protocol)
    arms = compare_arms(folders, rows)
    best = bottom_line(folders, files[RANKINGS])
    read = [Evaluation.read(folder, rows, arms) for folder in folders]
    facts = provenance(config, files[SOURCE], os.environ.get(CODE, ""))
    body = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        dataset=escape(config.dataset),
        looks=escape(_looks(files)),
        protocol=escape(protocol.replace("_", " ")),
        future=f"{future_sentence(protocol)} {popular_level_sentence(config.recommenders)}".strip(),
        tuning=tuned_filter(config.filter.source, best["metric"], files[FIGURES].parent),
        cost=cost_chart(_costs(files, folders)),
        provenance=_facts(facts),
        **_rules(best, config.evaluation.refit),
        **_settings(files[SETTINGS], config.known_recommenders),
        **_sections(read, best, total_seconds(files[a] for a in LANGUAGE_MODEL.values())),
        **_data_sections(read, files),
    )
    write_json(files[COMPARISON], rows)
    write_json(files[CONTROL_COMPARISON], arms)
    write_json(files[BOTTOM_LINE], best)
    write_json(files[METRICS], digest(arms, best))
    write_page(files[FIGURES], f"Does augmentation help? {config.dataset}", body)
    return rows


def _rules(found: BottomLine, refit: bool) -> dict[str, str]:
    """What the page says of how it was found out."""
    again = (
        "Everything was chosen on validation by what knew the train set only; then all of it was "
        "trained again on train and validation, and tested once."
    )
    once = "Everything was chosen on validation, and tested as it was: trained on the train set."
    return {
        "selection_metric": metric_name(found["metric"]),
        "level": f"{SIGNIFICANCE_LEVEL:g}",
        "worth_having": percent(WORTH_HAVING).removeprefix("+"),
        "fewest_units": str(FEWEST_UNITS),
        "refit": again if refit else once,
        "n_runs": str(found["n_runs"]),
        "one_run": runs_sentence(found["n_runs"]),
    }


def _settings(folder: Path, recommenders: Sequence[str]) -> dict[str, str]:
    found = found_settings(folder, recommenders)
    return {"settings": f"{SETTINGS_HEAD}{found}" if found else ""}


def _looks(files: Files) -> str:
    return looks_sentence(
        count_looks(files[LEDGERS], content_hash(files[HELDOUT] / "test.parquet"))
    )


def _costs(files: Files, evaluations: Sequence[Path]) -> dict[str, Path]:
    """The folders that may have a `cost.json`, by name."""
    costs = {name: files[artifact] for name, artifact in COSTS.items()}
    costs |= {f"Evaluation of {recommender_name(f.name)}": f for f in evaluations}
    return costs | {"Rankings by themselves": files[RANKINGS]}


def _sections(
    evaluations: Sequence[Evaluation], found: BottomLine, seconds: float | None
) -> dict[str, str]:
    """What there is of every recommender, and what was `found` to be best; `seconds` is the
    language model's cost, if known."""
    recalls = [sections.results(e, e.recall) for e in evaluations if e.recall != e.metric]
    verdicts = [sections.verdict(e, simpler_and_better(found, e.name)) for e in evaluations]
    ensembles = gains.by_arm(evaluations, ease=True)
    return {
        "bottom_line": escape(bottom_line_sentence(found)),
        "systems": systems(found),
        "summary": escape(sections.summary(evaluations)),
        "language_model_cost": "" if seconds is None else cost_sentence(seconds),
        "verdicts": "".join(verdicts),
        "gains": gains.by_arm(evaluations, ease=False),
        "ensembles": figure("Together with EASE", ensembles) if ensembles else "",
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
    tried = sorted(
        {
            augmentation
            for evaluation in evaluations
            for choice in evaluation.selection.arms.values()
            for augmentation in choice.scores
            if augmentation.amount
        }
    )
    additions = describe_additions(files[AUGMENTED], tried, train=train, valid=valid)
    history, histories = gains.by_history(evaluations, train.history_lengths)
    data = read_json(files[TRAIN] / "summary.json")
    return {
        "shift": popularity_shift(evaluations, additions, train),
        "history": history,
        "histories": histories,
        "additions": additions_tables(additions),
        "funnel": funnel(read_json(files[CANDIDATES] / "summary.json")),
        "probe": _numbers(data, PROBE) or NO_PROBE,
        "inputs": _inputs(Inputs.read(files[TRAIN], files[HELDOUT], files[KNOWN])),
        "data": _numbers(data, DATA),
    }


def _inputs(inputs: Inputs) -> str:
    return _facts(
        {
            "Train folder, SHA-256": inputs.train_hash,
            "Held-out folder, SHA-256": inputs.heldout_hash,
            "Train interactions that are held out too": f"{inputs.shared_pairs:,}",
            "Folder of what is known before the test, SHA-256": inputs.known_hash,
            "Interactions in there that are in the test set": f"{inputs.known_test_pairs:,}",
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
