"""The tables of the experiments' pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.grid import table
from llm4idrec.runtime.files import write_json

ROW = {
    "dataset": "shop", "protocol": "user_time", "recommender": "ials", "n_users": 9,
    "headline": True, "original": 0.1, "popularity_exponent": 1.0, "n_seeds": 5, "n_runs": 5,
}  # fmt: skip
SYSTEM = {"parts": 1, "validation": 0.1, "test_low": 0.2, "test_high": 0.4}


def arm(name: str, amount: float, gain: tuple[float, float, float], lead: float) -> dict[str, Any]:
    """With the gain's interval, and a lead that is certain."""
    low, value, high = gain
    its = {"arm": name, "amount": amount, "relative_gain": value, "ci_low": low, "ci_high": high}
    certain = {"p_value": 0.001, "lead_p_value": 0.001}
    return ROW | its | certain | {"lead": lead, "lead_low": lead, "lead_high": lead}


def test_a_table_says_what_was_found(tmp_path: Path) -> None:
    rows = [
        arm("language_model", 0.25, (0.1, 0.2, 0.3), 0.0),
        arm("svd", 0.1, (0.0, 0.05, 0.1), 0.1),
        arm("random", 0, (0.0, 0.0, 0.0), 0.2),
    ]
    write_json(tmp_path / "controls.json", [*rows, rows[1] | {"headline": False, "arm": "ease"}])
    model = {"recommender": None, "variant": "language_model", "uses_language_model": True}
    ials = {"recommender": "ials", "variant": "original", "uses_language_model": False}
    systems = [SYSTEM | model | {"test": 0.3}, SYSTEM | ials | {"test": 0.25}]
    found = {"metric": "ndcg_at_20", "systems": systems, "best_with": 0, "best_without": 1}
    write_json(tmp_path / "bottom_line.json", found)
    assert table(tmp_path).splitlines() == [
        "**shop**, `user_time`, 9 users",
        "",
        "| | iALS | by itself |",
        "| --- | --- | --- |",
        "| original | 0.1000 | |",
        "| language model | **+20.0** (0.25, 1) | 0.3000 |",
        "| SVD | +5.0 ahead | |",
        "",
        "- the language model's own ranking: validation 0.1000, test 0.3000 (0.2000 to 0.4000)",
        "- iALS: validation 0.1000, test 0.2500 (0.2000 to 0.4000)",
    ]
