"""A recommender's verdict before there is a report."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from llm4idrec.verdict.early import early_sentence
from tests.llm4idrec.evaluations import write_evaluation


def test_it_is_the_verdict_alone_and_says_what_will_correct_it(tmp_path: Path) -> None:
    base = np.random.default_rng(0).random((5, 60))
    values = {"original": base, "language_model": base + 0.1}
    evaluation = write_evaluation(tmp_path / "mf", {"ndcg_at_20": values})
    said = early_sentence(evaluation, ["mf", "ease", "itemknn"])
    assert said.startswith("Augmentation helps MF: with 0.25 generated items")
    assert said.endswith("the report corrects it for EASE and ItemKNN too.")
    assert "corrects" not in early_sentence(evaluation, ["mf"])
