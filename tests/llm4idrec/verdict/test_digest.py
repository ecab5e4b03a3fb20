"""The comparison in a few numbers."""

from __future__ import annotations

from llm4idrec.verdict.control_comparison import ArmRow
from llm4idrec.verdict.digest import digest
from tests.llm4idrec.verdict.rows import bottom_line_of, changed_arm, system


def test_the_digest_is_of_the_metric_that_chose_and_of_the_best_control() -> None:
    rows = [
        arm_row(("mf", "ndcg_at_20", "language_model"), 0.3, gain=0.2),
        arm_row(("mf", "ndcg_at_20", "random"), 0.2, lead=0.5),
        arm_row(("mf", "ndcg_at_20", "ease"), 0.4, lead=-0.25),
        arm_row(("mf", "ndcg_at_20", "svd+ease"), 0.5, lead=-0.5),
        arm_row(("mf", "recall_at_20", "language_model"), 0.9, headline=False),
        arm_row(("ease", "recall_at_20", "language_model"), 0.5, gain=0.0),
    ]
    best = bottom_line_of(system("svd", 0.5, test=0.4), system("language_model", 0.3), lead=-0.2)
    assert digest(rows, best) == {
        "bottom_line": {"ndcg": 0.4, "validation": 0.5, "lead": -0.2},
        "mf": {"ndcg": 0.3, "gain": 0.2, "lead": -0.25},
        "ease": {"recall": 0.5, "gain": 0.0, "lead": None},
    }


def arm_row(
    row: tuple[str, str, str],
    value: float,
    *,
    gain: float | None = None,
    lead: float | None = None,
    headline: bool = True,
) -> ArmRow:
    """`row` is of which recommender, metric and arm."""
    recommender, metric, arm = row
    return changed_arm(
        recommender=recommender,
        metric=metric,
        headline=headline,
        arm=arm,
        value=value,
        relative_gain=gain,
        lead=lead,
    )
