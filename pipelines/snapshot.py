"""What a stage goes by, as it was when the stage began; DVC notes it when the stage is over."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from llm4idrec.artifacts import Artifact, Files, places
from llm4idrec.config import Config
from llm4idrec.config.comparison import OWN_FILE
from llm4idrec.config.yaml_file import read_yaml
from llm4idrec.errors import InputError
from llm4idrec.runtime.files import COST, code_hash, forget_work, remove
from llm4idrec.stages import STAGES
from llm4idrec.stages.stage import Stage, expanded
from pipelines.environment import REPO
from pipelines.tools.dvc_internals import dvc_hash

CODE = ("llm4idrec/", "steps/")
_MAX_NAMED = 3
_REMEDY = "nothing of it is recorded; run it again"
_NOTHING = object()


class ChangedError(InputError):
    """A parameter or a file that a stage goes by has changed while it ran."""


class ChangedFilesError(ChangedError):
    """The same of a file, so that half-done work may be of the old one, the new one, or both."""


@dataclass(frozen=True)
class Snapshot:
    """Parameters by file and key; a mark of each input, which moves whenever it is written; hashes
    of the code.

    A comment or another layout of the parameters is no change. An input that was written is one,
    though its bytes be the same at the end: nobody knows which the stage has read.
    """

    stage: str
    params: Mapping[Path, Mapping[str, Any]]
    inputs: Files
    marks: Mapping[Artifact, object]
    code: Mapping[Path, str]

    @classmethod
    def take(cls, stage: Stage, config: Config, values: Mapping[str, Any]) -> Self:
        """Of what `dvc.yaml` says that the stage depends on; `values` is `params.yaml` as it was
        read, and `config` what was made of it, before any other file is read."""
        code_hash()  # half-done work is kept under the code of this moment
        inputs = places(stage.reads, config)
        own, tuned = stage.own_keys(config), expanded(stage.tuned, config)
        source = config.filter.source
        if source == OWN_FILE:
            params = {OWN_FILE: _chosen(values, own + tuned)}
        else:
            others = read_yaml(source) if tuned and source.is_file() else {}
            params = {OWN_FILE: _chosen(values, own), source: _chosen(others, tuned)}
        return cls(
            stage.name,
            {file: its for file, its in params.items() if its},
            inputs,
            {artifact: _mark(path) for artifact, path in inputs.items()},
            _code([stage.name]),
        )

    @classmethod
    def of_code(cls) -> Self:
        """Of the code of all stages, for the whole flow, which copies its data and parses once."""
        code_hash()
        return cls("all", {}, {}, {}, _code(STAGES))

    @contextmanager
    def all_or_none(self, outputs: Files) -> Iterator[None]:
        """Remove the outputs if the block fails, or if something is not as it was at its end.

        Half-done work to go on from lies beside them; it is kept unless a file has changed.
        """
        try:
            with self.explaining():
                yield
            self.require_same()
        except BaseException as error:
            remove(*(path for artifact, path in outputs.items() if not artifact.grows))
            if isinstance(error, ChangedFilesError):
                forget_work(*outputs.values())
            raise

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """A fault that comes with an input that is written, or removed, comes from that."""
        try:
            yield
        except ChangedError:
            raise
        except Exception as error:
            if written := self._written():
                raise self._changed(written) from error
            raise

    def require_same(self) -> None:
        """`ChangedError` if something is not as it was."""
        changed = self._written()
        changed += [str(p.relative_to(REPO)) for p, its in self.code.items() if _hash(p) != its]
        if changed:
            raise self._changed(changed)
        for file, before in self.params.items():
            if its := list(_differences(before, _chosen(read_yaml(file), before))):
                raise ChangedError(self._sentence(its, ""), remedy=_REMEDY, file=file)

    def _written(self) -> list[str]:
        """The inputs that are not what they were, or were something else in between."""
        return [str(p) for a, p in self.inputs.items() if _mark(p) != self.marks[a]]

    def _changed(self, files: list[str]) -> ChangedFilesError:
        return ChangedFilesError(self._sentence(files, "changed"), remedy=_REMEDY)

    def _sentence(self, changes: list[str], verb: str) -> str:
        named = ", ".join(changes[:_MAX_NAMED])
        more = f" and {n} more" if (n := len(changes) - _MAX_NAMED) > 0 else ""
        verb = f" {verb}" if verb else ""
        return f"{named}{more}{verb} while the stage {self.stage} ran, which went by what was there"


def _code(stages: Iterable[str]) -> dict[Path, str]:
    """The hash of each file of code that `dvc.yaml` names."""
    table = read_yaml(REPO / "dvc.yaml")["stages"]
    described = [table[stage].get("do", table[stage]) for stage in stages]  # `do` it for each
    files = {REPO / dep for its in described for dep in its["deps"] if dep.startswith(CODE)}
    return {file: dvc_hash(file) for file in sorted(files)}


def _mark(path: Path) -> object:
    """Names, sizes, times of change and inodes of a file or of all in a folder."""
    if not os.path.exists(path):  # noqa: PTH110, which raises for names that are too long
        return None
    files = path.rglob("*") if path.is_dir() else [path]
    found = [(file, file.stat()) for file in sorted(files) if file.is_file() and file.name != COST]
    return [
        # The last tells of one that was moved away and back; but a hard link moves it too, and DVC
        # makes such where its cache has them.
        (file, s.st_size, s.st_mtime_ns, s.st_ino, s.st_ctime_ns if s.st_nlink == 1 else None)
        for file, s in found
    ]


def _hash(path: Path) -> str:
    return dvc_hash(path) if path.exists() else ""


def _chosen(values: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    """What stands at each key, as in `filter.min_votes`."""
    found: dict[str, Any] = {}
    for key in keys:
        value: Any = values
        for part in key.split("."):
            value = value.get(part, _NOTHING) if isinstance(value, Mapping) else _NOTHING
        found[key] = value
    return found


def _differences(before: object, now: object, key: str = "") -> Iterator[str]:
    """In words, key by key."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for part in dict.fromkeys([*before, *now]):
            old, new = (values.get(part, _NOTHING) for values in (before, now))
            yield from _differences(old, new, f"{key}.{part}" if key else str(part))
    elif before != now:
        yield f"`{key}` changed from {_shown(before)} to {_shown(now)}"


def _shown(value: object) -> str:
    return "nothing" if value is _NOTHING else repr(value)[:80]
