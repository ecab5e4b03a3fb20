"""MLflow's user interface on this machine: its port, and its server as long as it is wanted."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

from llm4idrec.errors import InputError, LLM4IDRecError
from llm4idrec.runtime.interruption import deaf_to_interrupts
from pipelines.tools import mlflow_internals

HOST, PORT, TRIED = "127.0.0.1", 5000, 100
"""Where it is served; the first port, and how many there are to choose from."""
PATIENCE = 10.0
"""Seconds that a server is given to end."""


class ServerError(LLM4IDRecError):
    """MLflow's server ended by itself."""


def choose_port(wanted: int | None) -> int:
    """`wanted`, or without one the first that is free; `InputError` if that cannot be used."""
    if wanted is None:
        for port in range(PORT, PORT + TRIED):
            if _fault(port) is None:
                if port != PORT:
                    print(f"port {PORT} is taken: {port} is used", flush=True)
                return port
        raise InputError(f"ports {PORT} to {PORT + TRIED - 1} are taken", remedy="give --port")
    if not 0 < wanted < 1 << 16:
        raise InputError(f"--port is {wanted}", f"1 to {(1 << 16) - 1}")
    if fault := _fault(wanted):
        remedy = "without --port the next free one is used"
        raise InputError(f"port {wanted} cannot be used: {fault}", "a free one", remedy)
    return wanted


def serve(store: str, port: int, view: str) -> None:
    """Serve the runs of `store` until interrupted, and print the address of `view` once they are.

    Raises `ServerError` if the server ends by itself.
    """
    command = mlflow_internals.interface_command(HOST, port)
    # Not as an argument, which everybody on the machine may read.
    variables = {mlflow_internals.JOBS: "false"} | os.environ | {mlflow_internals.BACKEND: store}
    with deaf_to_interrupts():
        # A group of its own, which no worker leaves.
        server = subprocess.Popen([sys.executable, *command], env=variables, process_group=0)
    _take_hangups_for_interrupts()
    with suppress(KeyboardInterrupt):
        try:
            while server.poll() is None and not _answers(port):
                time.sleep(0.1)
            if server.poll() is None:
                print(f"original, language model, others: http://{HOST}:{port}/{view}", flush=True)
            server.wait()
        finally:
            _end(server)
        raise ServerError(f"MLflow's server ended by itself, with exit code {server.returncode}")


def _fault(port: int) -> str | None:
    """Why nothing can be served at `port`; None if it can. On macOS one may listen at an address
    where another program listens at all of them, and so it is called first."""
    if _answers(port):
        return "another program answers there"
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            return os.strerror(error.errno or errno.EADDRINUSE).lower()
    return None


def _answers(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex((HOST, port)) == 0


def _take_hangups_for_interrupts() -> None:
    """A terminal that is closed tells its own group of processes only."""
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as `nohup` has it
        signal.signal(signal.SIGHUP, signal.default_int_handler)


def _end(server: subprocess.Popen[bytes]) -> None:
    """With its workers, which would go on for seconds."""
    server.terminate()
    with suppress(subprocess.TimeoutExpired):
        server.wait(PATIENCE)
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()
