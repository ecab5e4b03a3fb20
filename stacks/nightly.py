"""One night, by cron or a timer: data are fetched, and what is new is lived through.

    cd shop && .venv/bin/python -m stacks.nightly ./fetch-interactions

Exit code 0: all is well, or nothing was new. Else 1, or 2 for an input that cannot be used, and a
sentence on stderr for each window that was refused tonight, and for what failed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from llm4idrec.artifacts import REPLAY
from llm4idrec.config import Config
from llm4idrec.errors import InputError, LLM4IDRecError
from llm4idrec.replay.replay import read_reports
from llm4idrec.runtime.faults import exit_code
from llm4idrec.runtime.files import locked
from llm4idrec.runtime.project import PARAMS, enter_project
from llm4idrec.stages import STAGES
from pipelines import environment

STAGE = "replay"
DVC = (sys.executable, "-m", "dvc")
OF_DVC = "ERROR: failed to reproduce", "Having any troubles?"
"""How lines begin that DVC writes after it has been said what is wrong."""
BUSY = "another night is being lived here; it takes what is new, or the next one does"


class NightError(LLM4IDRecError):
    """What somebody has to be told of the night."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser("python -m stacks.nightly", description=__doc__)
    told = "a command, with its arguments, that brings the file `data.path` up to date"
    parser.add_argument("fetch", nargs=argparse.REMAINDER, help=told)
    options = parser.parse_args(arguments)
    enter_project(options)
    fetch = options.fetch[1:] if options.fetch[:1] == ["--"] else options.fetch
    return exit_code(lambda: live(fetch), debug=False)


def live(fetch: Sequence[str]) -> None:
    """Raises `NightError` with all that somebody has to be told; `BusyError` where another process
    is at it."""
    environment.prepare()
    config = STAGES[STAGE].config_for(Config.read(PARAMS))
    with locked(environment.lock_of("nightly"), BUSY):
        before = windows(config)
        problems = done(fetch, environment.state() / "nightly.log")
        after = windows(config)
    problems += [
        f"window {name} was refused: {fault}"
        for name, fault in after.items()
        if fault and before.get(name) != fault
    ]
    if problems:
        raise NightError("\n".join(problems))
    new = [name for name in after if name not in before]
    print(f"lived: {', '.join(new)}" if new else "nothing new: no window has ended since")


def windows(config: Config) -> dict[str, str | None]:
    """Those that are over and have been lived, in their order, and why each was refused, if it was.

    They are the same for each recommender, but for a night that was cut short.
    """
    found: dict[str, str | None] = {}
    for artifact in REPLAY.each(config):
        with suppress(InputError):  # nothing is there yet
            reports = [r for r in read_reports(Path(artifact.path)) if r["is_over"]]
            found |= {report["window"]: report["refused"] for report in reports}
    return found


def done(fetch: Sequence[str], log: Path) -> list[str]:
    """Fetch, live, push: what went wrong first, if anything did. What the commands print is added
    to `log`."""
    commands = [[*fetch], [*DVC, "repro", STAGE]]
    if _has_remote():
        commands.append([*DVC, "push", STAGE])
    for command in filter(None, commands):
        if problem := _failure(command, log):
            return [problem]
    return []


def _failure(command: Sequence[str], log: Path) -> str | None:
    name = " ".join(command).replace(" ".join(DVC), "dvc")
    with log.open("a", encoding="utf-8") as output:
        print(f"== {datetime.now():%Y-%m-%d %H:%M:%S} {name}", file=output, flush=True)
        begin = log.stat().st_size
        try:
            code = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=_env(),
                check=False,
            ).returncode
        except OSError as error:
            return f"`{name}` cannot be run: {error.strerror}"
    said = log.read_bytes()[begin:].decode(errors="replace")
    return f"`{name}` failed: {_reason(said) or f'exit code {code}'} (see {log})" if code else None


def _reason(said: str) -> str:
    """The last sentence of a command's output: a stage's own, where DVC adds that it failed."""
    lines = [line.strip() for line in said.splitlines()]
    own = [line for line in lines if line and not line.startswith(OF_DVC)]
    return own[-1].removeprefix("ERROR: ") if own else ""


def _has_remote() -> bool:
    """Whether DVC is told where to push."""
    asked = subprocess.run(
        [*DVC, "config", "core.remote"], capture_output=True, text=True, check=False
    )
    return bool(asked.stdout.strip())


def _env() -> dict[str, str]:
    """The stages' `python` is this one: cron knows no virtual environment."""
    here = str(Path(sys.executable).parent)
    return os.environ | {"PATH": f"{here}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


if __name__ == "__main__":
    sys.exit(main())
