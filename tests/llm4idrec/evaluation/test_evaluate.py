"""The flow on small data: what is compared, what survives an interruption, what counts as a hit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llm4idrec.augmentation.choice import Augmentation
from llm4idrec.config import EvaluationConfig
from llm4idrec.config.recommenders import IALSConfig, PopularityConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.evaluation.experiment import Experiment, Fit
from llm4idrec.recommenders.base import Recommender
from llm4idrec.recommenders.registry import RECOMMENDERS
from llm4idrec.recommenders.validation import Training, Validation
from llm4idrec.runtime.files import read_json
from tests.llm4idrec.two_tastes import (
    CONTROLS,
    EASE,
    EVALUATION,
    ORDERS,
    REFIT,
    REPLICATES,
    USERS,
    Files,
    disliked,
    two_tastes,
    write_arms,
    write_ease,
)

ARMS = ("language_model", *CONTROLS)


def results(out: Path) -> dict[str, bytes]:
    """Every output by name."""
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()}


def per_user(out: Path, file: str = "per_user.parquet") -> pd.DataFrame:
    table: pd.DataFrame = pq.read_table(out / file).to_pandas()
    return table


def series_of(out: Path) -> set[str]:
    return set(pq.read_table(out / "history.parquet")["series"].to_pylist())


def selected(out: Path) -> int:
    """Fits that validation judged, of two seeds for the original data."""
    arms = read_json(out / "selection.json")["arms"].values()
    return 2 + sum(len(s["by_seed"]) for its in arms for s in its["scores"] if s["amount"])


def test_outputs(files: Files) -> None:
    out = files.evaluate()

    assert sorted(results(out)) == [
        "history.parquet",
        "models/language_model/model.safetensors",
        "models/language_model/recommender.json",
        "models/original/model.safetensors",
        "models/original/recommender.json",
        "per_user.parquet",
        "selection.json",
        "summary.json",
        "validation.parquet",
    ]
    selection = read_json(out / "selection.json")
    assert (selection["metric"], selection["runs"]) == ("ndcg_at_4", 2)
    assert list(selection["arms"]) == ["language_model"]
    scores = selection["arms"]["language_model"]["scores"]
    assert [(s["amount"], s["popularity_exponent"]) for s in scores] == [(0, 0), (0.5, 0), (1, 0)]
    chosen = selection["arms"]["language_model"]["chosen"]
    seeds = {s["amount"]: len(s["by_seed"]) for s in scores}
    assert seeds[0] == seeds[chosen["amount"]] == 2
    assert set(seeds.values()) <= {1, 2}
    table, summary = per_user(out), read_json(out / "summary.json")
    assert list(table.columns[:3]) == ["variant", "seed", "user"]
    for variant in ("original", "language_model"):
        rows = table[table["variant"] == variant]
        assert sorted(zip(rows["seed"], rows["user"], strict=True)) == [
            (seed, user) for seed in range(3) for user in range(USERS)
        ]
        assert summary[f"{variant}_ndcg_at_4"] == pytest.approx(rows["ndcg_at_4"].mean())
        recalls = [summary[f"{variant}_recall_at_4_{band}"] for band in ("head", "middle", "tail")]
        assert min(recalls) < summary[f"{variant}_recall_at_4"] < max(recalls)
    history = pq.read_table(out / "history.parquet").to_pandas()
    assert {"series", "step", "loss", "recall_at_2", "ndcg_at_4"} <= set(history.columns)
    assert history["series"].nunique() == selected(out)
    assert not history.isna().any().any()


@pytest.mark.parametrize("evaluation", [EVALUATION, REFIT], ids=["train", "refit"])
def test_every_arm_chooses_and_is_compared_on_all_seeds(
    evaluation: EvaluationConfig, files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    out = files.evaluate(evaluation, controls=CONTROLS)

    chosen = {
        arm: Augmentation(**its["chosen"])
        for arm, its in read_json(out / "selection.json")["arms"].items()
    }
    assert list(chosen) == list(ARMS)
    assert chosen["language_model"] == chosen["svd"] != Augmentation()
    assert chosen["random"] == Augmentation()
    table, summary = per_user(out), read_json(out / "summary.json")
    compared = ["original", *(arm for arm in ARMS if chosen[arm].amount)]
    assert list(dict.fromkeys(table["variant"])) == compared
    for arm in ARMS:
        assert summary[f"{arm}_amount"] == chosen[arm].amount
        assert (summary[f"{arm}_generated_pairs"] > 0) == (chosen[arm].amount > 0)
    for variant in compared:
        rows = table[table["variant"] == variant]
        assert set(rows["seed"]) == {0, 1, 2}
        assert summary[f"{variant}_coverage_at_4"] > 0
    assert summary["language_model_recall_at_4"] > summary["original_recall_at_4"] + 0.02
    series = series_of(out)
    assert len(series) == selected(out) < 2 + len(ARMS) * 2 * 2
    assert str(Fit("svd", chosen["svd"], 1)) in series
    assert {str(Fit("random", Augmentation(0.5), seed)) in series for seed in (0, 1)} == {
        True,
        False,
    }
    total = len(series) + 3 * len(compared)
    assert f"{total}/{total}" in capsys.readouterr().err


def test_a_seed_is_given_what_its_replicate_generated(files: Files) -> None:
    """The second replicate of the language model has fewer items; the SVD has one replicate."""
    out = files.evaluate(controls=("svd",))
    rows = per_user(out)
    svd, own = (
        rows[rows["variant"] == variant].pivot(index="user", columns="seed", values="ndcg_at_4")
        for variant in ("svd", "language_model")
    )
    assert own[0].equals(svd[0])
    assert own[2].equals(svd[2])
    assert not own[1].equals(svd[1])
    summary = read_json(out / "summary.json")
    assert summary["language_model_generated_pairs"] < summary["svd_generated_pairs"]


def test_validation_of_every_user_and_seed_is_kept(files: Files) -> None:
    """As it was when validation chose: the means of `selection.json`."""
    out = files.evaluate(controls=CONTROLS)

    validation = pq.read_table(out / "validation.parquet")
    assert [(field.name, str(field.type)) for field in validation.schema] == [
        ("variant", "string"),
        ("seed", "int32"),
        ("user", "int32"),
        ("ndcg_at_4", "double"),
    ]
    rows = validation.to_pandas()
    arms = read_json(out / "selection.json")["arms"]
    kept = ["original", *(arm for arm in ARMS if arms[arm]["chosen"]["amount"])]
    expected = [(v, s, u) for v in kept for s in range(2) for u in range(USERS)]
    assert list(zip(rows["variant"], rows["seed"], rows["user"], strict=True)) == expected
    for arm, its in arms.items():
        scores = {(s["amount"], s["popularity_exponent"]): s["by_seed"] for s in its["scores"]}
        variant = arm if its["chosen"]["amount"] else "original"
        by_seed = rows[rows["variant"] == variant].groupby("seed")["ndcg_at_4"].mean()
        assert by_seed.tolist() == pytest.approx(scores[tuple(its["chosen"].values())])


def test_item_outside_the_catalogue_is_a_miss(files: Files) -> None:
    table = per_user(files.evaluate())

    first = table[table["user"] == 0]
    assert (first["recall_at_4"] <= 3 / 4).all()
    assert (first["recall_at_4"] * 4 % 1 == 0).all()


def test_an_arm_that_chose_nothing_has_no_rows(files: Files) -> None:
    for replicate in REPLICATES:
        write_arms(files.arms(replicate), {"language_model": disliked(two_tastes()[3])})

    out = files.evaluate()

    nothing = {"amount": 0, "popularity_exponent": 0}
    assert read_json(out / "selection.json")["arms"]["language_model"]["chosen"] == nothing
    assert set(per_user(out)["variant"]) == {"original"}
    assert set(per_user(out, "validation.parquet")["variant"]) == {"original"}
    summary = read_json(out / "summary.json")
    assert summary["generated_pairs"] == summary["chosen_amount"] == 0
    assert [folder.name for folder in (out / "models").iterdir()] == ["original"]


def test_an_arm_chooses_its_own_order_of_candidates(files: Files) -> None:
    """The language model's order of exponent 0.7 is the good one, and the SVD's of 0."""
    good = two_tastes()[3]
    bad = disliked(good)
    for replicate in REPLICATES:
        arms = {"language_model": in_orders(bad, good), "svd": in_orders(good, bad)}
        write_arms(files.arms(replicate), arms)
    out = files.evaluate(controls=("svd",), filter=ORDERS)

    arms = read_json(out / "selection.json")["arms"]
    tried = [(s["amount"], s["popularity_exponent"]) for s in arms["svd"]["scores"]]
    assert tried == [(0, 0), (0.5, 0), (0.5, 0.7), (1, 0)]  # 0.7 fell behind
    chosen = {arm: its["chosen"] for arm, its in arms.items()}
    assert chosen["language_model"]["popularity_exponent"] == 0.7
    assert chosen["svd"]["popularity_exponent"] == 0
    assert chosen["svd"]["amount"] == chosen["language_model"]["amount"] > 0
    assert read_json(out / "summary.json")["chosen_popularity_exponent"] == 0.7


def in_orders(first: pa.Table, second: pa.Table) -> pa.Table:
    """The one as the order of exponent 0, the other as that of 0.7."""
    exponent = pa.array([0.7] * len(second), pa.float32())
    return pa.concat_tables([first, second.set_column(2, "popularity_exponent", exponent)])


def test_rankings_are_fused_with_those_of_ease(files: Files) -> None:
    """Its rankings here are what each user will take."""
    write_ease(files)
    out = files.evaluate(controls=CONTROLS)
    variants = list(dict.fromkeys(per_user(out)["variant"]))
    fused = ["original&ease", "language_model&ease"]
    assert variants[-2:] == fused
    assert list(dict.fromkeys(per_user(out, "validation.parquet")["variant"]))[-2:] == fused
    summary = read_json(out / "summary.json")
    for name in ("original", "language_model"):
        assert summary[f"{name}&ease_recall_at_4"] > summary[f"{name}_recall_at_4"]
        assert summary[f"{name}&ease_coverage_at_4"] > 0


def test_controls_have_no_part_in_the_rest(files: Files) -> None:
    alone = files.evaluate()
    controlled = files.beside("controlled").evaluate(controls=CONTROLS)

    one, both = (read_json(out / "selection.json")["arms"] for out in (alone, controlled))
    assert one["language_model"] == both["language_model"]
    summary = read_json(controlled / "summary.json")
    assert read_json(alone / "summary.json").items() <= summary.items()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "after", "evaluation"),
    [("select", 2, EVALUATION), ("select", 8, EVALUATION), ("test", 2, EVALUATION), ("test", 5, REFIT)],  # noqa: E501
)  # fmt: skip
def test_resumes_with_equal_bytes(
    files: Files,
    monkeypatch: pytest.MonkeyPatch,
    *,
    task: str,
    after: int,
    evaluation: EvaluationConfig,
) -> None:
    controls = ("random", "self")
    whole = results(files.evaluate(evaluation, controls=controls))
    again = files.beside("again")
    real = getattr(Experiment, task)
    done: list[Fit] = []

    def interrupted(self: Experiment, fit: Fit) -> None:
        if len(done) == after:
            raise KeyboardInterrupt
        real(self, fit)
        done.append(fit)

    with monkeypatch.context() as patch:
        patch.setattr(Experiment, task, interrupted)
        with pytest.raises(KeyboardInterrupt):
            again.evaluate(evaluation, controls=controls)
    assert not again.out.exists()
    file = "added.json" if task == "test" else "training.json"
    assert len(list(files.root.rglob(f".again.*/fits/**/{file}"))) == after
    fitted = count_fits(monkeypatch)

    assert results(again.evaluate(evaluation, controls=controls)) == whole
    tested = 3 * per_user(again.out)["variant"].nunique()
    left = selected(again.out) + tested if task == "select" else tested
    assert len(fitted) == left - after


def count_fits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    fitted: list[int] = []
    fit = RECOMMENDERS["mf"].fit

    def counted(
        self: Recommender,
        train: Interactions,
        validation: Validation | None = None,
        epochs: int | None = None,
    ) -> Training:
        fitted.append(1)
        return fit(self, train, validation, epochs)

    monkeypatch.setattr(RECOMMENDERS["mf"], "fit", counted)
    return fitted


@pytest.mark.slow
def test_workers_change_nothing(files: Files) -> None:
    small = EVALUATION.model_copy(update={"seeds": 2, "selection_seeds": 1})
    controls = ("random", "self")
    one = results(files.evaluate(small, controls=controls))

    two = files.beside("two").evaluate(small.model_copy(update={"workers": 2}), controls=controls)

    assert results(two) == one


def test_seed_changes_results(files: Files) -> None:
    one = results(files.evaluate(seed=1))

    assert (
        results(files.beside("two").evaluate(seed=2))["per_user.parquet"] != one["per_user.parquet"]
    )


def test_refit_trains_on_validation_too(files: Files) -> None:
    plain = files.evaluate()
    refit = files.beside("refit").evaluate(REFIT)

    assert (refit / "selection.json").read_bytes() == (plain / "selection.json").read_bytes()
    better = read_json(refit / "summary.json")["original_recall_at_4"]
    assert better > read_json(plain / "summary.json")["original_recall_at_4"]


def test_where_the_seed_means_nothing_a_fit_a_replicate_is_enough(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted: list[str] = []
    real = Experiment.test

    def noted(self: Experiment, fit: Fit) -> None:
        fitted.append(f"{fit.arm} {fit.seed}")
        real(self, fit)

    monkeypatch.setattr(Experiment, "test", noted)
    popular: dict[str, Any] = {"recommender": "popularity", "settings": PopularityConfig()}
    out = files.evaluate(controls=("svd", "self"), **popular)
    arms = read_json(out / "selection.json")["arms"]
    expected = ["original 0"]
    expected += [
        f"language_model {run}" for run in range(2) if arms["language_model"]["chosen"]["amount"]
    ]
    expected += [f"{arm} 0" for arm in ("svd", "self") if arms[arm]["chosen"]["amount"]]
    assert fitted == expected
    rows = per_user(out)
    assert set(rows["seed"]) == {0, 1, 2}
    original = rows[rows["variant"] == "original"].pivot(
        index="user", columns="seed", values="ndcg_at_4"
    )
    assert original[0].equals(original[1])
    assert original[0].equals(original[2])


@pytest.mark.parametrize("evaluation", [EVALUATION, REFIT], ids=["train", "refit"])
def test_what_is_solved_for_and_not_trained_by_epochs(
    evaluation: EvaluationConfig, files: Files
) -> None:
    """A record a fit, a fit a seed, the same iterations in each."""
    settings = IALSConfig(embedding_size=4, regularization=0.1, alpha=4, iterations=6)
    out = files.evaluate(
        evaluation,
        controls=CONTROLS,
        recommender="ials",
        settings=settings,
        ease=EASE,
    )
    summary = read_json(out / "summary.json")
    assert summary["chosen_amount"] > 0
    for variant in ("original", "language_model", "svd"):
        assert summary[f"{variant}_best_epoch"] == 6
    assert set(pq.read_table(out / "history.parquet")["step"].to_pylist()) == {6}
    assert summary["language_model_ndcg_at_4"] > summary["original_ndcg_at_4"]
