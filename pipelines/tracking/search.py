"""MLflow's runs by their tags, whatever text these hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mlflow.entities import Run
from mlflow.tracking import MlflowClient

_ENDS_A_STRING = re.compile(r"['\"`\\]")


def tagged(
    client: MlflowClient, experiment: str, tags: Mapping[str, str], *conditions: str, **options: Any
) -> list[Run]:
    """The runs of the experiment that have all those tags, and meet the conditions of a filter.

    `options` are those of `MlflowClient.search_runs`.
    """
    where = " and ".join([*conditions, *(equal(key, text) for key, text in tags.items())])
    found = client.search_runs([experiment], where, **options)
    return [run for run in found if tags.items() <= run.data.tags.items()]


def equal(key: str, text: str) -> str:
    """A condition of a filter: the tag `key` is `text`.

    MLflow's strings have no escape, so a character that would end one stands for any character,
    and a few other tags may pass.
    """
    plain = _ENDS_A_STRING.sub("_", text)
    return f"tags.`{key}` {'=' if plain == text else 'LIKE'} '{plain}'"
