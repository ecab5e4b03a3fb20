"""The comparison in a few numbers."""

from __future__ import annotations

from llm4idrec.verdict.control_comparison import SourceRow
from llm4idrec.verdict.digest import digest
from tests.llm4idrec.verdict.rows import changed_source


def test_the_digest_is_of_the_metric_that_chose_and_of_the_best_control() -> None:
    rows = [
        source_row(("mf", "ndcg_at_20", "augmented"), 0.3, gain=0.2),
        source_row(("mf", "ndcg_at_20", "random"), 0.2, lead=0.5),
        source_row(("mf", "ndcg_at_20", "ease"), 0.4, lead=-0.25),
        source_row(("mf", "recall_at_20", "augmented"), 0.9, headline=False),
        source_row(("ease", "recall_at_20", "augmented"), 0.5, gain=0.0),
    ]
    assert digest(rows) == {
        "mf": {"ndcg": 0.3, "gain": 0.2, "lead": -0.25},
        "ease": {"recall": 0.5, "gain": 0.0, "lead": None},
    }


def source_row(
    row: tuple[str, str, str],
    value: float,
    *,
    gain: float | None = None,
    lead: float | None = None,
    headline: bool = True,
) -> SourceRow:
    """`row` is of which recommender, metric and source."""
    recommender, metric, source = row
    return changed_source(
        recommender=recommender,
        metric=metric,
        headline=headline,
        source=source,
        value=value,
        relative_gain=gain,
        lead=lead,
    )
