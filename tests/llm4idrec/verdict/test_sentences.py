"""The answer in sentences."""

from __future__ import annotations

from llm4idrec.augmentation.choice import ORIGINAL_DATA, Augmentation
from llm4idrec.verdict.sentences import (
    bottom_line_sentence,
    control_comparison_sentence,
    cost_sentence,
    future_sentence,
    looks_sentence,
    mark,
    need_sentence,
    runs_sentence,
    verdict_sentence,
)
from tests.llm4idrec.verdict.rows import (
    MODEL_ROW,
    ROW,
    bottom_line_of,
    changed_arm,
    changed_row,
    system,
)


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
    """Of the arms that are alone; those together with EASE are ensembles."""
    rows = [
        MODEL_ROW,
        changed_arm(arm="random"),
        changed_arm(arm="itemknn", lead_p_value=0.3),
        changed_arm(arm="popularity"),
        changed_arm(arm="svd", lead_low=-0.02, lead_high=-0.01),
        changed_arm(arm="itemknn+ease"),
    ]
    assert control_comparison_sentence(rows) == (
        "Beside the other arms that are alone (MF, NDCG@20), each with the amount that validation "
        "chose for it, the language model is ahead of random items, popular items (p < 0.05), "
        "level with ItemKNN, behind SVD."
    )
    assert control_comparison_sentence(rows[:2]).endswith(
        "random items (p < 0.05), level with none, behind none."
    )
    idle = changed_arm(arm="sasrec", amount=0.0)
    nothing = "Nothing was chosen from SASRec."
    assert control_comparison_sentence([*rows, idle]).endswith(f"behind SVD. {nothing}")
    assert control_comparison_sentence([MODEL_ROW, idle]) == nothing
    few = [changed_arm(row, n_seeds=2) for row in rows]
    assert control_comparison_sentence(few).endswith("has no standing: that takes 3 trainings.")
    assert control_comparison_sentence([MODEL_ROW]).startswith("Nothing stood in the language")


def test_whether_a_language_model_is_needed() -> None:
    rivals = [changed_arm(arm=arm) for arm in ("base_model", "sasrec", "svd")]
    assert need_sentence([MODEL_ROW, *rivals]) == (
        "A language model is needed: alone it helps MF, and it is ahead of SVD, base model without "
        "adapter and SASRec."
    )
    level = [changed_arm(row, lead_low=-0.01) for row in rivals]
    assert need_sentence([MODEL_ROW, rivals[0], level[2]]) == (
        "A language model is not needed, as far as these data tell: for MF, its items are not "
        "ahead of those from SVD."
    )
    assert need_sentence([MODEL_ROW, *level]).endswith(
        ": for MF, its items are not ahead of those from SVD, base model without adapter and "
        "SASRec."
    )
    assert need_sentence([MODEL_ROW, level[0], *rivals[1:]]) == (
        "The adapter is not needed, as far as these data tell: for MF, its items are not ahead of "
        "those from the base model without adapter, but of those from SVD and SASRec."
    )
    assert need_sentence([MODEL_ROW]).startswith(
        "Whether a language model is needed for MF cannot be told"
    )
    assert need_sentence([changed_arm(MODEL_ROW, amount=0.0), *rivals]) == ""


OWN, SASREC = system("language_model", 0.09), system("sasrec", 0.07)


def test_the_bottom_line_names_what_validation_passed_over() -> None:
    """The lead is over what validation prefers; the test may prefer another of its kind."""
    other = system("ease", 0.06, test=0.08)
    assert bottom_line_sentence(bottom_line_of(OWN, SASREC, other)).endswith(
        "On the test EASE has more: 0.0800."
    )
    other = system("language_model&ease", 0.08, test=0.2)
    assert "On the test" not in bottom_line_sentence(bottom_line_of(OWN, SASREC, other))


def test_the_bottom_line_with_a_language_model() -> None:
    assert bottom_line_sentence(bottom_line_of(OWN, SASREC)) == (
        "Serve the language model's own ranking: NDCG@20 on test 0.0900 (95 % interval 0.0800 to "
        "0.1000). Validation chose it among 2. Without a language model the best is SASRec: "
        "0.0700; the lead is +10.0 % (95 % interval +5.0 to +15.0 %, p < 0.001)."
    )
    unclear = bottom_line_of(OWN, SASREC, lead_p_value=0.2)
    assert bottom_line_sentence(unclear).endswith(
        "p = 0.200), so the test cannot tell the two apart."
    )


def test_the_bottom_line_without() -> None:
    found = bottom_line_of(system("original", 0.2, of="ials"), OWN, lead=-0.55)
    assert bottom_line_sentence(found) == (
        "A language model does not pay here: serve iALS: NDCG@20 on test 0.2000 (95 % interval "
        "0.1900 to 0.2100). Validation chose it among 2. With a language model the best is the "
        "language model's own ranking: 0.0900; the lead of the language model is "
        "\N{MINUS SIGN}55.0 % (95 % interval +5.0 to +15.0 %, p < 0.001)."
    )


def test_a_language_model_that_validation_passed_over_may_pay() -> None:
    systems = system("original", 0.2, of="ials"), system("language_model", 0.19, test=0.3)
    text = bottom_line_sentence(bottom_line_of(*systems, lead=0.5))
    assert text.startswith("Validation prefers no language model: serve iALS: NDCG@20 on test")
    text = bottom_line_sentence(bottom_line_of(*systems, lead=0.5, lead_p_value=0.1))
    assert text.startswith("A language model does not pay here: serve iALS")


def test_a_gain_is_marked_where_something_simpler_is_better() -> None:
    ease = system("original", 0.3, of="ease", test=0.3229)
    assert mark(ROW, ease) == "helps; EASE alone has more: 0.3229"
    both = system("svd", 0.3, of="mf", test=0.3229)
    assert mark(ROW, both) == "helps; MF with items from SVD has more: 0.3229"
    less = system("original", 0.3, of="ease", test=0.2)
    assert (
        mark(ROW, less) == "helps; EASE alone has more on validation, but not on the test: 0.2000"
    )
    assert mark(ROW, None) == "helps"
    assert mark(changed_row(p_value=0.3), ease) == "cannot tell"


def test_one_training_of_what_generates() -> None:
    assert runs_sentence(1) == "What generates was trained once, so its luck is in no interval."
    assert runs_sentence(2) == ""
    row = changed_row(n_runs=3)
    assert "; 5 seeds in 3 runs, 671 users" in verdict_sentence(row, Augmentation(0.25))


def test_looks() -> None:
    assert looks_sentence({"mf": 2, "score": 3, "sources": 1}) == (
        "The test set was looked at 2 times for MF, 3 times for rankings made elsewhere, once for "
        "what generates, by itself."
    )


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
