"""Rows of a comparison by hand."""

from __future__ import annotations

from llm4idrec.verdict.comparison import Row
from llm4idrec.verdict.control_comparison import SourceRow

ROW = Row(
    dataset="small",
    protocol="random",
    recommender="mf",
    metric="ndcg_at_20",
    amount=0.25,
    original=0.2,
    augmented=0.22,
    relative_gain=0.1,
    ci_low=0.05,
    ci_high=0.15,
    p_value=0.0004,
    n_seeds=5,
    n_users=671,
)
CONTROL_ROW = SourceRow(
    dataset="small",
    protocol="random",
    recommender="mf",
    metric="ndcg_at_20",
    headline=True,
    source="ease",
    original=0.18,
    value=0.2,
    language_model=0.204,
    relative_gain=0.1,
    ci_low=0.05,
    ci_high=0.15,
    p_value=0.0004,
    lead=0.02,
    lead_low=0.01,
    lead_high=0.03,
    lead_p_value=0.002,
    amount=0.5,
    popularity_exponent=0.0,
    n_seeds=5,
    n_users=671,
    generated_pairs=1000,
)
MODEL_ROW = SourceRow(
    **CONTROL_ROW
    | {"source": "augmented", "lead": None, "lead_low": None}
    | {"lead_high": None, "lead_p_value": None}
)


def changed_row(**values: float | str | None) -> Row:
    return Row(**{**ROW, **values})  # type: ignore[typeddict-item]


def changed_source(row: SourceRow = CONTROL_ROW, **values: float | str | None) -> SourceRow:
    return SourceRow(**{**row, **values})  # type: ignore[typeddict-item]
