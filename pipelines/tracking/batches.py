"""Parameters and metrics to MLflow in as few requests as it allows."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mlflow.entities import Metric, Param
from mlflow.tracking import MlflowClient

MAX_METRICS, MAX_PARAMS = 1000, 100  # that MLflow takes at once


def log_params(client: MlflowClient, run_id: str, values: Mapping[str, Any]) -> None:
    params = [Param(key, str(value)) for key, value in flat(values).items()]
    for start in range(0, len(params), MAX_PARAMS):
        client.log_batch(run_id, params=params[start : start + MAX_PARAMS])


def log_metrics(client: MlflowClient, run_id: str, metrics: Sequence[Metric]) -> None:
    for start in range(0, len(metrics), MAX_METRICS):
        client.log_batch(run_id, metrics=metrics[start : start + MAX_METRICS])


def numbers(values: Mapping[str, Any], prefix: str) -> list[Metric]:
    """The numbers among `values` as metrics; what is no number is left to the files."""
    return [
        Metric(metric_name(f"{prefix}/{key}"), float(value), now(), 0)
        for key, value in values.items()
        if isinstance(value, int | float)
    ]


def curves(rows: Iterable[Mapping[str, Any]], step: str, prefix: str) -> list[Metric]:
    """Each column but `step` as a metric over the steps."""
    stamp = now()
    return [
        Metric(metric_name(f"{prefix}/{column}"), float(value), stamp, row[step])
        for row in rows
        for column, value in row.items()
        if column != step and value is not None
    ]


def flat(values: Any, prefix: str = "") -> dict[str, Any]:
    """Nested dictionaries as one, keys joined by dots."""
    if not isinstance(values, Mapping):
        return {prefix: values}
    dot = "." if prefix else ""
    return {
        k: v for key, value in values.items() for k, v in flat(value, f"{prefix}{dot}{key}").items()
    }


def metric_name(text: str) -> str:
    """A name that MLflow takes: `amount=0.1` becomes `amount_0.1`."""
    return re.sub(r"[^\w. :/-]", "_", text)


def now() -> int:
    """Milliseconds, as MLflow counts them."""
    return time.time_ns() // 1_000_000
