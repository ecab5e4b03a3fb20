"""Sampling against a real model whose preferences are set by hand: a bigram table."""

import math

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from llm4idrec.config import GenerationConfig
from llm4idrec.generation.sampling import choose, sample_items, sample_text
from llm4idrec.language_model.tokenization import PromptEncoder, compact_tokenizer
from llm4idrec.nn.catalogue_trie import CatalogueTrie


def config(**changes: object) -> GenerationConfig:
    return GenerationConfig.model_validate(
        {
            "method": "sample",
            "views": 1,
            "items": 3,
            "history": 5,
            "temperature": 1.0,
            "top_p": 1.0,
        }
        | changes
    )


@pytest.fixture(scope="module")
def model() -> LlamaForCausalLM:
    torch.manual_seed(0)
    size = len(compact_tokenizer(4, 8))
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=size,
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            initializer_range=0.5,
        )
    ).eval()


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return compact_tokenizer(4, 8)


def test_choice_frequencies_follow_the_probabilities() -> None:
    p = torch.tensor([0.5, 0.3, 0.2])
    uniform = (torch.arange(1000) + 0.5) / 1000
    chosen = choose(p.log().repeat(1000, 1), config(), uniform)
    assert (torch.bincount(chosen, minlength=3) / 1000).tolist() == pytest.approx(
        p.tolist(), abs=2e-3
    )


def test_top_p_keeps_the_smallest_sufficient_set() -> None:
    p = torch.tensor([0.2, 0.5, 0.3])
    uniform = (torch.arange(1000) + 0.5) / 1000
    chosen = choose(p.log().repeat(1000, 1), config(top_p=0.6), uniform)
    counts = torch.bincount(chosen, minlength=3) / 1000
    assert counts.tolist() == pytest.approx([0, 0.625, 0.375], abs=2e-3)


def test_top_p_over_a_flat_distribution_of_many_columns() -> None:
    uniform = (torch.arange(50) + 0.5) / 50
    chosen = choose(torch.zeros(50, 5000).log_softmax(1), config(top_p=0.9), uniform)
    assert len(set(chosen.tolist())) == 50


def test_low_temperature_takes_the_best() -> None:
    log_p = torch.randn(20, 30).log_softmax(1)
    assert torch.equal(choose(log_p, config(temperature=1e-3), torch.rand(20)), log_p.argmax(1))


def log_probability(model: LlamaForCausalLM, tokens: list[int], options: list[int]) -> torch.Tensor:
    """Log-probabilities of `options` after `tokens`, by a plain forward pass without a cache."""
    with torch.inference_mode():
        logits: torch.Tensor = model(torch.tensor([tokens])).logits
    return logits[0, -1][options].log_softmax(0)


def test_log_probabilities_equal_a_plain_forward_pass(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    encoder = PromptEncoder(tokenizer)
    catalogue = encoder.catalogue(8)
    trie = CatalogueTrie(catalogue, encoder.separator)
    questions = encoder.questions(["u1 i2 i3", "u2 i5", "u3 i1 i2 i3 i4 i5"])
    draws = torch.from_numpy(np.random.default_rng(0).random((3, 3), np.float32))
    found = sample_items(
        model,
        questions,
        trie.available(3),
        padding=encoder.pad,
        uniform=draws,
        config=config(restrict="unseen"),
    )
    for row, question in enumerate(questions):
        left, tokens = list(range(8)), list(question)
        for mention in (m for m in found if m.row == row):
            item = int(mention.text[1:])
            expected = log_probability(model, tokens, [catalogue[i][0] for i in left])
            assert mention.log_probability == pytest.approx(
                float(expected[left.index(item)]), abs=1e-4
            )
            left.remove(item)
            tokens += catalogue[item]
        assert len(left) == 5


def test_neighbours_in_the_batch_do_not_matter(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    encoder = PromptEncoder(tokenizer)
    trie = CatalogueTrie(encoder.catalogue(8), encoder.separator)
    questions = encoder.questions(["u1 i2 i3", "u2 i5", "u3 i1 i2 i3 i4 i5"])
    draws = torch.from_numpy(np.random.default_rng(0).random((3, 3), np.float32))

    def texts(rows: list[int]) -> list[list[str]]:
        found = sample_items(
            model,
            [questions[row] for row in rows],
            trie.available(len(rows)),
            padding=encoder.pad,
            uniform=draws[rows],
            config=config(),
        )
        return [[m.text for m in found if m.row == row] for row in range(len(rows))]

    assert texts([0, 1, 2]) == [texts([row])[0] for row in range(3)]


def test_answers_to_one_question_are_those_to_the_question_asked_again(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    encoder = PromptEncoder(tokenizer)
    trie = CatalogueTrie(encoder.catalogue(8), encoder.separator)
    questions = encoder.questions(["u1 i2 i3", "u2 i5"])
    draws = torch.from_numpy(np.random.default_rng(0).random((6, 3), np.float32))
    read: list[int] = []

    def answers(asked: list[list[int]], samples: int) -> list[tuple[int, str]]:
        hook = model.get_input_embeddings().register_forward_pre_hook(
            lambda _, tokens: read.append(tokens[0].numel())
        )
        settings = config(samples=samples)
        found = sample_items(
            model,
            asked,
            trie.available(6),
            padding=encoder.pad,
            uniform=draws,
            config=settings,
        )
        hook.remove()
        return sorted((mention.row, mention.text) for mention in found)

    together = answers(questions, 3)
    assert read[0] == 2 * len(questions[0])  # padded
    assert together == answers([q for q in questions for _ in range(3)], 1)


def test_a_row_ends_when_nothing_is_left(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    encoder = PromptEncoder(tokenizer)
    trie = CatalogueTrie(encoder.catalogue(2), encoder.separator)
    found = sample_items(
        model,
        encoder.questions(["u1 i1"]),
        trie.available(1),
        padding=encoder.pad,
        uniform=torch.rand(1, 5),
        config=config(items=5),
    )
    assert sorted(mention.text for mention in found) == ["i0", "i1"]


def test_free_text_is_cut_into_words(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    encoder = PromptEncoder(tokenizer)
    questions = encoder.questions(["u1 i2 i3", "u2 i5"])
    found = sample_text(
        model,
        questions,
        encoder,
        uniform=torch.rand(2, 20),
        config=config(restrict="none", max_new_tokens=20),
    )
    assert found
    assert all(mention.text in tokenizer.get_vocab() for mention in found)
    assert all(
        mention.log_probability <= 0 and math.isfinite(mention.log_probability) for mention in found
    )
