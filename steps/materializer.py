"""How ZenML keeps a file or folder: as it is, with a content hash; by reference under DVC."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

from zenml.enums import ArtifactType
from zenml.io import fileio
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.utils.io_utils import is_remote

from llm4idrec.errors import LLM4IDRecError
from llm4idrec.runtime.files import content_hash
from steps.workspace import in_place, temporary


class StaleArtifactError(LLM4IDRecError):
    """A folder that ZenML knows by reference has been changed since."""


def referenced(uri: str) -> Path | None:
    """Where what is kept by reference at `uri` lies; None for what is kept as it is."""
    if not fileio.exists(f"{uri}/reference.json"):
        return None
    with fileio.open(f"{uri}/reference.json", "r") as stream:
        return Path(json.load(stream)["path"])


class PathMaterializer(BaseMaterializer):  # type: ignore[misc]
    """A path's files under `<uri>/content/<name>`, or `<uri>/reference.json` to a DVC output.

    DVC keeps the bytes of what its stages write, so a second copy would only cost space: the
    reference holds the path, and loading it checks the content against the hash in ZenML's store.
    """

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (Path,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.DATA
    # Only the steps that name it use it: ZenML's own handling of paths stays as it is elsewhere.
    SKIP_REGISTRATION: ClassVar[bool] = True

    def save(self, data: Path) -> None:
        if in_place():
            with fileio.open(f"{self.uri}/reference.json", "w") as stream:
                json.dump({"path": str(data)}, stream)
        else:
            self._copy_in(data)

    def load(self, data_type: type[Any]) -> Path:
        """A path to read, never to write: in a local store it is the stored file itself."""
        if path := referenced(self.uri):
            if not path.exists() or content_hash(path) != self.expected_content_hash:
                raise StaleArtifactError(f"{path}: changed since ZenML recorded it; run its stage")
            return path
        content = f"{self.uri}/content"
        name = fileio.listdir(content)[0]
        if not is_remote(self.uri):
            return Path(content, str(name))
        return self._copy_out(content) / str(name)

    def compute_content_hash(self, data: Path) -> str:
        return content_hash(data)

    def _copy_in(self, data: Path) -> None:
        content = f"{self.uri}/content"
        for file in [f for f in data.rglob("*") if f.is_file()] if data.is_dir() else [data]:
            target = f"{content}/{file.relative_to(data.parent).as_posix()}"
            fileio.makedirs(target.rpartition("/")[0])
            fileio.copy(str(file), target)

    def _copy_out(self, content: str) -> Path:
        target = temporary()
        for folder, _, files in fileio.walk(content):
            below = target / str(folder).removeprefix(content).strip("/")
            below.mkdir(parents=True, exist_ok=True)
            for file in files:
                fileio.copy(f"{folder}/{file}", str(below / str(file)))
        return target
