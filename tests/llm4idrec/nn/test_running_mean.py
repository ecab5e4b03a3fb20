"""The running mean of weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from llm4idrec.nn.running_mean import RunningMean


def test_the_mean_follows_its_formula_and_gives_the_weights_back() -> None:
    model = torch.nn.Linear(1, 1, bias=False)
    weight = model.weight
    draw, wanted = np.random.default_rng(0), float(weight.detach())
    mean = RunningMean({"weight": weight})
    for step in range(1, 2001):
        value = float(draw.normal())
        with torch.no_grad():
            weight.fill_(value)
        mean.update()
        kept = min(0.99, step / (step + 9))
        wanted = kept * wanted + (1 - kept) * value
    with mean.in_place():
        assert float(weight.detach()) == pytest.approx(wanted, rel=1e-3, abs=1e-4)
    assert float(weight.detach()) == pytest.approx(value)
