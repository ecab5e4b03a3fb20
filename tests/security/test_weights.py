"""Weights of somebody else's models: safetensors only, and no code of theirs is run."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import T5Config, T5ForConditionalGeneration

from llm4idrec.errors import InputError
from llm4idrec.language_model.adapter import load_tuned_model
from llm4idrec.language_model.base_model import load_base_model
from llm4idrec.recommenders.generative.model import _load
from llm4idrec.runtime.files import read_json, write_json
from tests.evidence.augmenting import Flow

CPU = torch.device("cpu")
OWN = """
from pathlib import Path
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

Path({ran!r}).touch()

class OwnConfig(LlamaConfig):
    model_type = {kind!r}

class OwnModel(LlamaForCausalLM):
    config_class = OwnConfig

class OwnTokenizer(PreTrainedTokenizerFast):
    pass
"""


class Payload:
    """Unpickled, it makes a folder."""

    def __init__(self, ran: Path) -> None:
        self._ran = ran

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._ran),)


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    """What foreign code makes if it is run."""
    return tmp_path / "ran"


@pytest.fixture
def model(tiny: Flow, tmp_path: Path) -> Path:
    """A model folder of one's own."""
    return Path(shutil.copytree(tiny.at / "base_model", tmp_path / "model"))


def as_pickle(weights: Path, name: str, ran: Path) -> None:
    """Replace safetensors by what torch saves, with a payload."""
    torch.save({**load_file(weights), "payload": Payload(ran)}, weights.with_name(name))
    weights.unlink()


def test_the_payload_works(ran: Path, tmp_path: Path) -> None:
    """Else the tests below would show nothing."""
    torch.save({"payload": Payload(ran)}, tmp_path / "file")
    torch.load(tmp_path / "file", weights_only=False)
    assert ran.exists()


@pytest.mark.slow
def test_a_base_model_that_is_a_pickle_is_refused(model: Path, ran: Path) -> None:
    load_base_model(model, CPU)
    as_pickle(model / "model.safetensors", "pytorch_model.bin", ran)
    with pytest.raises(InputError, match=r"cannot be loaded .*model\.safetensors.*; expected") as e:
        load_base_model(model, CPU)
    assert "\n" not in str(e.value)
    assert not ran.exists()


def test_an_adapter_that_is_a_pickle_is_refused(tiny: Flow, tmp_path: Path, ran: Path) -> None:
    adapter = Path(shutil.copytree(tiny.at / "adapter", tmp_path / "adapter"))
    load_tuned_model(tiny.at / "base_model", adapter, CPU)
    as_pickle(adapter / "adapter_model.safetensors", "adapter_model.bin", ran)
    with pytest.raises(InputError, match=r"holds no adapter; .*adapter_model\.safetensors"):
        load_tuned_model(tiny.at / "base_model", adapter, CPU)
    assert not ran.exists()


def test_a_t5_that_is_a_pickle_is_refused(tmp_path: Path, ran: Path) -> None:
    config = T5Config(vocab_size=8, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2)
    T5ForConditionalGeneration(config).save_pretrained(tmp_path / "t5")
    _load(str(tmp_path / "t5"), weights=True)
    as_pickle(tmp_path / "t5" / "model.safetensors", "pytorch_model.bin", ran)
    with pytest.raises(InputError, match=r"cannot be loaded .*safetensors"):
        _load(str(tmp_path / "t5"), weights=True)
    assert not ran.exists()


@pytest.mark.parametrize("part", ["model", "tokenizer"])
@pytest.mark.parametrize("kind", ["own", "llama"])
def test_code_that_comes_with_a_model_is_not_run(
    part: str, kind: str, model: Path, ran: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused; or, of a kind that transformers knows, loaded by its code. Nobody is asked, either,
    whether to trust it."""
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    (model / "own.py").write_text(OWN.format(ran=str(ran), kind=kind))
    if part == "model":
        classes = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"}
        about = {"model_type": kind, "architectures": ["OwnModel"], "auto_map": classes}
        write_json(model / "config.json", read_json(model / "config.json") | about)
    else:
        name = {"own": "OwnTokenizer", "llama": "PreTrainedTokenizerFast"}[kind]
        about = {"tokenizer_class": name, "auto_map": {"AutoTokenizer": [None, "own.OwnTokenizer"]}}
        file = model / "tokenizer_config.json"
        write_json(file, json.loads(file.read_text()) | about)
    if kind == "own":
        with pytest.raises(InputError, match="cannot be loaded"):
            load_base_model(model, CPU)
    else:
        load_base_model(model, CPU)
    assert not ran.exists()


def test_weights_may_lie_in_several_files(model: Path) -> None:
    """As large models have them: an index, and safetensors beside it."""
    whole = load_file(model / "model.safetensors")
    names = sorted(whole)
    parts = {"model-1.safetensors": names[::2], "model-2.safetensors": names[1::2]}
    for file, its in parts.items():
        save_file({name: whole[name] for name in its}, model / file, {"format": "pt"})
    weight_map = {name: file for file, its in parts.items() for name in its}
    write_json(model / "model.safetensors.index.json", {"metadata": {}, "weight_map": weight_map})
    (model / "model.safetensors").unlink()
    loaded, _ = load_base_model(model, CPU)
    assert all(torch.equal(tensor, whole[name]) for name, tensor in loaded.state_dict().items()
               if name in whole)  # fmt: skip
