"""Signals while a command waits, in a process of their own."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

WAITS = """
import subprocess
from llm4idrec.runtime.interruption import deaf_to_interrupts, handle_signals
handle_signals()
import polars  # which puts a handler of its own before Python's
with deaf_to_interrupts():
    waited_for = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
print("waiting", flush=True)
waited_for.wait()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_wait_for_a_process_ends_at_once(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WAITS], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(number)
        try:
            _, error = process.communicate(timeout=60)
        finally:
            process.kill()
    assert error.splitlines()[-1].endswith("stopped; run it again: it goes on where it stopped")
