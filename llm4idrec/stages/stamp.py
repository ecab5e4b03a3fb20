"""Whether a stage has been run already, with the parameters and files that there are now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from llm4idrec.artifacts import Files
from llm4idrec.config import Config
from llm4idrec.runtime.files import (
    code_hash,
    content_hash,
    fingerprint,
    read_json,
    write_json,
)
from llm4idrec.stages.stage import Stage

FOLDER = ".stamps"
"""In the folder of all artifacts."""


@dataclass(frozen=True)
class Stamp:
    """What a stage leaves beside its files: of which parameters, files and code they were made."""

    stage: Stage
    config: Config
    files: Files
    out: Path
    """The folder of all artifacts."""

    def is_valid(self) -> bool:
        """Whether running the stage again would leave what is there."""
        written = (self.files[artifact] for artifact in self.stage.writes)
        if not self._file.is_file() or not all(path.exists() for path in written):
            return False
        return bool(read_json(self._file) == self._facts())

    def has_other_parameters(self) -> bool:
        """Whether it was made with others; not where nothing is known of that."""
        facts = read_json(self._file) if self._file.is_file() else {}
        return bool(facts.get("parameters", self._parameters) != self._parameters)

    def write(self) -> None:
        """To be called when the stage has been run."""
        write_json(self._file, self._facts())

    @property
    def _file(self) -> Path:
        of = f".{self.config.recommenders[0]}" if self.stage.each else ""
        return self.out / FOLDER / f"{self.stage.name}{of}.json"

    def _facts(self) -> dict[str, str]:
        reads = (self.files[artifact] for artifact in self.stage.reads)
        made_of = fingerprint(*reads, parameters=self._parameters, code=code_hash())
        written = content_hash(*self._written())
        return {"made_of": made_of, "parameters": self._parameters, "written": written}

    @property
    def _parameters(self) -> str:
        return fingerprint(shaping=self.stage.shaped_by(self.config))

    def _written(self) -> list[Path]:
        """All but what later stages add to."""
        return [self.files[artifact] for artifact in self.stage.writes if not artifact.grows]
