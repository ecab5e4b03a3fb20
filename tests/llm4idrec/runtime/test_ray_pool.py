"""Tasks over a real Ray cluster of this machine: nothing is lost, and results are the same."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from llm4idrec.errors import InputError, LLM4IDRecError
from llm4idrec.generation.generator import Generation, generate_candidates
from llm4idrec.runtime.files import content_hash
from llm4idrec.runtime.workers import in_this_process, worker_pool
from tests.llm4idrec.conftest import GENERATION, LISTS, Tuned
from tests.llm4idrec.two_tastes import EVALUATION, Files

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="`make ray` installs it"),
]
HOST = "127.0.0.2"


@pytest.fixture(scope="module", autouse=True)
def token() -> Iterator[None]:
    """Ray reads these when it is first imported."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_AUTH_MODE", "token")
        environment.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        environment.setenv("RAY_agent_register_timeout_ms", "300000")  # for a busy machine
        environment.setenv("RAY_worker_niceness", "0")
        yield


@pytest.fixture(scope="module")
def cluster(token: None) -> Iterator[str]:
    """The address of a cluster on loopback, of two cores and no GPU.

    For 127.0.0.1 Ray would take the address of the machine in its network.
    """
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = str(free.getsockname()[1])
    start = ["start", "--head", "--port", port, "--node-ip-address", HOST, "--num-cpus", "2"]
    start += ["--include-dashboard", "false", "--disable-usage-stats"]
    start += ["--object-store-memory", str(100 << 20)]
    # A path that is too long for the name of a socket is refused.
    start += ["--temp-dir", f"/tmp/ray-{os.getpid()}"]
    ray(*start)
    try:
        yield f"{HOST}:{port}"
    finally:
        ray("stop", "--force")


def ray(*arguments: str) -> None:
    command = [str(Path(sys.executable).with_name("ray")), *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture
def on_ray(cluster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM4IDREC_RAY", cluster)


def square(folder: Path, number: int) -> int:
    (folder / str(number)).touch()
    return number * number


def killed_once(folder: Path, number: int) -> int:
    tried = folder / f"tried-{number}"
    if number % 2 and not tried.exists():
        tried.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return square(folder, number)


def always_killed(number: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def refuse(number: int) -> None:
    raise InputError("holds nothing", "something", file="given.csv")


def place(number: int) -> tuple[str, int, int]:
    return str(Path.cwd()), torch.get_num_threads(), os.getpid()


@pytest.mark.slow
@pytest.mark.usefixtures("on_ray")
def test_every_task_is_done_elsewhere_in_the_same_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert not in_this_process(1)
    with worker_pool(1, threads=2) as run:
        assert set(run(partial(square, Path()), range(5))) == {0, 1, 4, 9, 16}
        [there] = run(place, [0])
    assert sorted(path.name for path in tmp_path.iterdir()) == list("01234")
    assert isinstance(there, tuple)
    assert there[:2] == (str(tmp_path), 2)
    assert there[2] != os.getpid()


@pytest.mark.slow
@pytest.mark.usefixtures("on_ray")
def test_generation_is_the_same(
    tuned: Tuned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def generated(out: Path) -> str:
        files = (tuned.train, tuned.base_model, tuned.adapter)
        generation = Generation(*files, GENERATION, LISTS, seed=1, device="cpu")
        generate_candidates(generation, out, threads=1)
        return content_hash(out)

    elsewhere = generated(tmp_path / "elsewhere")
    monkeypatch.delenv("LLM4IDREC_RAY")
    assert elsewhere == generated(tmp_path / "here")


@pytest.mark.slow
@pytest.mark.usefixtures("on_ray")
def test_evaluation_is_the_same(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    small = EVALUATION.model_copy(update={"seeds": 2, "selection_seeds": 1})
    elsewhere = content_hash(files.evaluate(small, controls=("random", "self")))
    monkeypatch.delenv("LLM4IDREC_RAY")
    here = files.beside("here").evaluate(small, controls=("random", "self"))
    assert elsewhere == content_hash(here)


@pytest.mark.slow
@pytest.mark.usefixtures("on_ray")
def test_a_killed_worker_loses_nothing(tmp_path: Path) -> None:
    with worker_pool(1) as run:
        done = list(run(partial(killed_once, tmp_path), range(4)))
    assert set(done) == {0, 1, 4, 9}
    assert {"tried-1", "tried-3"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.slow
@pytest.mark.usefixtures("on_ray")
def test_a_task_that_always_dies_ends_in_a_sentence() -> None:
    with (
        pytest.raises(LLM4IDRecError, match="a task was lost 3 times on the Ray cluster"),
        worker_pool(1) as run,
    ):
        list(run(always_killed, [0]))


@pytest.mark.slow
@pytest.mark.usefixtures("on_ray")
def test_what_a_task_refuses_is_refused_here() -> None:
    with pytest.raises(InputError) as caught, worker_pool(1) as run:
        list(run(refuse, [0, 1]))
    assert str(caught.value) == "given.csv: holds nothing; expected something"


@pytest.mark.slow
def test_no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM4IDREC_RAY", "neither:here")
    with (
        pytest.raises(InputError, match="LLM4IDREC_RAY: no Ray cluster can be reached"),
        worker_pool(1),
    ):
        pass
