"""What may be learnt from before the test."""

from __future__ import annotations

from llm4idrec.data.interactions import Interactions


def known_before_test(train: Interactions, valid: Interactions) -> Interactions:
    """All pairs of the catalogue that a user is known to have before the test, in time order where
    there is a time: those of `train`, and those of `valid` with an item of its catalogue."""
    known = valid.item < train.n_items
    time = None if valid.timestamp is None else valid.timestamp[known]
    return train.union(valid.user[known], valid.item[known], time)
