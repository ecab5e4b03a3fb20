"""The section about living through the data window by window."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from llm4idrec.config.section import Count, Fraction, Section, Share

Every = Literal["day", "week", "month", "year"] | Count


class ReplayConfig(Section):
    """What `replay` does each night, which is where a window begins."""

    every: Every = "week"
    """Length of a window: day, week, month or year, for times that are dates; or a number: so many
    interactions each."""
    begin: Share | date = 0.4
    """What is known before the first window: a share of all interactions, or what came before a day
    (2024-12-31), which stays the same when more data come."""
    recommender: str = "ials"
    """Who is served: popularity, itemknn, ease, svd, ials or your own, which learn in one go."""
    amount: Annotated[float, Field(gt=0)] = 0.25
    """Ratio of generated items to history that it is given."""
    old: Fraction = 0.2
    """Share of the users without anything new since the base whose lists the adapter sees too."""
