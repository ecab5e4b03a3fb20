"""Arms of a comparison: who proposed the items that are added, alone or together with EASE."""

from __future__ import annotations

ORIGINAL = "original"
"""Nothing is added."""
LANGUAGE_MODEL = "language_model"
"""The tuned language model alone: the arm that the verdict is about."""
BASE_MODEL = "base_model"
"""The same model without its adapter."""
SELF = "self"
"""The recommender's own best items: made where it is evaluated, once it is fitted."""
DRAWN = frozenset({LANGUAGE_MODEL, BASE_MODEL, "sasrec", "random", SELF})
"""Sources whose items another replicate, or another seed, draws anew."""
SELECTION = "selection"
"""The replicate that validation chooses by: it knows train only."""
_WITH_EASE, _FUSED = "+ease", "&ease"


def with_ease(source: str) -> str:
    """The arm whose order of candidates EASE shapes too (`filter.agreement`)."""
    return source + _WITH_EASE


def source_of(arm: str) -> str:
    """Who proposed the items."""
    return arm.removesuffix(_WITH_EASE)


def has_ease(arm: str) -> bool:
    """Whether EASE has a say in the order of candidates."""
    return arm.endswith(_WITH_EASE)


def is_drawn(variant: str) -> bool:
    """Whether another training of what generates would give another one."""
    return source_of(unfused(variant)) in DRAWN - {SELF}


def fused(variant: str) -> str:
    """The variant whose ranking is fused with EASE's own."""
    return variant + _FUSED


def unfused(variant: str) -> str:
    """The variant whose ranking was fused with EASE's own, or itself."""
    return variant.removesuffix(_FUSED)


def is_fused(variant: str) -> bool:
    """Whether the ranking is fused with EASE's own."""
    return variant.endswith(_FUSED)


def final(run: int) -> str:
    """The replicate of that number which the test is for: it knows all that is known before."""
    return f"final-{run}"
