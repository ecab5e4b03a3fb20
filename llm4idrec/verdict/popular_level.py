"""What has to be said beside figures of recommenders that are little better than popular items."""

from __future__ import annotations

from collections.abc import Iterable

from llm4idrec.verdict.wording import AT_POPULAR_LEVEL, recommender_name


def popular_level_sentence(recommenders: Iterable[str]) -> str:
    """Of those among `recommenders`, which were trained from scratch; empty if there are none."""
    names = [recommender_name(name) for name in recommenders if name in AT_POPULAR_LEVEL]
    if not names:
        return ""
    verb = "ranks" if len(names) == 1 else "rank"
    return (
        f"{' and '.join(names)}, trained from scratch here, {verb} nearer to popular items than to "
        "the other recommenders: a gain there says little of what one is worth to a good model."
    )
