"""The declaration of a stage, from which command lines, `dvc.yaml` and ZenML's steps follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm4idrec.artifacts import Artifact, Files, places
from llm4idrec.config import Config
from llm4idrec.config.section import Section
from llm4idrec.errors import InputError
from llm4idrec.runtime.project import PARAMS

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from llm4idrec.data.expectations import Validation


_SHAPING_NOTHING: dict[str, set[str]] = {
    "evaluation": {"workers"},
    "tune_recommenders": {"workers"},
    "tune": {"workers"},
}
"""Keys by section: how much is done at a time, in sections that shape results otherwise."""


@dataclass(frozen=True)
class Expectations:
    """What must hold of the files of a stage; a tool for that checks it and writes pages."""

    of: Callable[[Files, Config], Validation]
    reads: tuple[Artifact, ...]
    writes: Artifact


@dataclass(frozen=True)
class Stage:
    """A function from files to files, what it reads and writes, and the keys of `params.yaml` that
    shape what it writes."""

    run: Callable[[Files, Config], None]
    """Writes all of `writes` or raises. Files are named as below: those with `{recommender}` are
    of the only one of `config.recommenders`."""
    reads: tuple[Artifact, ...]
    writes: tuple[Artifact, ...]
    params: tuple[str, ...]
    tuned: tuple[str, ...] = ()
    """Keys that `filter.source` may hold in place of `params.yaml`."""
    sections: str = ""
    """The key that names recommenders whose whole sections shape it too."""
    each: str = ""
    """The key that names the recommenders for each of which it runs."""
    expectations: Expectations | None = None
    on_demand: bool = False
    """Whether it is no part of the whole flow, and runs when it is asked for."""

    @property
    def name(self) -> str:
        return self.run.__name__

    @property
    def about(self) -> str:
        """The first line of its function's docstring."""
        return (self.run.__doc__ or "").partition("\n")[0]

    @property
    def outputs(self) -> tuple[Artifact, ...]:
        """What it writes, and the pages about what must hold."""
        return self.writes + ((self.expectations.writes,) if self.expectations else ())

    def keys(self, config: Config) -> list[str]:
        """The keys that shape what it writes."""
        return self.own_keys(config) + expanded(self.tuned, config)

    def own_keys(self, config: Config) -> list[str]:
        """The same without those that `filter.source` may hold."""
        return [*expanded(self.params, config), *_named(config, self.sections)]

    def shaped_by(self, config: Config) -> dict[str, Any]:
        """The same with their values, as JSON has them, but for what shapes no result."""
        values = config.model_dump(mode="json", exclude=_SHAPING_NOTHING)
        return {key: reduce(dict.__getitem__, key.split("."), values) for key in self.keys(config)}

    def config_for(self, config: Config, recommender: str | None = None) -> Config:
        """With those recommenders alone for each of which it runs: all that `each` names, or the
        one asked for, which for a stage on demand may be any.

        Raises `InputError` if there is none, or if it is not known.
        """
        if not self.each:
            return config
        named = _named(config, self.each)
        if recommender is not None:
            if recommender not in (config.known_recommenders if self.on_demand else named):
                found, known = f"`{self.each}` has no {recommender!r}", ", ".join(named)
                if self.on_demand:
                    found = f"there is no recommender {recommender!r}"
                    known = ", ".join(config.known_recommenders)
                raise InputError(found, f"one of {known}", file=PARAMS)
            named = (recommender,)
        if not named:
            remedy = "name one there, or with --recommender"
            raise InputError(f"`{self.each}` is empty", remedy=remedy, file=PARAMS)
        return config.model_copy(update={"recommenders": named})

    def add_options(self, command: ArgumentParser) -> None:
        """Those of its command: which recommender, if it runs for each of several."""
        command.set_defaults(recommender=None)
        if self.each:
            which = "any recommender" if self.on_demand else "one of them"
            command.add_argument("--recommender", help=f"{which} (each of `{self.each}`)")

    def files(self, config: Config, out: Path | None = None) -> Files:
        """What one run reads and writes, named as its function does; see `places`."""
        own = {artifact: next(artifact.each(config)) for artifact in (*self.reads, *self.writes)}
        at = places(own.values(), config, out)
        return {artifact: at[of_recommender] for artifact, of_recommender in own.items()}

    def configs(self, config: Config) -> list[Config]:
        """The parameters of each of its runs: one, or one for each of `config.recommenders`."""
        return [config.only(name) for name in config.recommenders] if self.each else [config]


def _named(config: Config, key: str) -> tuple[str, ...]:
    """What stands at a key of recommenders; nothing where there is no key."""
    value: Any = reduce(getattr, key.split("."), config) if key else ()
    return tuple(value)


def expanded(keys: tuple[str, ...], config: Config) -> list[str]:
    """The keys, those with `{recommender}` once for each of `config.recommenders`."""
    return [
        key.format(recommender=name)
        for key in keys
        for name in (config.recommenders if "{recommender}" in key else ("",))
    ]


def keys_of(section: type[Section], name: str, *, but: set[str]) -> list[str]:
    """All keys of a section of `params.yaml` but some."""
    return [f"{name}.{key}" for key in section.model_fields if key not in but]
