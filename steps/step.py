"""The decorator of every step here: paths by content hash, cached on the library's code as well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar, cast

import zenml
from zenml.config.cache_policy import CachePolicy
from zenml.config.source import Source, SourceType

from llm4idrec.runtime import files
from steps.materializer import PathMaterializer
from steps.workspace import in_place

Result = TypeVar("Result")


def code_hash() -> str:
    """Hash of the library's and the steps' code; ZenML itself would hash the step function only.

    What a DVC stage wrote is kept by reference, which must not serve a run elsewhere.
    """
    steps = sorted(Path(__file__).parent.glob("*.py"))
    library = files.code_hash()
    return f"{library} {files.content_hash(*steps)}" + (" in place" if in_place() else "")


def step(function: Callable[..., Result], outputs: Sequence[str] = ()) -> Callable[..., Result]:
    """A ZenML step; typed by what the function returns, which ZenML hands on as an artifact.

    Of an input `config`, all of the parameters, a result depends on those that are given apart.
    `outputs` are the names of several artifacts: else ZenML takes them from a set, in an order that
    differs from process to process and is part of the key of its cache.
    """
    policy = CachePolicy(cache_func=_source(code_hash), ignored_inputs=["config"])
    kept = _source(PathMaterializer)
    materializers = dict.fromkeys(outputs, kept) or kept
    decorate = zenml.step(output_materializers=materializers, cache_policy=policy)
    return cast(Callable[..., Result], decorate(function))


def _source(thing: Callable[..., object]) -> Source:
    """By name: given the thing itself, ZenML would open its store whenever a step is imported."""
    return Source(module=thing.__module__, attribute=thing.__name__, type=SourceType.USER)
