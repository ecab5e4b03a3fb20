"""Settings and checks that the fuzzers share."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, settings

from tests.hostile.refusal import FILE

steady = settings(
    max_examples=150,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def require_sentence(error: Exception, file: Path = FILE) -> None:
    """It begins with the file and is one line of bounded length."""
    text = str(error)
    assert text.startswith(str(file))
    assert "\n" not in text
    assert len(text) < 1500
