"""The same thing twice at once: the second refuses, or waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from llm4idrec.config import Config
from llm4idrec.runtime.files import locked
from pipelines import environment, run

Output = pytest.CaptureFixture[str]


def test_a_stage_that_is_being_run_is_refused(
    workplace: Callable[..., Config], capfd: Output
) -> None:
    workplace()
    with locked(environment.lock_of("prepare")):
        assert run.main(["prepare"]) == 1
    assert capfd.readouterr().err == (
        "the stage prepare is being run by another process; wait until it is done, or end it\n"
    )
    assert not Path("artifacts").exists()


def test_the_same_stage_elsewhere_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = environment.lock_of("prepare")
    monkeypatch.chdir(tmp_path)
    assert environment.lock_of("prepare") != here


@pytest.mark.slow
def test_a_second_promotion_waits(workplace: Callable[..., Config]) -> None:
    workplace()
    codes: list[int] = []
    second = threading.Thread(target=lambda: codes.append(run.main(["rollback"])))
    with locked(environment.state() / ".promotion"):
        second.start()
        time.sleep(1)
        assert codes == []
    second.join(60)
    assert codes == [1]  # there is no champion
