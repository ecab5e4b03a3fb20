"""Where candidates lie in the folder of a replicate."""

from __future__ import annotations

from pathlib import Path

from llm4idrec.augmentation.arms import LANGUAGE_MODEL
from llm4idrec.data.candidates import shards


def source_file(replicate: Path, source: str) -> Path:
    """That of a control; it need not be there."""
    return replicate / "controls" / f"{source}.parquet"


def source_files(replicate: Path, source: str) -> list[Path]:
    """Files of `candidates.SCHEMA` of the language model or a control; none of a control that the
    replicate does not have."""
    if source == LANGUAGE_MODEL:
        return shards(replicate / "generations")
    file = source_file(replicate, source)
    return [file] if file.is_file() else []
