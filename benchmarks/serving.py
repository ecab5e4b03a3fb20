"""What MLflow's server adds to the time of the model that it serves.

    python -m benchmarks.serving [--requests 1000]

The champion of this repository's registry, behind `mlflow models serve` on loopback and loaded in
this process: the same users one after another, each drawn with ten to thirty items of the
catalogue; then the server is asked by four clients at once. A JSON answer has all candidates.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from llm4idrec.metrics.ranking import FloatArray
from llm4idrec.verdict.wording import align
from pipelines import environment
from pipelines.run import SERVED
from tests.pipelines.scoring import ScoringServer, ask, request, scoring_server

CLIENTS, FIRST = 4, 20
"""Clients at once, and requests before the clock is looked at."""
Times = FloatArray
"""Seconds of each request (n,)."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--requests", type=int, default=1000)
    n = parser.parse_args(arguments).requests
    environment.prepare()
    with tempfile.TemporaryDirectory(prefix="llm4idrec-") as folder:
        users = _drawn(Path(mlflow.artifacts.download_artifacts(SERVED, dst_path=folder)), n)
        model = mlflow.pyfunc.load_model(SERVED)
        here = _timed(lambda user: model.predict(_frame(user)), users)
        rows = [_row("in this process", [here])]
        with scoring_server(SERVED, Path(folder) / "server.log") as server:
            rows.append(_row("the server, one client", [_asked(server, users)]))
            rows.append(_row(f"the server, {CLIENTS} clients", _by_clients(server, users)))
    head = ("", "p50, ms", "p99, ms", "requests a second")
    print(align([head, *rows], left=[0]))
    return 0


def _drawn(version: Path, n: int) -> list[tuple[str, list[str]]]:
    """So many users of a downloaded version, and some more for the start."""
    (file,) = version.rglob("identifiers/items.parquet")
    items = pq.read_table(file)["id"].to_numpy()
    draw = np.random.default_rng(1)
    sizes = np.minimum(draw.integers(10, 31, FIRST + n), len(items) // 2)
    return [
        (f"user {number}", draw.choice(items, size, replace=False).tolist())
        for number, size in enumerate(sizes)
    ]


def _frame(user: tuple[str, list[str]]) -> pd.DataFrame:
    return pd.DataFrame({"user": [user[0]], "items": [user[1]]})


def _timed(
    answer: Callable[[tuple[str, list[str]]], object], users: list[tuple[str, list[str]]]
) -> tuple[float, Times]:
    """Seconds for all but the first, and for each of them."""
    times = []
    for user in users:
        started = time.perf_counter()
        answer(user)
        times.append(time.perf_counter() - started)
    return sum(times[FIRST:]), np.array(times[FIRST:])


def _asked(server: ScoringServer, users: list[tuple[str, list[str]]]) -> tuple[float, Times]:
    with closing(server.connection()) as connection:

        def answer(user: tuple[str, list[str]]) -> None:
            status, body = ask(connection, request(*user))
            if status != 200:
                raise RuntimeError(f"the server answers {status}: {body}")

        return _timed(answer, users)


def _by_clients(
    server: ScoringServer, users: list[tuple[str, list[str]]]
) -> list[tuple[float, Times]]:
    parts = [users[:FIRST] + users[FIRST + client :: CLIENTS] for client in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as clients:
        return list(clients.map(lambda part: _asked(server, part), parts))


def _row(name: str, parts: list[tuple[float, Times]]) -> tuple[str, ...]:
    """Of clients side by side, of which the slowest says how long all took."""
    times = np.concatenate([own for _, own in parts])
    p50, p99 = 1000 * np.percentile(times, [50, 99])
    rate = len(times) / max(seconds for seconds, _ in parts)
    return name, f"{p50:.1f}", f"{p99:.1f}", f"{rate:.1f}"


if __name__ == "__main__":
    sys.exit(main())
