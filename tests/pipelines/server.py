"""A real MLflow server for tests."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def mlflow_server(root: Path) -> Iterator[str]:
    """The address of one on loopback, with a database and artifacts of its own in `root`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", port]
    command += ["--backend-store-uri", f"sqlite:///{root / 'mlflow.db'}", "--workers", "1"]
    command += ["--artifacts-destination", str(root / "artifacts")]
    address = f"http://127.0.0.1:{port}"
    with (root / "log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=root, start_new_session=True, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            for _ in range(240):
                with suppress(OSError), urllib.request.urlopen(f"{address}/health"):
                    break
                time.sleep(0.5)
            yield address
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
