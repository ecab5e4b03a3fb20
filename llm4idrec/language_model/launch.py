"""Tuning through `accelerate launch`, which starts the processes: see `processes`."""

from __future__ import annotations

import io
import logging
import multiprocessing
import os
import shlex
import signal
import sys
import tempfile
from contextlib import redirect_stderr
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any, Self

from llm4idrec.config import AdapterConfig
from llm4idrec.errors import InputError, LLM4IDRecError
from llm4idrec.runtime.faults import exit_code
from llm4idrec.runtime.files import python_path, read_json, write_json
from llm4idrec.runtime.interruption import deaf_to_interrupts, end_with_parent
from llm4idrec.runtime.threads import fixed_threads

ARGUMENTS = "LLM4IDREC_ACCELERATE"
"""Environment variable: arguments of `accelerate launch`, as in `--config_file fsdp.yaml`."""
_MODULE = "llm4idrec.language_model.launch"
_JOB, _FAILURE = "job.json", "failure.json"
_PATHS = ("base_model", "prompts", "out")


@dataclass(frozen=True)
class Tuning:
    """A call of `tune_adapter`, which other processes can be told of."""

    base_model: Path
    prompts: Path
    out: Path
    config: AdapterConfig
    seed: int
    device: str
    threads: int
    """Of the CPU, for each process."""

    def run(self) -> None:
        """In this process, alone or joined with others."""
        from llm4idrec.language_model.adapter import tune_adapter

        with fixed_threads(self.threads):
            tune_adapter(
                self.base_model,
                self.prompts,
                self.out,
                config=self.config,
                seed=self.seed,
                device=self.device,
            )

    def launch(self, arguments: str) -> None:
        """In the processes that `accelerate launch` starts if given `arguments`.

        What one of them says when it fails is raised here, as `InputError` or `LLM4IDRecError`.
        """
        words = [*checked(arguments), "-m", _MODULE]
        with tempfile.TemporaryDirectory(prefix="llm4idrec-") as scratch:
            folder = Path(scratch)
            self._write(folder / _JOB)
            spawn = multiprocessing.get_context("spawn")
            launcher = spawn.Process(target=_launch, args=(words, folder))
            with deaf_to_interrupts():
                launcher.start()
            try:
                launcher.join()
            finally:
                launcher.terminate()  # of one that has ended, nothing
                launcher.join()
            if (folder / _FAILURE).is_file():
                told = read_json(folder / _FAILURE)
                kinds = {kind.exit_code: kind for kind in (LLM4IDRecError, InputError)}
                raise kinds[told["exit_code"]](told["sentence"])
            if launcher.exitcode:
                raise LLM4IDRecError(
                    f"`accelerate launch` ended with exit code {launcher.exitcode}"
                )

    def _write(self, file: Path) -> None:
        paths = {name: str(getattr(self, name)) for name in _PATHS}
        write_json(file, vars(self) | paths | {"config": self.config.model_dump()})

    @classmethod
    def read(cls, file: Path) -> Self:
        """What another process has written."""
        given: dict[str, Any] = read_json(file)
        paths = {name: Path(given[name]) for name in _PATHS}
        return cls(**given | paths | {"config": AdapterConfig(**given["config"])})


def checked(arguments: str) -> list[str]:
    """The words of `arguments`, all of which are the launcher's own."""
    try:
        from accelerate.commands.launch import launch_command_parser
    except ImportError as error:
        raise InputError(
            f"{ARGUMENTS} is set, and accelerate is not installed", remedy="unset it"
        ) from error
    said = io.StringIO()
    try:
        words = shlex.split(arguments)
        with redirect_stderr(said):
            script = launch_command_parser().parse_args([*words, "-m", _MODULE]).training_script
        if script != _MODULE:
            raise ValueError(f"{script!r} is no option")
    except (ValueError, SystemExit) as error:
        reason = said.getvalue().rpartition("error: ")[2].strip() or str(error)
        expected = "options of `accelerate launch`, as in `--multi_gpu --num_processes 2`"
        raise InputError(f"{ARGUMENTS} is {arguments!r} ({reason})", expected) from error
    return words


def _launch(words: list[str], folder: Path) -> None:
    """Accelerate's launcher, without its reports of a process that has said itself why it ends."""
    from accelerate.commands.launch import launch_command, launch_command_parser
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    # The launcher stops its processes if it is told to end.
    end_with_parent(partial(os.kill, os.getpid(), signal.SIGTERM))
    for name in ("torch.distributed.elastic", "accelerate"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    os.environ["PYTHONPATH"] = python_path()
    try:
        launch_command(launch_command_parser().parse_args([*words, str(folder)]))
    except ChildFailedError as error:
        rank, failed = error.get_first_failure()
        found = f"process {rank} of the tuning ended with exit code {failed.exitcode}"
        _leave(folder, LLM4IDRecError(found))
    except CalledProcessError as error:
        found = f"the process of the tuning ended with exit code {error.returncode}"
        _leave(folder, LLM4IDRecError(found))
    except SignalException as told:  # which has ended the processes
        sys.exit(128 + told.sigval)
    except (OSError, ValueError, AssertionError) as error:
        reason = " ".join(str(error).split())[:200]
        _leave(folder, InputError(f"{ARGUMENTS}: accelerate cannot launch that ({reason})"))


def _leave(folder: Path, error: LLM4IDRecError) -> None:
    """For `Tuning.launch`, unless there is an earlier one."""
    if not (folder / _FAILURE).is_file():
        told = {"sentence": str(error), "exit_code": error.exit_code}
        write_json(folder / _FAILURE, told)


def _tune(folder: Path) -> int:
    """In each process that the launcher starts; returns its exit code."""
    return exit_code(
        lambda: Tuning.read(folder / _JOB).run(), debug=False, say=partial(_leave, folder)
    )


if __name__ == "__main__":
    sys.exit(_tune(Path(sys.argv[1])))
