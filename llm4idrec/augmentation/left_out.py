"""Which sources are left out of data that do not suit them."""

from __future__ import annotations

from llm4idrec.data.interactions import Interactions


def why_left_out(source: str, known: Interactions) -> str | None:
    """The reason, if there is one: sasrec needs an order, ease a matrix of all items."""
    from llm4idrec.recommenders.item_based.ease import LARGEST_CATALOGUE  # which imports torch

    if source == "ease" and known.n_items > LARGEST_CATALOGUE:
        return f"{known.n_items} items are more than {LARGEST_CATALOGUE}"
    if source == "sasrec" and known.timestamp is None:
        return "the interactions have no time"
    if source == "sasrec" and known.history_lengths.max() <= 1:
        return "no user has two interactions"
    return None
