from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedModel

from llm4idrec.errors import DivergenceError
from llm4idrec.language_model.causal_training import Batch, Schedule, causal_loss, train_causal


def llama() -> PreTrainedModel:
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=20,
            hidden_size=8,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
        )
    )


def gpt2() -> PreTrainedModel:
    torch.manual_seed(0)
    return GPT2LMHeadModel(
        GPT2Config(vocab_size=20, n_embd=8, n_layer=1, n_head=2, bos_token_id=1, eos_token_id=2)
    )


@pytest.mark.parametrize("make", [llama, gpt2])
def test_the_loss_is_that_of_transformers(make) -> None:  # type: ignore[no-untyped-def]
    model = make().eval()
    batch = Batch.pad([([1, 5, 6, 7, 2], 2), ([1, 9, 2], 1)], padding=0)
    assert batch.labels.tolist() == [[-100, -100, 6, 7, 2], [-100, 9, 2, -100, -100]]
    mask = (batch.labels != -100) | (torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]) == 1)
    theirs = model(batch.input_ids, attention_mask=mask.long(), labels=batch.labels).loss
    with torch.inference_mode():
        ours = causal_loss(model, batch.input_ids, batch.labels)
    assert float(ours) == pytest.approx(float(theirs.detach()), rel=1e-5)


def test_drawn_tokens_stand_for_the_vocabulary() -> None:
    batch = Batch.pad([([1, 5, 6, 7, 2], 2), ([1, 9, 2], 1)], padding=0)
    model = llama().eval()

    def losses(negatives: int) -> list[float]:
        with torch.inference_mode():
            some = [
                causal_loss(model, batch.input_ids, batch.labels, negatives=negatives)
                for _ in range(99)
            ]
        return [float(loss) for loss in some]

    whole = float(causal_loss(model, batch.input_ids, batch.labels).detach())
    assert len(set(losses(20))) == 1
    assert losses(20)[0] == pytest.approx(whole, rel=1e-6)
    drawn = losses(12)
    assert len(set(drawn)) > 50
    assert np.mean(drawn) == pytest.approx(whole, rel=0.02)


@pytest.mark.slow
def test_drawn_tokens_teach_what_all_teach(tmp_path: Path) -> None:
    batches = [Batch.pad([([1, 5 + n % 9, 6 + n % 9, 2], 2)] * 4, 0) for n in range(400)]
    found = {}
    for negatives in (None, 6):
        model = llama()
        schedule = Schedule(1e-2, 1, "float32", 999, seed=1, negatives=negatives)
        train_causal(model, batches, schedule, folder=tmp_path, title="drawn")
        with torch.inference_mode():
            losses = [causal_loss(model, b.input_ids, b.labels) for b in batches[:9]]
        found[negatives] = float(torch.stack(losses).mean())
    assert found[6] < 0.2
    assert found[None] < 0.2


def test_the_rate_rises_then_falls() -> None:
    schedule = Schedule(1e-3, 1, "float32", 10, seed=1)
    rates = [schedule.rate(step, 100) for step in range(100)]
    assert max(rates) == rates[10] == pytest.approx(1e-3)
    assert rates[0] == pytest.approx(1e-4)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(1e-4, rel=0.01)


def test_accumulated_passes_count_as_one_large_batch(tmp_path: Path) -> None:
    one, two = ([1, 5, 6, 2], 1), ([1, 7, 8, 2], 1)
    together, apart = llama(), llama()
    train_causal(
        together,
        [Batch.pad([one, two], 0)],
        Schedule(1e-2, 1, "float32", 9, seed=1),
        folder=tmp_path,
        title="a",
    )
    train_causal(
        apart,
        [Batch.pad([one], 0), Batch.pad([two], 0)],
        Schedule(1e-2, 2, "float32", 9, seed=1),
        folder=tmp_path,
        title="b",
    )
    for a, b in zip(together.parameters(), apart.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_each_accumulated_pass_drops_out_anew_the_first_as_if_alone(tmp_path: Path) -> None:
    """The generator of the CPU heeds 32 bits of a seed."""
    batch = Batch.pad([([1, *range(5, 19), 2], 1)], 0)
    losses = []
    for passes in (1, 2):
        model = llama()
        model.model.norm.register_forward_hook(
            lambda layer, given, output: torch.nn.functional.dropout(output, 0.5)
        )
        schedule = Schedule(1e-9, passes, "float32", 9, seed=1)
        history = train_causal(model, [batch] * (3 * passes), schedule, folder=tmp_path, title="x")
        losses.append(history["loss"].to_pylist())
    second = [2 * mean - first for first, mean in zip(*losses, strict=True)]
    seen = {round(loss, 5) for loss in losses[0] + second}
    assert len(seen) == 6


def test_a_loss_that_is_not_finite_stops(tmp_path: Path) -> None:
    model = llama()
    with torch.no_grad():
        model.lm_head.weight.fill_(torch.inf)
    with pytest.raises(DivergenceError, match="step 0"):
        train_causal(
            model,
            [Batch.pad([([1, 5, 2], 1)], 0)],
            Schedule(1e-3, 1, "float32", 9, seed=1),
            folder=tmp_path,
            title="x",
        )


@pytest.mark.parametrize(
    ("rate", "found"), [(1e20, "the loss is|weights are not finite|has grown"), (30.0, "has grown")]
)
def test_a_wild_rate_stops_with_no_bad_weights_and_again_at_the_same_step(
    tmp_path: Path, rate: float, found: str
) -> None:
    batches = [Batch.pad([([1, 5 + n % 9, 6 + n % 7, 2], 1)], 0) for n in range(200)]
    schedule = Schedule(rate, 1, "float32", 2, seed=1)
    told = []
    for _ in range(2):
        with pytest.raises(DivergenceError, match=found) as stop:
            train_causal(llama(), batches, schedule, folder=tmp_path, title="wild")
        told.append(str(stop.value))
        for file in tmp_path.iterdir():
            assert all(t.isfinite().all() for t in load_file(file).values())
    assert told[0] == told[1]
    assert [file.name for file in tmp_path.iterdir()] in ([], ["checkpoint.safetensors"])


def test_weights_that_the_last_step_spoils_are_not_taken(tmp_path: Path) -> None:
    """The loss is looked at before a step, so that of the last one says nothing."""
    batches = [Batch.pad([([1, 5, 6, 2], 1)], 0)]
    model = llama()
    model.lm_head.weight.register_hook(lambda gradient: gradient * torch.nan)
    with pytest.raises(DivergenceError, match="not finite after step 0"):
        train_causal(
            model, batches, Schedule(1e-3, 1, "float32", 1, seed=1), folder=tmp_path, title="wild"
        )
    assert not list(tmp_path.iterdir())


def test_bfloat16_learns_as_float32_does(tmp_path: Path) -> None:
    """Rounding to 8 bits: the losses of 60 steps agree within 1 %."""
    batches = [Batch.pad([([1, 5 + n % 9, 6 + n % 7, 2], 1)] * 4, 0) for n in range(60)]
    losses = {
        precision: train_causal(
            llama(),
            batches,
            Schedule(1e-2, 1, precision, 99, seed=1),
            folder=tmp_path,
            title=precision,
        )["loss"].to_numpy()
        for precision in ("float32", "bfloat16")
    }
    assert losses["float32"][-10:].mean() < 0.8 * losses["float32"][:10].mean()
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.01)
    assert (losses["bfloat16"] != losses["float32"]).any()
