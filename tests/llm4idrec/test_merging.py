from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from llm4idrec.interactions import Interactions
from llm4idrec.merging import merge_candidates, write_augmented

TRAIN = Interactions(np.array([0, 0, 0, 0, 1, 1]), np.array([0, 1, 2, 3, 4, 5]), 2, 8)
CANDIDATES = pa.table(
    {
        "user": pa.array([0, 0, 1], pa.int32()),
        "item": pa.array([6, 7, 0], pa.int32()),
        "votes": pa.array([5, 4, 3], pa.int32()),
        "mean_log_probability": pa.array([-1, -2, -3], pa.float32()),
        "rank": pa.array([1, 2, 1], pa.int32()),
    }
)


def test_every_pair_keeps_its_origin_and_share() -> None:
    merged = merge_candidates(TRAIN, CANDIDATES)
    assert merged["origin"].to_pylist() == ["original"] * 6 + ["generated"] * 3
    assert merged["share"].to_pylist() == [0] * 6 + [0.25, 0.5, 0.5]
    assert merged["votes"].to_pylist() == [None] * 6 + [5, 4, 3]
    original = Interactions(merged["user"].to_numpy()[:6], merged["item"].to_numpy()[:6], 2, 8)
    assert original == TRAIN


def test_nothing_accepted_leaves_the_originals() -> None:
    assert len(merge_candidates(TRAIN, CANDIDATES.slice(0, 0))) == len(TRAIN)


def test_the_csv_is_in_the_users_own_identifiers(tmp_path: Path) -> None:
    merged = merge_candidates(TRAIN, CANDIDATES)
    users = pa.table({"id": ["ann", 'bob "b", jr']})
    items = pa.table({"id": [f"film {n}" for n in range(8)]})
    write_augmented(tmp_path, merged, users, items)
    assert pq.read_table(tmp_path / "interactions.parquet").equals(merged)
    rows = pyarrow.csv.read_csv(tmp_path / "interactions.csv").to_pylist()
    assert len(rows) == 9
    assert (rows[-1]["user"], rows[-1]["item"], rows[-1]["origin"]) == (
        'bob "b", jr',
        "film 0",
        "generated",
    )
