"""The answer in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llm4idrec.augmentation.choice import Augmentation
from llm4idrec.verdict.comparison import Row
from llm4idrec.verdict.control_comparison import SourceRow
from llm4idrec.verdict.judgement import SIGNIFICANCE_LEVEL, Standing, Verdict, judge, standing
from llm4idrec.verdict.variants import LANGUAGE_MODEL
from llm4idrec.verdict.wording import (
    interval,
    metric_name,
    p_text,
    percent,
    recommender_name,
    source_name,
)


def verdict_sentence(row: Row, chosen: Augmentation) -> str:
    """The answer for one recommender; `chosen` is what validation chose to add."""
    name, metric = recommender_name(row["recommender"]), metric_name(row["metric"])
    if chosen.amount == 0:
        return (
            f"Augmentation does not help {name}: validation chose amount 0, that is, none of the "
            f"generated items, so both data sets are the same ({metric} {row['original']:.4f})."
        )
    exponent = chosen.popularity_exponent
    order = f" (popularity discount {exponent:g})" if exponent else ""
    claim = {
        Verdict.HELPS: f"Augmentation helps {name}",
        Verdict.DOES_NOT_HELP: f"Augmentation does not help {name}",
        Verdict.CANNOT_TELL: f"These data cannot tell whether augmentation helps {name}",
    }[judge(row)]
    return (
        f"{claim}: with {chosen.amount:g} generated items for each item of a history{order}, "
        f"{metric} goes from {row['original']:.4f} to {row['augmented']:.4f}, "
        f"{percent(row['relative_gain'])} "
        f"(95 % interval {interval(row['ci_low'], row['ci_high'])}, {p_text(row['p_value'])}; "
        f"{row['n_seeds']} seed{'' if row['n_seeds'] == 1 else 's'}, {row['n_users']} users)."
    )


def control_comparison_sentence(rows: Sequence[SourceRow]) -> str:
    """The language model against the controls; `rows` are of one recommender and metric."""
    name, metric = recommender_name(rows[0]["recommender"]), metric_name(rows[0]["metric"])
    controls = [row for row in rows if row["source"] != LANGUAGE_MODEL]
    if rows[0]["amount"] == 0:
        return (
            "Controls were not fitted: at amount 0 the language model adds nothing, and the same "
            "volume of anything else is nothing too."
        )
    if not controls:
        return "No control stood in the language model's place."
    groups = {
        place: ", ".join(source_name(row["source"]) for row in controls if standing(row) == place)
        or "none"
        for place in Standing
    }
    return (
        f"Against controls of the same volume ({name}, {metric}), the language model is ahead of "
        f"{groups[Standing.AHEAD]} (p < {SIGNIFICANCE_LEVEL:g}), level with "
        f"{groups[Standing.LEVEL]}, behind {groups[Standing.BEHIND]}."
    )


def cost_sentence(seconds: float) -> str:
    """What the language model cost."""
    return f"Base model, adapter and generation took {seconds / 60:,.1f} minutes."


def looks_sentence(looks: Mapping[str, int]) -> str:
    """How often the test set was looked at, by recommender."""
    times = [
        f"{'once' if n == 1 else f'{n} times'} for {recommender_name(name)}"
        for name, n in looks.items()
    ]
    return f"The test set was looked at {', '.join(times)}."
