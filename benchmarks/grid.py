"""The tables of `docs/experiments/grid.md`: one for each run, recommenders by what is added.

`python -m benchmarks.grid REPORTS...`: the folder `reports/` of each run. A cell of the language
model has its gain over the original, bold where that is certain, and the amount and discount that
validation chose; another arm's has its gain, and what the language model is beside it. 0:
validation chose to add nothing. The last column is the ranking of what generates, by itself.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

from llm4idrec.augmentation.arms import LANGUAGE_MODEL
from llm4idrec.runtime.files import read_json
from llm4idrec.verdict.bottom_line import BottomLine
from llm4idrec.verdict.control_comparison import ArmRow
from llm4idrec.verdict.judgement import Verdict, judge, standing
from llm4idrec.verdict.wording import arm_name, percent, recommender_name, system_names


def table(reports: Path) -> str:
    """Of one run, as Markdown."""
    rows: list[ArmRow] = [row for row in read_json(reports / "controls.json") if row["headline"]]
    found: BottomLine = read_json(reports / "bottom_line.json")
    names = list(dict.fromkeys(row["recommender"] for row in rows))
    by_place = {(row["recommender"], row["arm"]): row for row in rows}
    itself = {its["variant"]: its["test"] for its in found["systems"] if its["recommender"] is None}
    lines = [["", *map(recommender_name, names), "by itself"]]
    first = (by_place[name, LANGUAGE_MODEL] for name in names)
    lines.append(["original", *(f"{row['original']:.4f}" for row in first), ""])
    for arm in dict.fromkeys(row["arm"] for row in rows):
        cells = [_cell(by_place.get((name, arm))) for name in names]
        own = f"{itself[arm]:.4f}" if arm in itself else ""
        if own or {*cells} != {"0"}:
            lines.append([arm_name(arm), *cells, own])
    title = f"**{rows[0]['dataset']}**, `{rows[0]['protocol']}`, {rows[0]['n_users']} users"
    return "\n".join([title, "", *_markdown(lines), "", *_to_serve(found)])


def _cell(row: ArmRow | None) -> str:
    if row is None:
        return ""
    verdict, gain = judge(row), percent(row["relative_gain"]).removesuffix(" %")
    if verdict is Verdict.NOTHING_CHOSEN:
        return "0"
    if row["arm"] != LANGUAGE_MODEL:
        return f"{gain} {standing(row)}"
    chosen = f"({row['amount']:g}, {row['popularity_exponent']:g})"
    if verdict in (Verdict.HELPS, Verdict.HARMS):
        return f"**{gain}** {chosen}"
    return f"{gain} {chosen} {verdict}"


def _markdown(lines: list[list[str]]) -> Iterator[str]:
    head, *body = lines
    for line in (head, ["---"] * len(head), *body):
        yield f"| {' | '.join(line)} |".replace("|  |", "| |")


def _to_serve(found: BottomLine) -> Iterator[str]:
    """What validation chose, and the best that uses a language model, or none."""
    names = system_names(found["systems"])
    chosen: Iterable[int | None] = (0, found["best_with"], found["best_without"])
    for place in dict.fromkeys(chosen):
        if place is not None:
            system = found["systems"][place]
            ends = f"{system['test_low']:.4f} to {system['test_high']:.4f}"
            figures = f"validation {system['validation']:.4f}, test {system['test']:.4f} ({ends})"
            yield f"- {names[place]}: {figures}"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.grid",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("reports", nargs="+", type=Path)
    print("\n\n".join(map(table, parser.parse_args().reports)))


if __name__ == "__main__":
    main()
