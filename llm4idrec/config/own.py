"""A recommender of the user's own: a section of `params.yaml` under any name that is not taken."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from math import isfinite
from reprlib import repr as shown
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from llm4idrec.config.recommenders import RecommenderConfig
from llm4idrec.config.section import Rate


def _value(value: Any) -> Any:
    if not (isinstance(value, str | int) or (isinstance(value, float) and isfinite(value))):
        raise PydanticCustomError("no_value", "a number, a text, true or false")
    return _text(value) if isinstance(value, str) else value


def _text(value: Any) -> Any:
    """What a program can be told: no NUL, no half of a character."""
    if isinstance(value, str) and ("\0" in value or not _encodable(value)):
        raise PydanticCustomError("no_text", "a text without NUL and surrogates")
    return value


def _encodable(value: str) -> bool:
    return value == value.encode(errors="ignore").decode()


Value = bool | int | float | str
"""Of a setting."""
Told = Annotated[Value, BeforeValidator(_value)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]\w*$", max_length=50)]
"""Of a setting."""

PLACEHOLDERS = ("data", "out", "seed", "k", "n_users", "n_items")
"""What stands in a command for what a training is given; the manual says what."""
ARGUMENTS = ("train", "seed")
"""Of a function, before its settings."""
PLACEHOLDER = re.compile(r"(?<!\$)\{([A-Za-z_]\w*)\}")
"""In a command; what the shell takes for a variable, as in `${HOME}`, is none."""
_STAGES_AND_ARTIFACTS = """
adapter augment augmented augmented_validation base_model bottom_line candidates comparison
control_comparison controls evaluate evaluation evaluations figures generate generations heldout
identifiers known ledger ledgers metrics plots prepare prompts rank rankings raw raw_validation
replay replay_page replay_validation replicate replicates report score_ledger serving settings
source sources_ledger train tune tune_recommenders tuning tuning_page
"""
_ARMS = "original language_model random self"
_FILES = "cost score selection sources summary trials"
_WORDS = "best"
"""For what `serve` is asked to serve."""
TAKEN = frozenset(f"{_STAGES_AND_ARTIFACTS} {_ARMS} {_FILES} {_WORDS}".split())
"""Names of parts of the flow, and of files beside those that are named as recommenders are."""
_FUNCTION = re.compile(r"\w+(\.\w+)*:\w+")
_RECOMMENDER = re.compile(r"[a-z][a-z0-9_]{0,49}")
_MANUAL = "docs/guide/own-recommender.md"


class OwnConfig(RecommenderConfig):
    """A program, or a function in Python, that learns from training data and ranks by them."""

    command: Annotated[str, BeforeValidator(_text)] | None = None
    """What a shell runs in the folder of the repository. `PLACEHOLDERS` in braces, and the keys of
    `settings`, stand for their values."""
    function: str | None = None
    """`module:name`, called as `name(train, seed, **settings)`."""
    reads: Literal["selfrec_graph", "selfrec_sequential", "recbole", "recbole_sequential"] = (
        "selfrec_graph"
    )
    """Of a command: the format of the training data, as `export` knows them."""
    writes: Literal["vectors", "ranking", "scores"] = "vectors"
    """Of a command: what it leaves."""
    seeded: bool = True
    """false: another seed gives the same model, so it is trained once."""
    time_limit: Rate | None = None
    """Of a command: most seconds of a training; null: no limit."""
    version: int | float | str = 1
    """Another one says that the program has changed, so that it is evaluated again."""
    settings: dict[Name, Told] = Field(default_factory=dict)
    """What the command or the function is told."""
    search: dict[Name, Annotated[tuple[Told, ...], Field(min_length=2)]] = Field(
        default_factory=dict
    )
    """Setting -> where `tune_recommenders` searches it: two numbers are a range, anything else the
    values to choose from."""

    @property
    def needs_time(self) -> bool:
        return self.command is not None and self.reads.endswith("_sequential")

    @property
    def is_seeded(self) -> bool:
        return self.seeded

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.command is None) == (self.function is None):
            both = "both are there" if self.command is not None else "neither is there"
            raise ValueError(f"`command` or `function` is expected, and {both}")
        if self.function is not None:
            if not _FUNCTION.fullmatch(self.function):
                raise ValueError(f"`function` is {self.function[:80]!r}; expected `module:name`")
            for key in ("reads", "writes", "time_limit"):
                if getattr(self, key) != type(self).model_fields[key].default:
                    raise ValueError(f"`{key}` is of a `command`, and there is a `function`")
        return self

    @model_validator(mode="after")
    def _settings_are_told(self) -> Self:
        given = ARGUMENTS if self.command is None else PLACEHOLDERS
        if taken := [key for key in self.settings if key in given]:
            raise ValueError(
                f"the setting `{taken[0]}` has the name of what is given anyway; rename it "
                f"({', '.join(given)} are taken)"
            )
        if self.command is not None:
            _require_mentioned(self.command, self.settings, seeded=self.seeded)
        return self

    @model_validator(mode="after")
    def _searchable(self) -> Self:
        for key, values in self.search.items():
            if key not in self.settings:
                raise ValueError(f"`search.{key}`: there is no `{key}` among `settings`")
            _require_inside(key, self.settings[key], values)
        return self


def is_range(values: Sequence[Value]) -> bool:
    """Whether they are the two ends of one, not values to choose from."""
    return len(values) == 2 and all(map(_is_number, values))


def own_section(values: Any) -> Any:
    """Before a key that is none of ours is taken for a recommender."""
    if isinstance(values, OwnConfig) or (
        isinstance(values, dict) and ("command" in values or "function" in values)
    ):
        return values
    raise PydanticCustomError("extra_forbidden", "a known key")


OwnSection = Annotated[OwnConfig, BeforeValidator(own_section)]


def require_name(name: str) -> None:
    """`ValueError` if a section with that name cannot be a recommender."""
    if not _RECOMMENDER.fullmatch(name):
        raise ValueError(
            f"{name[:80]!r} has a `command` or a `function`, so it is a recommender of yours, and "
            "its name is to be of lower-case letters, digits and _, a letter first, at most 50; "
            "rename it"
        )
    if name in TAKEN:
        raise ValueError(
            f"{name!r} has a `command` or a `function`, so it is a recommender of yours, and its "
            "name is taken by a part of the flow; rename it"
        )


def require_known(key: str, name: str, known: Sequence[str]) -> None:
    """`ValueError` if what `key` names is none of the `known` recommenders."""
    if name not in known:
        raise ValueError(
            f"`{key}`: {name[:80]!r} is none of {', '.join(known)}; name one of them, or describe "
            f"your own in a section of that name with a `command` or a `function` ({_MANUAL})"
        )


def _require_mentioned(command: str, settings: dict[str, Value], *, seeded: bool) -> None:
    """`ValueError` if the command's placeholders are not those that it is given."""
    mentioned = set(PLACEHOLDER.findall(command))
    known = (*PLACEHOLDERS, *settings)
    for name in sorted(mentioned.difference(known)):
        near = get_close_matches(name, known, 1)
        raise ValueError(
            f"`command` has {{{name}}}, which is none of "
            + ", ".join(f"{{{other}}}" for other in known)
            + (f"; did you mean {{{near[0]}}}?" if near else "; name it in `settings`, or")
            + ("" if near else f" write {{ {name} }} if the braces are the shell's")
        )
    for name in ("data", "out", *settings):
        if name not in mentioned:
            what = "the setting" if name in settings else "the folder"
            raise ValueError(f"`command` never mentions {what} {{{name}}}")
    if seeded and "seed" not in mentioned:
        raise ValueError(
            "`command` never mentions {seed}; add it, or say `seeded: false` if the program draws "
            "nothing at random"
        )


def _require_inside(key: str, value: Value, values: Sequence[Value]) -> None:
    if is_range(values):
        low, high = values
        if low >= high:  # type: ignore[operator]
            raise ValueError(f"`search.{key}`: the first number must be below the second")
        if not (_is_number(value) and low <= value <= high):  # type: ignore[operator]
            raise ValueError(
                f"`search.{key}` is from {low} to {high}, and `settings.{key}`, with which the "
                f"search starts, is {shown(value)}"
            )
    elif not any(type(value) is type(other) and value == other for other in values):
        choice = ", ".join(map(shown, values[:5]))
        raise ValueError(
            f"`search.{key}` is a choice of {choice}, and `settings.{key}`, with which the search "
            f"starts, is {shown(value)}"
        )


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
