"""What the report says of a filter that was tuned: the search's headline, and where its page is."""

from __future__ import annotations

from html import escape
from pathlib import Path

from llm4idrec.config.comparison import OWN_FILE
from llm4idrec.report.markup import number, table
from llm4idrec.report.provenance import shown
from llm4idrec.runtime.files import read_json
from llm4idrec.verdict.wording import metric_name, percent, recommender_name

SUMMARY = "summary.json"
HEAD = '<h2 id="tuning">The filter was tuned</h2>'
VALUES = {
    "original": "Nothing added",
    "untuned": "Settings of params.yaml",
    "best": "Best trial",
}


def tuned_filter(source: Path, metric: str, out: Path) -> str:
    """A section of the page in `out`; empty if `filter.source` is `params.yaml`.

    `source` is what `dvc repro tune` wrote: its folder is named as the recommender, and holds the
    search's summary. What is not there is left out.
    """
    if source == OWN_FILE:
        return ""
    recommender = source.parent.name
    text = f"<p>The filter is the one of <code>{escape(shown(source))}</code>"
    page = Path("tuning", f"{recommender}.html")
    if (out / page).is_file():
        link = f'<a href="{escape(page.as_posix())}">the search for the best filter</a>'
        text += f", found by {link} for {escape(recommender_name(recommender))}"
    return f"{HEAD}{text}.</p>{_headline(source.parent / SUMMARY, metric)}"


def _headline(file: Path, metric: str) -> str:
    if not file.is_file():
        return ""
    found = read_json(file)
    trials = sum(found[outcome] for outcome in ("complete", "pruned", "failed"))
    lines = [("Trials", number(trials), ""), ("Best trial", f"number {found['best_trial']}", "")]
    for key, name in VALUES.items():
        if key in found:
            gain = percent(found[key] / found["original"] - 1) if found.get("original") else ""
            lines.append((name, f"{found[key]:.4f}", "" if key == "original" else gain))
    return table("", ("", f"{metric_name(metric)} on validation", "gain"), lines)
