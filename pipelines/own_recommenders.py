"""The sections of the user's own recommenders whose settings are searched, as a file: DVC knows no
parameters whose names are not in `dvc.yaml`, but sees that a file has changed."""

from __future__ import annotations

from pathlib import Path

from llm4idrec.config import Config
from llm4idrec.runtime import command_line
from llm4idrec.runtime.faults import exit_code
from llm4idrec.runtime.files import write_json
from llm4idrec.runtime.project import PARAMS

SECTIONS = Path("artifacts/own_recommenders.json")


def main() -> int:
    """Returns the exit code."""
    return exit_code(write_sections, debug=False)


def write_sections() -> None:
    """Write `SECTIONS`: name -> section of `params.yaml`."""
    config = Config.read(PARAMS)
    searched = set(config.tune_recommenders.names)
    own = {name: its for name, its in config.own_recommenders.items() if name in searched}
    write_json(SECTIONS, {name: its.model_dump(mode="json") for name, its in own.items()})


if __name__ == "__main__":
    command_line.begin()
    command_line.end(main)
