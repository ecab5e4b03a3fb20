from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from llm4idrec.config import DataConfig, SplitConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.data.probe import successor_probe
from llm4idrec.data.split import split_raw

TIME = np.array([1, 2, 1, 2])
TRAIN = Interactions(np.array([0, 0, 1, 1]), np.array([3, 0, 4, 1]), 2, 5, TIME)


def test_hits_by_hand() -> None:
    valid = Interactions(np.array([0, 1]), np.array([2, 0]), 2, 5)
    # Last items are 0 and 1: as shuffled, 2 follows 0, and 0 does not follow 1.
    shuffled = successor_probe(TRAIN, valid, pa.array(["a", "b", "c", "d", "e"]))
    assert shuffled == {"successor_hr_at_10_shuffled": 0.5}
    # As given, user 0 goes from 50 to 52, user 1 from 7 to 50, too far.
    given = successor_probe(TRAIN, valid, pa.array(["50", "7", "52", "1", "2"]))
    assert given["successor_hr_at_10_as_given"] == 0.5


def test_without_time_nothing_is_last() -> None:
    train = Interactions(TRAIN.user, TRAIN.item, 2, 5)
    assert successor_probe(train, train, pa.array(["1"] * 5)) == {}


def test_shuffling_removes_what_consecutive_numbers_give_away() -> None:
    users, length = 200, 8
    user, place = np.divmod(np.arange(users * length), length)
    item = (user * length + place) % 700
    table = pa.table(
        {"user": user.astype(str), "item": item.astype(str), "timestamp": place, "line": user + 1}
    )
    data = DataConfig(path=Path("x"), format="selfrec_sequential")
    summary = split_raw(
        table, None, data=data, split=SplitConfig(protocol="leave_last_out"), seed=1
    ).summary
    assert summary["successor_hr_at_10_as_given"] == pytest.approx(1, abs=0.02)
    assert summary["successor_hr_at_10_shuffled"] < 0.1
