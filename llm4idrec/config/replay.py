"""The section about living through the data window by window."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from llm4idrec.config.comparison import RecommenderNames
from llm4idrec.config.section import Count, Fraction, Once, Rate, Section, Share


def _no_number(value: Any) -> Any:
    """pydantic takes a number for seconds since 1970."""
    if isinstance(value, int | float):
        raise PydanticCustomError("no_day", "a share between 0 and 1, or a day such as 2024-12-31")
    return value


Day = Annotated[date, BeforeValidator(_no_number)]


Period = Literal["day", "week", "month", "year"]


def _length(value: Any) -> Any:
    """One sentence for both kinds."""
    counted = isinstance(value, int) and not isinstance(value, bool) and value > 0
    if counted or value in get_args(Period):
        return value
    raise PydanticCustomError("no_length", "day, week, month, year, or a number of interactions")


Every = Annotated[Period | Count, BeforeValidator(_length)]


class ReplayConfig(Section):
    """What `replay` does each night, which is where a window begins."""

    every: Every = "week"
    """Length of a window: day, week, month or year, for times that are dates; or a number: so many
    interactions each."""
    begin: Share | Day = 0.4
    """What is known before the first window: a share of all interactions, or what came before a day
    ("2024-12-31", in quotes, for DVC takes no dates), which stays the same when more data come."""
    recommenders: RecommenderNames = ()
    """Who is served, in a replay of its own: popularity, itemknn, ease, svd, ials or your own,
    which learn in one go."""
    amount: Annotated[float, Field(gt=0)] = 0.25
    """Ratio of generated items to history that it is given."""
    accept: Annotated[tuple[str, ...], Once] = ()
    """Windows, by their names, whose data are taken though they are not plausible."""
    steps: Count = 100
    """Optimizer steps of an adapter that goes on from the night before; the first has
    `adapter.steps`."""
    learning_rate: Rate = 3e-3
    """Peak step size of those. It is larger than `adapter.learning_rate`, which is for a base that
    knows the same data."""
    old: Fraction = 0.2
    """Share of the users without anything new since the night before whose lists the adapter sees
    too."""
