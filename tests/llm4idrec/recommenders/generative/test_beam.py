from itertools import pairwise

import numpy as np
import pytest
import torch

from llm4idrec.config.recommenders import GenerativeConfig
from llm4idrec.recommenders.generative.beam import NOTHING, beam_search
from llm4idrec.recommenders.generative.catalogue import Catalogue, log_softmax_by
from llm4idrec.recommenders.generative.model import WholeWordT5, build_model

CODES = [[1, 4], [1, 5, 7], [1, 5, 8, 9], [2, 4], [2, 6, 4], [2, 6, 5], [3]]
ROWS = 3


@pytest.fixture
def model() -> WholeWordT5:
    settings = GenerativeConfig(embedding_size=16, heads=2)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build_model(settings, 40).eval()


@pytest.fixture
def prompts() -> tuple[torch.Tensor, torch.Tensor]:
    tokens = torch.tensor([[11, 12, 13, 14], [15, 16, 0, 0], [12, 12, 17, 0]])
    return tokens, torch.tensor([[3, 2, 1, 0], [1, 0, 0, 0], [2, 1, 0, 0]])


def search(
    model: WholeWordT5,
    prompts: tuple[torch.Tensor, torch.Tensor],
    beams: int,
    seen: tuple[list[int], list[int]] = ([], []),
) -> tuple[torch.Tensor, torch.Tensor]:
    catalogue = Catalogue.of(CODES)
    available = catalogue.trie.available(ROWS)
    available.remove(*(torch.tensor(part, dtype=torch.long) for part in seen))
    with torch.inference_mode():
        states, mask = model.encode(*prompts)
    return beam_search(model, states, mask, catalogue=catalogue, available=available, beams=beams)


def brute_force(model: WholeWordT5, prompts: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """Log-probability of each item (rows, items): each token among those that may stand there."""
    with torch.no_grad():
        states, mask = model.encode(*prompts)
        table = torch.zeros(ROWS, len(CODES))
        for number, code in enumerate(CODES):
            start = torch.tensor([[0, *code[:-1]]]).expand(ROWS, -1)
            output = model.t5(
                encoder_outputs=(states,), attention_mask=mask, decoder_input_ids=start
            )
            for place, token in enumerate(code):
                siblings = sorted({c[place] for c in CODES if c[:place] == code[:place]})
                logits = output.logits[:, place, siblings].log_softmax(1)
                table[:, number] += logits[:, siblings.index(token)]
    return table


@pytest.mark.parametrize("seen", [([], []), ([0, 0, 2], [0, 3, 6])])
@pytest.mark.parametrize("beams", [len(CODES), 20])
def test_enough_beams_are_exact(
    model: WholeWordT5,
    prompts: tuple[torch.Tensor, torch.Tensor],
    beams: int,
    seen: tuple[list[int], list[int]],
) -> None:
    expected = brute_force(model, prompts)
    assert torch.allclose(expected.exp().sum(1), torch.ones(ROWS))
    expected[seen] = -torch.inf
    best = expected.sort(1, descending=True)

    items, scores = search(model, prompts, beams, seen)

    reachable = best.values > -torch.inf
    count = len(CODES)
    assert torch.equal(items[:, :count][reachable], best.indices[reachable])
    assert torch.allclose(scores[:, :count][reachable], best.values[reachable], atol=1e-5)
    assert (items[:, :count][~reachable] == NOTHING).all()
    assert (items[:, count:] == NOTHING).all()


def test_few_beams_give_real_items_in_order(
    model: WholeWordT5, prompts: tuple[torch.Tensor, torch.Tensor]
) -> None:
    expected = brute_force(model, prompts)
    for beams in (1, 2, 4):
        items, scores = search(model, prompts, beams)
        assert items.shape == (ROWS, beams)
        assert (scores.diff(dim=1) <= 0).all()
        for row, found in enumerate(items.tolist()):
            real = [item for item in found if item != NOTHING]
            assert len(set(real)) == len(real) > 0
            assert torch.allclose(scores[row, : len(real)], expected[row, real], atol=1e-5)


def test_loss_is_what_the_beam_scores(
    model: WholeWordT5, prompts: tuple[torch.Tensor, torch.Tensor]
) -> None:
    items = torch.tensor([2, 6, 4])
    loss = model.loss(*prompts, items, catalogue=Catalogue.of(CODES))
    expected = -brute_force(model, prompts)[torch.arange(ROWS), items].mean()
    assert loss.item() == pytest.approx(expected.item(), abs=1e-5)


def test_scores_are_the_same_both_ways(model: WholeWordT5) -> None:
    decoded = torch.randn(3, 16, generator=torch.Generator().manual_seed(0))
    row, token = torch.arange(3).repeat_interleave(400), torch.arange(1200) % 40
    together = model.scores(decoded, row, token)
    alone = torch.cat([model.scores(decoded, row[i : i + 3], token[i : i + 3]) for i in (0, 600)])
    assert torch.allclose(together[[0, 1, 2, 600, 601, 602]], alone, atol=1e-6)


def test_log_softmax_by_group() -> None:
    row = torch.tensor([2, 0, 0, 2, 2])
    logits = torch.tensor([1.0, 200.0, 100.0, 1.0, 1.0])
    result = log_softmax_by(row, logits, 3)
    assert torch.allclose(result, torch.tensor([1 / 3, 1, 0, 1 / 3, 1 / 3]).log().clamp(min=-100))


def test_an_index_that_begins_like_another_is_refused() -> None:
    with pytest.raises(ValueError, match="beginning"):
        Catalogue.of([[1], [1, 2]])


def test_edges() -> None:
    catalogue = Catalogue.of(CODES)
    node = torch.tensor([0, int(catalogue.nodes[6, 0]), int(catalogue.nodes[4, 1])])
    row, edge = catalogue.edges(node)
    assert row.tolist() == [0, 0, 0, 2, 2]
    assert catalogue.trie.child_token[edge].tolist() == [1, 2, 3, 4, 5]
    starts = catalogue.trie.child_start
    assert all(a <= b for a, b in pairwise(starts.tolist()))
    assert np.array_equal(catalogue.codes[6].numpy(), [3, 0, 0, 0])
