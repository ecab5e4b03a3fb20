"""A pretrained model under the adapter, kept as a reference to where it is and what pins it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm4idrec.config import BaseModelConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.errors import InputError
from llm4idrec.language_model.id_tokens import write_id_tokens
from llm4idrec.language_model.smollm2 import NAME, SHA256, require_smollm2, smollm2_folder
from llm4idrec.runtime.files import content_hash, read_json, replacing_folder, write_json

REFERENCE, CONFIG = "reference.json", "config.json"


@dataclass(frozen=True)
class Reference:
    """A model of the hub, of a local folder, or SmolLM2."""

    name: str
    """As `base_model.name`; a local folder by its whole path."""
    revision: str | None
    sha256: str | None
    """Of what the files hold; None for a model of the hub."""

    @property
    def place(self) -> str:
        """What transformers loads it by; SmolLM2 is unpacked first, if it has not been yet."""
        return str(smollm2_folder()) if self.name == NAME else self.name


def write_reference(train: Path, out: Path, config: BaseModelConfig) -> None:
    """Write `reference.json` into the folder `out`, and with `config.id_tokens` the vectors that
    the tokens of the items of `train` start from.

    Raises `InputError` if a local folder holds no model, or a package is not installed.
    """
    assert config.name is not None
    reference = _refer(config.name, config.revision)
    with replacing_folder(out) as folder:
        write_json(folder / REFERENCE, vars(reference))
        if config.id_tokens:
            hidden = _pretrained_config(reference).get_text_config().hidden_size
            write_id_tokens(folder, Interactions.read(train), hidden)


def read_reference(folder: Path) -> Reference | None:
    """None for a folder that holds the model itself."""
    file = folder / REFERENCE
    return Reference(**read_json(file)) if file.is_file() else None


@contextmanager
def loading(name: str) -> Iterator[None]:
    """Inside, what transformers says of a model that it cannot load is an `InputError`."""
    try:
        yield
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"base model {name!r} cannot be loaded ({reason})",
            "a local folder, or a hub name that can be reached, with safetensors and no own code",
            "mend base_model.name",
        ) from error


def hide_progress() -> None:
    """No bars of transformers for reading and writing a file of weights."""
    from transformers.utils import logging

    logging.disable_progress_bar()


def _refer(name: str, revision: str | None) -> Reference:
    if name == NAME:
        smollm2_folder()
        return Reference(name, None, SHA256)
    local = Path(name)
    if not local.exists():
        return Reference(name, revision, None)
    _require_config(local)
    return Reference(str(local.resolve()), revision, content_hash(local))


def require_base_model(name: str, revision: str | None) -> None:
    """Raises `InputError` if there is no such model: what can be told without its weights."""
    if name == NAME:
        require_smollm2()
    elif Path(name).exists():
        _require_config(Path(name))
    elif not is_cached(name, revision):
        _pretrained_config(Reference(name, revision, None))


def is_cached(name: str, revision: str | None = None) -> bool:
    """Whether a model of the hub has been downloaded, if only its configuration: then there is
    such a model, and no need to wait for a network."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    with suppress(HFValidationError):
        return isinstance(try_to_load_from_cache(name, CONFIG, revision=revision), str)
    return False


def _require_config(folder: Path) -> None:
    if not (folder / CONFIG).is_file():
        raise InputError(
            "is not a Hugging Face model folder", f"a folder that holds {CONFIG}", file=folder
        )


def _pretrained_config(reference: Reference) -> Any:
    from transformers import AutoConfig

    with loading(reference.name):
        return AutoConfig.from_pretrained(
            reference.place, revision=reference.revision, trust_remote_code=False
        )
