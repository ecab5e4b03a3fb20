"""What was added, by hand."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from llm4idrec.augmentation.choice import Augmentation
from llm4idrec.verdict.additions import Addition, describe_additions
from tests.llm4idrec.arrays import interactions

COLUMNS = {
    "user": pa.int32(),
    "item": pa.int32(),
    "relative_rank": pa.float32(),
    "popularity_exponent": pa.float32(),
}
LITTLE, MUCH = Augmentation(0.1), Augmentation(0.5)
POPULAR = Augmentation(0.5, 0.3)


def pairs(rows: list[tuple[int, int, float]], exponent: float = 0.0) -> pa.Table:
    columns = zip(*((*row, exponent) for row in rows), strict=True)
    return pa.table(list(map(pa.array, columns, COLUMNS.values())), list(COLUMNS))


def shares(*counts: int) -> dict[str, float]:
    return dict(zip(("head", "middle", "tail"), (c / sum(counts) for c in counts), strict=True))


def test_known_answers(tmp_path: Path) -> None:
    """Items 0 to 4 have 3, 2, 1, 1 and 1 train interactions, a pair of train 16 / 8 = 2. The head
    is item 0, the middle 1 and 2, the tail the rest."""
    train = interactions([0, 1, 2, 0, 1, 0, 1, 2], [0, 0, 0, 1, 1, 2, 3, 4], (3, 5))
    valid = interactions([2, 1, 0], [1, 2, 5], (3, 6))  # as keys, (0, 5) is not (1, 0)
    model = pairs([(2, 1, 0.1), (1, 2, 0.5), (0, 3, 0.5)])
    arms = {
        "svd+ease": pairs([(2, 2, 0.5)]),
        "language_model": pa.concat_tables([model, pairs([(0, 4, 0.5)], 0.3)]),
        "random": pairs([(2, 1, 0.05), (0, 4, 0.5)]),
    }
    # What knew no validation pair proposed others.
    before = {
        "language_model": pairs([(2, 1, 0.1), (1, 2, 0.5), (0, 1, 0.5), (0, 2, 0.5)]),
        "svd+ease": pairs([(1, 2, 0.5)]),
    }
    write_arms(tmp_path, "final-0", arms)
    write_arms(tmp_path, "selection", before)

    tried = [LITTLE, MUCH, POPULAR]
    assert describe_additions(tmp_path, tried, train=train, valid=valid) == [
        Addition("language_model", LITTLE, 1, 1.0, 1 / 5, 1.0, shares(0, 1, 0)),
        Addition("random", LITTLE, 1, None, 1 / 5, 1.0, shares(0, 1, 0)),
        Addition("language_model", MUCH, 3, 2 / 4, 3 / 5, 4 / 6, shares(0, 2, 1)),
        Addition("random", MUCH, 2, None, 2 / 5, 0.75, shares(0, 1, 1)),
        Addition("svd+ease", MUCH, 1, 1.0, 1 / 5, 0.5, shares(0, 1, 0)),
        Addition("language_model", POPULAR, 1, None, 1 / 5, 0.5, shares(0, 0, 1)),
    ]


def write_arms(augmented: Path, replicate: str, arms: dict[str, pa.Table]) -> None:
    tables = [table.add_column(0, "arm", pa.repeat(arm, len(table))) for arm, table in arms.items()]
    (augmented / "arms").mkdir(exist_ok=True)
    pq.write_table(pa.concat_tables(tables), augmented / "arms" / f"{replicate}.parquet")
