"""An evaluation by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llm4idrec.augmentation.choice import Augmentation
from llm4idrec.runtime.files import read_json, write_json
from tests.llm4idrec.evaluations import write_evaluation


@pytest.fixture
def evaluation(tmp_path: Path) -> Path:
    """Two seeds, of which the second trains longer on the original data; one training with EASE's
    items, repeated. SVD chose amount 0."""
    values = {
        variant: np.full((2, 1), 0.5)
        for variant in ("original", "language_model", "ease", "original&ease")
    }
    folder = tmp_path / "mf"
    chosen = Augmentation(0.5, 1.0)
    write_evaluation(folder, {"recall_at_5": values}, nothing=["svd"], chosen=chosen)
    series = {
        "original/seed=0": [0.1, 0.2],
        "original/seed=1": [0.3, 0.4, 0.5],
        "language_model/amount=0.5/popularity_exponent=1/seed=0": [0.2],
        "language_model/amount=0.5/popularity_exponent=1/seed=1": [0.4],
        "language_model/amount=0.25/popularity_exponent=0/seed=0": [9.0],
        "ease/amount=0.5/popularity_exponent=1/seed=0": [0.7],
    }
    rows = [
        {"series": name, "step": 5 * place, "loss": None, "recall_at_5": value}
        for name, values in series.items()
        for place, value in enumerate(values, 1)
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "history.parquet")
    scores = [(0.0, 0.0, [0.1, 0.3]), (0.5, 0.0, [0.2]), (0.5, 1.0, [0.4])]
    selection = read_json(folder / "selection.json")
    selection["arms"]["language_model"]["scores"] = [
        {"amount": a, "popularity_exponent": p, "by_seed": s} for a, p, s in scores
    ]
    write_json(folder / "selection.json", selection)
    return folder
