"""The answer in sentences."""

from __future__ import annotations

from llm4idrec.augmentation.choice import ORIGINAL_DATA, Augmentation
from llm4idrec.verdict.sentences import (
    control_comparison_sentence,
    cost_sentence,
    future_sentence,
    verdict_sentence,
)
from tests.llm4idrec.verdict.rows import MODEL_ROW, ROW, changed_row, changed_source


def test_verdict() -> None:
    assert verdict_sentence(ROW, Augmentation(0.25)) == (
        "Augmentation helps MF: with 0.25 generated items for each item of a history, NDCG@20 goes "
        "from 0.2000 to 0.2200, +10.0 % (95 % interval +5.0 to +15.0 %, p < 0.001; 5 seeds, 671 "
        "users)."
    )
    assert "; 1 seed, 671 users" in verdict_sentence(changed_row(n_seeds=1), Augmentation(0.25))
    worse = changed_row(relative_gain=-0.1, ci_low=-0.15, ci_high=-0.05, recommender="lightgcn")
    text = verdict_sentence(worse, Augmentation(0.5, 1.0))
    assert text.startswith(
        "Augmentation harms LightGCN: with 0.5 generated items for each item of a history "
        "(popularity discount 1), NDCG@20 goes from"
    )
    assert "\N{MINUS SIGN}10.0 % (95 % interval \N{MINUS SIGN}15.0 to" in text
    text = verdict_sentence(changed_row(ci_low=-0.1, p_value=0.31), Augmentation(0.5))
    assert text.startswith("These data cannot tell whether augmentation helps MF")
    assert "p = 0.310" in text
    text = verdict_sentence(changed_row(ci_low=-0.003, ci_high=0.01), Augmentation(0.5))
    assert text.startswith("Augmentation makes no difference worth having to MF: with 0.5 gener")
    text = verdict_sentence(changed_row(amount=0.0), ORIGINAL_DATA)
    assert text.startswith("Nothing was chosen for MF: validation chose amount 0, that is, none")


def test_control_comparison() -> None:
    rows = [
        MODEL_ROW,
        changed_source(source="random"),
        changed_source(source="itemknn", lead_p_value=0.3),
        changed_source(source="popularity"),
        changed_source(source="self", lead_low=-0.02, lead_high=-0.01),
    ]
    assert control_comparison_sentence(rows) == (
        "Against controls of the same volume (MF, NDCG@20), the language model is ahead of random "
        "items, popular items (p < 0.05), level with ItemKNN, behind self-training."
    )
    assert control_comparison_sentence(rows[:2]).endswith(
        "random items (p < 0.05), level with none, behind none."
    )
    few = changed_source(source="ease", n_seeds=2)
    refusal = "oo few seeds to stand beside EASE: it takes 3 in common."
    assert control_comparison_sentence([*rows, few]).endswith(f"self-training. T{refusal}")
    assert control_comparison_sentence([MODEL_ROW, few]).endswith(f"(MF, NDCG@20): t{refusal}")


def test_control_comparison_without_controls() -> None:
    assert (
        control_comparison_sentence([MODEL_ROW])
        == "No control stood in the language model's place."
    )
    nothing = control_comparison_sentence([changed_source(MODEL_ROW, amount=0.0)])
    assert nothing.startswith("Controls were not fitted: at amount 0")


def test_what_a_split_shows_of_the_future() -> None:
    assert future_sentence("random") == (
        "The split is random: recommenders are trained on interactions that are later than some "
        "they are tested on, so they see the future of users and items."
    )
    assert future_sentence("random, given test").startswith("Validation is a random share of the")
    for protocol in ("user_time", "leave_last_out", "global_time", "user_time, given test"):
        assert future_sentence(protocol) == ""


def test_cost() -> None:
    assert cost_sentence(195) == "Base model, adapter and generation took 3.2 minutes."
    assert cost_sentence(60 * 1234.5).endswith("took 1,234.5 minutes.")
