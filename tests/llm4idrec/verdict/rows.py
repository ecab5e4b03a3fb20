"""Rows of a comparison by hand."""

from __future__ import annotations

from llm4idrec.verdict.bottom_line import BottomLine, System
from llm4idrec.verdict.comparison import Row
from llm4idrec.verdict.control_comparison import ArmRow

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
    n_runs=5,
    n_users=671,
)
CONTROL_ROW = ArmRow(
    dataset="small",
    protocol="random",
    recommender="mf",
    metric="ndcg_at_20",
    headline=True,
    arm="ease",
    amount=0.5,
    popularity_exponent=0.0,
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
    n_seeds=5,
    n_runs=5,
    n_users=671,
    generated_pairs=1000,
)
MODEL_ROW = ArmRow(
    **CONTROL_ROW
    | {"arm": "language_model", "lead": None, "lead_low": None}
    | {"lead_high": None, "lead_p_value": None}
)


def changed_row(**values: float | str | None) -> Row:
    return Row(**{**ROW, **values})  # type: ignore[typeddict-item]


def changed_arm(row: ArmRow = CONTROL_ROW, **values: float | str | None) -> ArmRow:
    return ArmRow(**{**row, **values})  # type: ignore[typeddict-item]


def system(variant: str, validation: float, *, of: str | None = None, **values: object) -> System:
    """That of a recommender, or (None) by itself."""
    arm = variant.removesuffix("&ease")
    fixed = System(
        recommender=of,
        variant=variant,
        parts=1 + (of is not None and arm != "original") + variant.endswith("ease"),
        uses_language_model=arm.removesuffix("+ease") in ("language_model", "base_model"),
        validation=validation,
        test=validation,
        test_low=validation - 0.01,
        test_high=validation + 0.01,
    )
    return System(**{**fixed, **values})  # type: ignore[typeddict-item]


def bottom_line_of(*systems: System, **values: float | None) -> BottomLine:
    """Of systems, the best first; the lead is of one tenth."""
    with_one, without = (
        next((k for k, its in enumerate(systems) if its["uses_language_model"] == wanted), None)
        for wanted in (True, False)
    )
    found = BottomLine(
        metric="ndcg_at_20",
        n_runs=5,
        systems=list(systems),
        best_with=with_one,
        best_without=without,
        lead=0.1,
        lead_low=0.05,
        lead_high=0.15,
        lead_p_value=0.0004,
    )
    return BottomLine(**{**found, **values})  # type: ignore[typeddict-item]
