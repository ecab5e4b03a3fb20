"""What the report says of the items that are added: the filter's funnel, and how good they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llm4idrec.report.charts.charts import Bar, bar_chart
from llm4idrec.report.markup import figure, table
from llm4idrec.verdict.additions import Addition
from llm4idrec.verdict.wording import arm_name, augmentation_name

FUNNEL = (
    ("not_an_item", "naming an item"),
    ("not_in_catalogue", "in the catalogue"),
    ("already_seen", "new to the user"),
    ("few_votes", "with enough votes"),
    ("low_log_probability", "probable enough"),
    ("over_amount", "accepted: within the amount"),
)


def additions_tables(additions: Sequence[Addition]) -> str:
    """A table an augmentation."""
    head = ("", "pairs", "in validation", "items covered", "popularity")
    tables = []
    for augmentation in dict.fromkeys(addition.augmentation for addition in additions):
        lines = [
            (
                arm_name(a.arm),
                f"{a.pairs:,}",
                "n/a" if a.hit_rate is None else f"{100 * a.hit_rate:.1f} %",
                f"{100 * a.coverage:.1f} %",
                f"{a.relative_popularity:.2f}",
            )
            for a in additions
            if a.augmentation == augmentation
        ]
        tables.append(table(augmentation_name(augmentation).capitalize(), head, lines))
    return "".join(tables)


def funnel(filtered: Mapping[str, float]) -> str:
    """What each filter leaves, by the counts of `summary.json` of `CANDIDATES`."""
    left = filtered["candidates"]
    steps = [("generated pairs", left)]
    for reason, name in FUNNEL:
        left -= filtered[reason]
        steps.append((name, left))
    bars = [Bar(name, value, f"{value:,.0f}") for name, value in steps]
    caption = f"{filtered['generated']:,} items in all answers are {bars[0].note} different pairs"
    return figure(caption, bar_chart(bars, "pairs of user and item left after each filter"))
