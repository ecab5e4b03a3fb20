"""The answer in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llm4idrec.augmentation.choice import Augmentation
from llm4idrec.verdict.comparison import Row
from llm4idrec.verdict.control_comparison import SourceRow
from llm4idrec.verdict.judgement import (
    FEWEST_SEEDS,
    SIGNIFICANCE_LEVEL,
    Standing,
    Verdict,
    judge,
    standing,
)
from llm4idrec.verdict.variants import LANGUAGE_MODEL
from llm4idrec.verdict.wording import (
    interval,
    metric_name,
    p_text,
    percent,
    recommender_name,
    seeds_text,
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
    verdict = judge(row)
    if verdict == Verdict.NOTHING_CHOSEN:
        return (
            f"Nothing was chosen for {name}: validation chose amount 0, that is, none of the "
            f"generated items, so both data sets are the same ({metric} {row['original']:.4f})."
        )
    exponent = chosen.popularity_exponent
    order = f" (popularity discount {exponent:g})" if exponent else ""
    claim = {
        Verdict.HELPS: f"Augmentation helps {name}",
        Verdict.HARMS: f"Augmentation harms {name}",
        Verdict.NO_DIFFERENCE: f"Augmentation makes no difference worth having to {name}",
        Verdict.CANNOT_TELL: f"These data cannot tell whether augmentation helps {name}",
    }[verdict]
    return (
        f"{claim}: with {chosen.amount:g} generated items for each item of a history{order}, "
        f"{metric} goes from {row['original']:.4f} to {row['augmented']:.4f}, "
        f"{percent(row['relative_gain'])} "
        f"({_certainty(row)}; {seeds_text(row['n_seeds'])}, {row['n_users']} users)."
    )


def _certainty(row: Row) -> str:
    """Interval and p, or why there are none."""
    if row["p_value"] is None:
        return "no interval and no p, which take two seeds and two users"
    spread = interval(row["ci_low"], row["ci_high"])
    return f"95 % interval {spread}, {p_text(row['p_value'])}"


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
    few = groups[Standing.TOO_FEW_SEEDS]
    refusal = f"oo few seeds to stand beside {few}: it takes {FEWEST_SEEDS} in common."
    if all(standing(row) == Standing.TOO_FEW_SEEDS for row in controls):
        return f"Against controls of the same volume ({name}, {metric}): t{refusal}"
    return (
        f"Against controls of the same volume ({name}, {metric}), the language model is ahead of "
        f"{groups[Standing.AHEAD]} (p < {SIGNIFICANCE_LEVEL:g}), level with "
        f"{groups[Standing.LEVEL]}, behind {groups[Standing.BEHIND]}."
        f"{'' if few == 'none' else f' T{refusal}'}"
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
