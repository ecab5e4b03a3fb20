"""Tuning by two CPU processes that accelerate's launcher starts: the adapter stays the same."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from safetensors.torch import load_file

from llm4idrec import __main__ as command_line
from llm4idrec.artifacts import ADAPTER as OUT
from llm4idrec.artifacts import BASE_MODEL, PROMPTS
from llm4idrec.config import AdapterConfig, Config
from llm4idrec.data.interactions import Interactions
from llm4idrec.errors import DivergenceError, InputError, LLM4IDRecError
from llm4idrec.language_model.processes import Processes, joined, training_processes
from llm4idrec.runtime import faults
from llm4idrec.runtime.files import COST, content_hash, python_path, read_json
from llm4idrec.stages.adapter import adapter
from tests.conftest import tiny_values
from tests.llm4idrec.conftest import ADAPTER, Tuned
from tests.llm4idrec.spelling_model import write_owned

TWO = "--multi_gpu --num_processes 2 --main_process_port 0"
SHARED = ADAPTER.model_copy(update={"accumulation": 2, "batch_size": 4, "dropout": 0.1})
WEIGHTS = "adapter_model.safetensors"
LAUNCHER = [sys.executable, "-m", "accelerate.commands.launch"]


@pytest.fixture(autouse=True)
def on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", socket.if_nameindex()[0][1])
    monkeypatch.setenv("PYTHONPATH", python_path())


@pytest.fixture(scope="module")
def owned(blocks: Interactions, tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    """A pretrained model whose items have tokens of their own, which the adapter trains."""
    return write_owned(tmp_path_factory.mktemp("owned"), blocks)


def tune(files: Tuned, out: Path, config: AdapterConfig) -> Path:
    given = {BASE_MODEL: files.base_model, PROMPTS: files.prompts.parent, OUT: out}
    changes = {"adapter": config, "seed": 1}
    adapter(given, Config.parse(tiny_values()).model_copy(update=changes))
    return out


@pytest.mark.slow
def test_what_one_process_began_two_end_with_the_same_bytes(
    owned: Tuned,
    tmp_path: Path,
    killed_at_step: Callable[[int], list[int]],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    one = tune(owned, tmp_path / "one", SHARED)
    killed_at_step(8)
    with pytest.raises(KeyboardInterrupt):
        tune(owned, tmp_path / "two", SHARED)
    monkeypatch.setenv("LLM4IDREC_ACCELERATE", TWO)
    capfd.readouterr()
    two = tune(owned, tmp_path / "two", SHARED)
    assert capfd.readouterr().err.count("| 5/12 ") == 1  # one bar, from the checkpoint on
    assert content_hash(one) == content_hash(two)
    assert (two / COST).is_file()


@pytest.mark.slow
def test_fsdp_shares_out_the_base_model_and_changes_nothing(owned: Tuned, tmp_path: Path) -> None:
    changes = {"precision": "bfloat16", "gradient_checkpointing": True}
    config = SHARED.model_copy(update=changes)
    settings = {
        "compute_environment": "LOCAL_MACHINE",
        "distributed_type": "FSDP",
        "fsdp_config": {"fsdp_version": 2},
        "num_machines": 1,
        "num_processes": 2,
        "main_process_port": 0,
    }
    (tmp_path / "fsdp.yaml").write_text(yaml.safe_dump(settings))
    script = Path(__file__).with_name("sharded_tuning.py")
    given = [owned.base_model, owned.prompts, tmp_path / "two", config.model_dump_json()]
    launch = [*LAUNCHER, "--config_file", str(tmp_path / "fsdp.yaml"), str(script)]
    subprocess.run([*launch, *map(str, given)], check=True)
    for index in range(2):
        kept = read_json(tmp_path / f"kept-{index}.json")
        assert kept["here"] == kept["all"] / 2 > 0
    assert content_hash(tmp_path / "two") == content_hash(tune(owned, tmp_path / "one", config))


def launch_by_hand(arguments: list[str]) -> int:
    command = [*LAUNCHER, *TWO.split(), "-m", "llm4idrec", *arguments]
    return subprocess.run(command, check=False).returncode


@contextmanager
def begun(out: Path) -> Iterator[subprocess.Popen[str]]:
    """A long tuning by two processes, in a process of its own, from its first checkpoint on."""
    command = [sys.executable, "-m", "llm4idrec", "adapter", "--out", str(out)]
    variables = os.environ | {"LLM4IDREC_ACCELERATE": TWO}
    with subprocess.Popen(
        command, env=variables, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            while not (out / ".adapter.resumable/checkpoint.safetensors").is_file():
                assert process.poll() is None
                time.sleep(0.02)
            yield process
        finally:
            process.kill()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("killed", "go_on"), [("a process", launch_by_hand), ("who started them", command_line.main)]
)
def test_one_that_is_killed_takes_the_others_along_and_the_next_go_on(
    killed: str,
    go_on: Callable[[list[str]], int],
    tuned: Tuned,
    workplace: Callable[..., Config],
) -> None:
    """Two parts a process, which are not added up in the order of one process: the weights, of
    size 0.1, agree within 1e-4."""
    workplace(adapter={"accumulation": 4, "batch_size": 2, "steps": 60, "checkpoint_every": 5})
    for out in map(Path, ("whole", "again")):
        (out / "prompts").mkdir(parents=True)
        (out / "base_model").symlink_to(tuned.base_model)
        (out / "prompts/prompts.jsonl").symlink_to(tuned.prompts)
    with begun(Path("again")) as process:
        started = psutil.Process(process.pid).children(recursive=True)
        tuning = [p for p in started if "llm4idrec.language_model.launch" in p.cmdline()]
        assert len(tuning) == 2
        (tuning[1] if killed == "a process" else process).send_signal(signal.SIGKILL)
        assert psutil.wait_procs(started, timeout=60)[1] == []
        assert process.stderr is not None
        said = process.stderr.read()
    assert "Traceback" not in said
    if killed == "a process":
        assert process.returncode == LLM4IDRecError.exit_code
        assert "process" in said.splitlines()[-1]
    assert not Path("again/adapter").exists()
    assert go_on(["adapter", "--out", "again"]) == 0
    assert command_line.main(["adapter", "--out", "whole"]) == 0
    whole, again = (load_file(f"{out}/adapter/{WEIGHTS}") for out in ("whole", "again"))
    for name, weight in whole.items():
        torch.testing.assert_close(again[name], weight, rtol=0, atol=1e-4)
    losses, losses_again = (
        pq.read_table(f"{out}/adapter/history.parquet")["loss"].to_pylist()
        for out in ("whole", "again")
    )
    assert losses_again == pytest.approx(losses, rel=1e-4)
    assert {path.name for path in Path("again").iterdir()} == {"adapter", "base_model", "prompts"}


@pytest.mark.slow
def test_ctrl_c_ends_all_processes_with_one_sentence(
    tuned: Tuned, workplace: Callable[..., Config]
) -> None:
    workplace(adapter={"accumulation": 4, "batch_size": 2, "steps": 600, "checkpoint_every": 5})
    Path("out/prompts").mkdir(parents=True)
    Path("out/base_model").symlink_to(tuned.base_model)
    Path("out/prompts/prompts.jsonl").symlink_to(tuned.prompts)
    with begun(Path("out")) as process:
        started = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGINT)
        assert process.stderr is not None
        said = process.stderr.read().splitlines()
        assert process.wait(timeout=60) == 130
        assert psutil.wait_procs(started, timeout=60)[1] == []
    assert said[-1] == "stopped; run it again: it goes on where it stopped"
    assert [line for line in said if line and "adapter:" not in line] == [said[-1]]
    assert Path("out/.adapter.resumable/checkpoint.safetensors").is_file()


@pytest.mark.slow
def test_a_loss_that_diverges_is_said_once_and_leaves_nothing(
    owned: Tuned,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("LLM4IDREC_ACCELERATE", TWO)
    wild = SHARED.model_copy(update={"learning_rate": 1e20})
    with pytest.raises(LLM4IDRecError, match=r"the loss is nan at step \d") as stopped:
        tune(owned, tmp_path / "out", wild)
    assert stopped.value.exit_code == DivergenceError.exit_code
    said = capfd.readouterr().err
    assert "Traceback" not in said
    assert "the loss is" not in said  # by whoever catches it
    assert not (tmp_path / "out").exists()


def test_each_process_takes_an_even_share_of_a_step() -> None:
    cpu = torch.device("cpu")
    assert [list(Processes(cpu, index, 2).share(4)) for index in (0, 1)] == [[0, 2], [1, 3]]
    assert list(Processes(cpu).share(3)) == [0, 1, 2]
    with pytest.raises(InputError, match=r"accumulation: 4 .* 3 processes; .* multiple of 3"):
        Processes(cpu, 0, 3).share(4)


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ("--processes 2", r"unrecognized arguments: --processes"),
        ("four", r"'four' is no option"),
        ("--num_processes four", r"invalid int value: 'four'"),
        ("--config_file 'fsdp.yaml", r"No closing quotation"),
    ],
)
def test_arguments_that_the_launcher_does_not_take(
    arguments: str, found: str, owned: Tuned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM4IDREC_ACCELERATE", arguments)
    with pytest.raises(InputError, match=f"LLM4IDREC_ACCELERATE is .*{found}"):
        tune(owned, tmp_path / "out", SHARED)


@pytest.mark.slow
def test_settings_that_accelerate_refuses(
    owned: Tuned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM4IDREC_ACCELERATE", "--config_file nowhere.yaml")
    with pytest.raises(InputError, match=r"cannot launch that .*nowhere\.yaml"):
        tune(owned, tmp_path / "out", SHARED)


def test_one_process_where_several_were_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `accelerate launch --cpu --num_processes 2` has it."""
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "no")
    assert not joined()
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    with pytest.raises(InputError, match=r"has started one; .*--multi_gpu"):
        joined()


@pytest.mark.parametrize(
    ("name", "value", "feature"),
    [
        ("ACCELERATE_USE_DEEPSPEED", "true", "DeepSpeed"),
        ("FSDP_VERSION", "1", "the first FSDP"),
        ("FSDP_OFFLOAD_PARAMS", "true", "the offloading of FSDP"),
    ],
)
def test_what_is_not_supported_is_refused(
    name: str, value: str, feature: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=feature), training_processes("cpu"):
        pass


@pytest.mark.parametrize("rank", [0, 1])
def test_other_commands_are_refused_by_each_process_and_one_says_so(
    rank: int,
    workplace: Callable[..., Config],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    workplace()
    monkeypatch.setenv("LOCAL_RANK", str(rank))
    monkeypatch.setattr(faults, "_TURN", 0)
    assert command_line.main(["prompts"]) == InputError.exit_code
    assert ("is for the command `adapter`" in capsys.readouterr().err) == (rank == 0)
    assert not Path("artifacts").exists()
