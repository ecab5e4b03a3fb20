"""A registered model behind MLflow's own server, and a client of it."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import psutil

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class ScoringServer:
    """One that answers on loopback."""

    port: int
    process: psutil.Process
    """The command `mlflow models serve`; the server itself is its child."""

    def connection(self) -> http.client.HTTPConnection:
        """For many requests, one after another."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)


def ask(connection: http.client.HTTPConnection, body: str) -> tuple[int, dict[str, Any]]:
    """Status and answer, which is to be JSON to the letter: without NaN."""
    connection.request("POST", "/invocations", body, JSON)
    with connection.getresponse() as response:
        return response.status, json.loads(response.read(), parse_constant=_refuse)


def request(user: object, items: object, **params: object) -> str:
    """The body of one that asks about one user."""
    records = [{"user": user, "items": items}]
    return json.dumps({"dataframe_records": records} | ({"params": params} if params else {}))


@contextmanager
def scoring_server(model: str, log: Path) -> Iterator[ScoringServer]:
    """Serve the address of a model; what the server says goes into `log`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", model]
    command += ["--env-manager", "local", "-h", "127.0.0.1", "-p", str(port)]
    # It starts `uvicorn` by name, as an activated environment has it.
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    with log.open("w") as output:
        started = subprocess.Popen(command, env=env, stdout=output, stderr=subprocess.STDOUT)
        server = ScoringServer(port, psutil.Process(started.pid))
        try:
            while not _answers(server):
                if started.poll() is not None:
                    raise RuntimeError(f"the server has ended: {log.read_text()[-3000:]}")
                time.sleep(0.2)
            yield server
        finally:
            started.terminate()
            started.wait()


def _answers(server: ScoringServer) -> bool:
    with suppress(OSError), closing(server.connection()) as connection:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    return False


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
