"""Where a report's figures come from, for somebody who wants the same again."""

from __future__ import annotations

import hashlib
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import torch

from llm4idrec.config import Config
from llm4idrec.runtime.device import choose_device
from llm4idrec.runtime.files import content_hash

PACKAGES = ("torch", "transformers", "peft", "numpy")


def provenance(config: Config, source: Path, code: str) -> dict[str, str]:
    """Facts by their names; what is not known is left out.

    `source` is where the data of `config.data` lie now, `code` names the version of the code if
    that is known. No folder of this machine is named, and no address.
    """
    facts = {"Code": code} if code else {}
    facts |= _data(config, source)
    packages = (f"{name} {version(name)}" for name in PACKAGES)
    parameters = hashlib.sha256(config.model_dump_json().encode()).hexdigest()
    facts |= {
        "Parameters, SHA-256": parameters,
        "Filter from": shown(config.filter.source),
        "Base model": _base_model(config),
        "Seed": str(config.seed),
        "Trainings on each data set": f"{config.evaluation.seeds} seeds",
        "Packages": ", ".join([f"Python {platform.python_version()}", *packages]),
        "Machine of this report": f"{_device(config.device)}, {os.cpu_count()} cores, "
        f"{config.evaluation.workers} trainings side by side",
        "Written": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    }
    return facts


def shown(path: Path) -> str:
    """A relative path as it is, of an absolute one the name."""
    return path.name if path.is_absolute() or ".." in path.parts else path.as_posix()


def _data(config: Config, source: Path) -> dict[str, str]:
    """Each file's hash, which `sha256sum` gives too; a folder's is of its files and their names."""
    data = config.data.model_copy(update={"path": source})
    files = {config.data.train_file: data.train_file, config.data.test_file: data.test_file}
    facts = {}
    for name, file in files.items():
        if name and file and file.is_file():
            with file.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            facts[f"Data file {shown(name)}, SHA-256"] = digest
        elif name and file and file.is_dir():
            facts[f"Data folder {shown(name)}, SHA-256"] = content_hash(file)
    return facts


def _base_model(config: Config) -> str:
    model = config.base_model
    if model.name is None:
        return f"{model.kind}, trained on the train set"
    revision = f", revision {model.revision}" if model.revision else ""
    return f"{shown(Path(model.name))}{revision}"


def _device(name: str) -> str:
    device = choose_device(name)
    return "CPU" if device.type == "cpu" else torch.cuda.get_device_name(device)
