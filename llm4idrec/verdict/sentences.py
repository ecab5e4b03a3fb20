"""The answer in sentences."""

from __future__ import annotations

from collections.abc import Sequence

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


def future_sentence(protocol: str) -> str:
    """What a recommender could see of the future, by the `protocol` of a row; empty if nothing."""
    if protocol == "random":
        return (
            "The split is random: recommenders are trained on interactions that are later than "
            "some they are tested on, so they see the future of users and items."
        )
    if protocol.startswith("random"):  # with a given test set
        return (
            "Validation is a random share of the train file: what is chosen there is chosen by "
            "recommenders that see interactions later than those they are validated on."
        )
    return ""


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
