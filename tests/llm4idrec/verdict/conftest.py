"""An evaluation by hand."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llm4idrec.runtime.files import write_json


@pytest.fixture
def evaluation(tmp_path: Path) -> Path:
    """Two seeds, of which the second trains longer on the original data; one of a control."""
    folder = tmp_path / "mf"
    folder.mkdir()
    variants = ["original", "original", "augmented", "augmented", "ease"]
    seeds = pa.array([0, 1, 0, 1, 0], pa.int32())
    per_user = {"variant": variants, "seed": seeds, "user": [0] * 5, "recall_at_5": [0.5] * 5}
    pq.write_table(pa.table(per_user), folder / "per_user.parquet")
    series = {
        "amount=0/seed=0": [0.1, 0.2],
        "amount=0/seed=1": [0.3, 0.4, 0.5],
        "amount=0.5/popularity_exponent=1/seed=0": [0.2],
        "amount=0.5/popularity_exponent=1/seed=1": [0.4],
        "amount=0.25/popularity_exponent=0/seed=0": [9.0],
        "ease/amount=0.5/popularity_exponent=1/seed=0": [0.7],
    }
    rows = [
        {"series": name, "step": 5 * place, "loss": None, "recall_at_5": value}
        for name, values in series.items()
        for place, value in enumerate(values, 1)
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "history.parquet")
    scores = [(0.0, 0.0, [0.1, 0.3]), (0.5, 0.0, [0.2]), (0.5, 1.0, [0.4])]
    selection = {
        "metric": "recall_at_5",
        "chosen": {"amount": 0.5, "popularity_exponent": 1.0},
        "scores": [{"amount": a, "popularity_exponent": p, "by_seed": s} for a, p, s in scores],
    }
    write_json(folder / "selection.json", selection)
    return folder
