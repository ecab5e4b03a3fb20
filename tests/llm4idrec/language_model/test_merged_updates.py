"""One product with merged weights is LoRA: the same outputs and gradients, where it pays."""

import pytest
import torch
from torch import Tensor

from llm4idrec.language_model.adapter import add_adapter
from llm4idrec.language_model.base_model import compact_config
from llm4idrec.language_model.merged_updates import merge_updates
from tests.llm4idrec.conftest import ADAPTER, BASE

MODULES = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
TOKENS = torch.randint(20, (3, 7), generator=torch.Generator().manual_seed(1))


def tuned_model(*, width: int = 16, dropout: float = 0.0) -> torch.nn.Module:
    """With updates that change what it says."""
    from transformers import LlamaForCausalLM

    torch.manual_seed(1)
    base = LlamaForCausalLM(compact_config(20, BASE.model_copy(update={"hidden_size": width})))
    config = ADAPTER.model_copy(update={"target_modules": MODULES, "dropout": dropout})
    model: torch.nn.Module = add_adapter(base, config, [])
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight.normal_(std=0.3)
    return model.train()


def outputs_and_gradients(model: torch.nn.Module) -> list[Tensor]:
    torch.manual_seed(2)  # of a dropout
    logits = model(input_ids=TOKENS).logits
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    return [logits.detach(), *torch.autograd.grad(logits.square().mean(), trained)]


def test_outputs_and_gradients_are_those_of_lora() -> None:
    model = tuned_model()
    expected = outputs_and_gradients(model)
    merge_updates(model)
    found = outputs_and_gradients(model)
    assert not torch.equal(found[0], expected[0])  # other sums, so it is at work
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("case", [{"width": 64}, {"dropout": 0.1}])
def test_wide_layers_and_those_with_dropout_stay_as_they_are(case: dict[str, float]) -> None:
    model = tuned_model(**case)  # type: ignore[arg-type]
    expected = outputs_and_gradients(model)
    merge_updates(model)
    torch.testing.assert_close(outputs_and_gradients(model), expected, rtol=0, atol=0)
