"""Probabilities of whole items, read off one pass over the tree, against a pass for each item."""

from itertools import product

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedModel

from llm4idrec.generation.next_item import ItemProbabilities
from llm4idrec.nn.catalogue_trie import CatalogueTrie

COMMA, PAD = 10, 11
QUESTIONS = [[3, 1, COMMA], [7, COMMA, 2, 2, COMMA, 5, COMMA], [COMMA]]
ONE_TOKEN = [[token] for token in (4, 8, 15)]
DIGITS = [[12, *map(int, str(item))] for item in (*range(23), 105, 106, 230)]


def llama(vocabulary: int) -> PreTrainedModel:
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            initializer_range=0.5,
        )
    ).eval()


def gpt2(vocabulary: int) -> PreTrainedModel:
    torch.manual_seed(0)
    sizes = {"n_embd": 16, "n_layer": 2, "n_head": 2, "initializer_range": 0.5}
    config = GPT2Config(vocab_size=vocabulary, bos_token_id=1, eos_token_id=2, **sizes)
    return GPT2LMHeadModel(config).eval()


def one_by_one(
    model: PreTrainedModel, question: list[int], catalogue: list[list[int]]
) -> torch.Tensor:
    """Each item's probability among the sequences of the catalogue, token by token."""
    found = []
    for item in catalogue:
        probability = 1.0
        for place, token in enumerate(item):
            before = item[:place]
            allowed = sorted({other[place] for other in catalogue if other[:place] == before})
            logits = model(torch.tensor([question + before])).logits[0, -1]
            probability *= float(logits[allowed].softmax(0)[allowed.index(token)])
        found.append(probability)
    return torch.tensor(found)


@pytest.mark.parametrize(
    ("make", "vocabulary", "items"),
    [*product((llama, gpt2), (20, 200), (ONE_TOKEN, DIGITS))],
)
def test_all_items_at_once_are_each_item_by_itself(  # type: ignore[no-untyped-def]
    make, vocabulary: int, items: list[list[int]]
) -> None:
    model = make(vocabulary)
    separator = [COMMA]
    trie = CatalogueTrie(items, separator)
    found = ItemProbabilities(model, trie, PAD)(QUESTIONS)
    assert not found.requires_grad
    with torch.inference_mode():
        for row, question in enumerate(QUESTIONS):
            expected = one_by_one(model, question, [[*item, *separator] for item in items])
            torch.testing.assert_close(found[row], expected, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(found.sum(1), torch.ones(3))
