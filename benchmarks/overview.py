"""Several data sets in one picture: where augmentation helps, and what to serve.

`python -m benchmarks.overview REPORTS... --out docs/images/overview.svg`: the folder `reports/` of
each run. Those of one data set share a group; the first says what to serve with a language
model, and without.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from llm4idrec.report.charts.forest import Interval, forest_chart
from llm4idrec.runtime.files import read_json
from llm4idrec.verdict.bottom_line import BottomLine, System
from llm4idrec.verdict.comparison import Row
from llm4idrec.verdict.judgement import Verdict, judge
from llm4idrec.verdict.wording import metric_name, percent, recommender_name, system_names

_SHORT = {
    "the language model's own ranking": "the language model",
    "the base model's own ranking, without adapter": "the base model",
    "items from the ": "items of ",
}
_STYLE = """<style>
svg { --model: #14539a; --control: #9aabbd; font-family: system-ui, sans-serif; background: #fff; }
text { font-size: 11px; fill: #4a5568; paint-order: stroke; stroke: #fff; stroke-width: 3px; }
.value { fill: #1a202c; }
.name { fill: #1a202c; font-weight: 600; } .grid { stroke: #e2e8f0; } .zero { stroke: #1a202c; }
.shade { display: none; }
</style>"""


def overview(reports: Sequence[Path]) -> str:
    """The picture, as SVG that needs no page around it."""
    gains: dict[str, list[Interval]] = {}
    serving: dict[str, list[Interval]] = {}
    metric = ""
    for folder in reports:
        found: BottomLine = read_json(folder / "bottom_line.json")
        rows: list[Row] = read_json(folder / "comparison.json")
        metric = found["metric"]
        title = f"{rows[0]['dataset']}, {rows[0]['protocol'].replace('_', ' ')}"
        gains.setdefault(title, []).extend(_gain(row) for row in rows if row["metric"] == metric)
        serving.setdefault(title, _to_serve(found))
    groups = {title: its + serving[title] for title, its in gains.items()}
    label = f"gain in {metric_name(metric)} by the language model's items, %"
    chart = forest_chart(groups, label, ("gain", "on test"))
    return chart.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ').replace(
        ">", f">{_STYLE}", 1
    )


def _gain(row: Row) -> Interval:
    """Dark where it helps or harms, light where the test cannot tell; where nothing was chosen, no
    interval."""
    name, verdict = recommender_name(row["recommender"]), judge(row)
    if verdict is Verdict.NOTHING_CHOSEN:
        return Interval(name, None, None, None, ("none", f"{row['original']:.4f}"), strong=False)
    ends = row["ci_low"], row["relative_gain"], row["ci_high"]
    notes = percent(row["relative_gain"]), f"{row['augmented']:.4f}"
    return Interval(name, *ends, notes, strong=verdict in (Verdict.HELPS, Verdict.HARMS))


def _to_serve(found: BottomLine) -> list[Interval]:
    """What validation chose, and the best that it would have chosen of the other kind."""
    systems = found["systems"]
    names = [_short(name) for name in system_names(systems)]
    other = found["best_without"] if systems[0]["uses_language_model"] else found["best_with"]
    lines = [_line(f"serve: {names[0]}", systems[0])]
    if other is not None:
        kind = "without" if systems[0]["uses_language_model"] else "with"
        lines.append(_line(f"{kind}: {names[other]}", systems[other], strong=False))
    return lines


def _line(name: str, system: System, *, strong: bool = True) -> Interval:
    return Interval(name, None, None, None, ("", f"{system['test']:.4f}"), strong)


def _short(name: str) -> str:
    for long, short in _SHORT.items():
        name = name.replace(long, short)
    return name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reports", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.write_text(overview(options.reports) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
