"""The flow on small data: what is compared, what survives an interruption, what counts as a hit."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llm4idrec.augmentation.choice import Augmentation
from llm4idrec.config.recommenders import IALSConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.evaluation.experiment import Experiment, Fit
from llm4idrec.recommenders.base import Recommender
from llm4idrec.recommenders.registry import RECOMMENDERS
from llm4idrec.recommenders.validation import Training, Validation
from llm4idrec.runtime.files import read_json
from llm4idrec.verdict.comparison import compare_recommenders
from llm4idrec.verdict.control_comparison import compare_sources
from tests.llm4idrec.two_tastes import (
    BLOCK,
    CONTROLS,
    EASE,
    EVALUATION,
    ITEMS,
    ORDERS,
    USERS,
    Files,
    stand_ins,
)


def results(out: Path) -> dict[str, bytes]:
    """Every output by name."""
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()}


def test_outputs(files: Files) -> None:
    out = files.evaluate()

    assert sorted(results(out)) == [
        "history.parquet",
        "models/augmented/model.safetensors",
        "models/augmented/recommender.json",
        "models/original/model.safetensors",
        "models/original/recommender.json",
        "per_user.parquet",
        "selection.json",
        "summary.json",
        "validation.parquet",
    ]
    selection = read_json(out / "selection.json")
    assert selection["metric"] == "ndcg_at_4"
    assert [
        (s["amount"], s["popularity_exponent"], len(s["by_seed"])) for s in selection["scores"]
    ] == [
        (0, 0, 2),
        (0.5, 0, 2),
        (1, 0, 2),
    ]
    per_user = pq.read_table(out / "per_user.parquet").to_pandas()
    assert list(per_user.columns[:3]) == ["variant", "seed", "user"]
    for variant in ("original", "augmented"):
        rows = per_user[per_user["variant"] == variant]
        assert sorted(zip(rows["seed"], rows["user"], strict=True)) == [
            (seed, user) for seed in range(3) for user in range(USERS)
        ]
        summary = read_json(out / "summary.json")
        assert summary[f"{variant}_ndcg_at_4"] == pytest.approx(rows["ndcg_at_4"].mean())
    history = pq.read_table(out / "history.parquet").to_pandas()
    assert {"series", "step", "loss", "recall_at_2", "ndcg_at_4"} <= set(history.columns)
    fits = 3 * 2 + 1 + (selection["chosen"]["amount"] > 0)
    assert history["series"].nunique() == fits
    assert not history.isna().any().any()


def test_validation_of_every_user_and_seed_is_kept(files: Files) -> None:
    """As it was when validation chose: the first seeds have the means of `selection.json`."""
    out = files.evaluate(controls=CONTROLS)

    validation = pq.read_table(out / "validation.parquet")
    assert [(field.name, str(field.type)) for field in validation.schema] == [
        ("variant", "string"),
        ("seed", "int32"),
        ("user", "int32"),
        ("ndcg_at_4", "double"),
    ]
    rows = validation.to_pandas()
    expected = [
        (v, s, u) for v in ("original", "augmented") for s in range(3) for u in range(USERS)
    ]
    assert list(zip(rows["variant"], rows["seed"], rows["user"], strict=True)) == expected
    selection = read_json(out / "selection.json")
    scores = {(s["amount"], s["popularity_exponent"]): s["by_seed"] for s in selection["scores"]}
    chosen = selection["chosen"]["amount"], selection["chosen"]["popularity_exponent"]
    assert chosen > (0, 0)
    for variant, augmentation in (("original", (0, 0)), ("augmented", chosen)):
        by_seed = rows[rows["variant"] == variant].groupby("seed")["ndcg_at_4"].mean()
        assert by_seed[:2].tolist() == pytest.approx(scores[augmentation])


def test_item_outside_the_catalogue_is_a_miss(files: Files) -> None:
    per_user = pq.read_table(files.evaluate() / "per_user.parquet").to_pandas()

    first = per_user[per_user["user"] == 0]
    assert (first["recall_at_4"] <= 3 / 4).all()
    assert (first["recall_at_4"] * 4 % 1 == 0).all()


def test_generated_test_item_counts_as_hit(files: Files) -> None:
    """Rule of evidence 2: generated pairs are trained on, but never masked."""
    out = files.evaluate()

    summary = read_json(out / "summary.json")
    assert summary["chosen_amount"] > 0
    assert summary["generated_pairs"] > 0
    assert summary["augmented_recall_at_4"] > summary["original_recall_at_4"] + 0.1


def test_nothing_generated_chooses_zero(files: Files) -> None:
    """Without a volume there is nothing for a control to be as much as."""
    augmented = pq.read_table(files.interactions)
    pq.write_table(augmented.slice(0, USERS * 4), files.interactions)

    out = files.evaluate(controls=CONTROLS)

    assert read_json(out / "selection.json")["chosen"] == {"amount": 0, "popularity_exponent": 0}
    per_user = pq.read_table(out / "per_user.parquet").to_pandas()
    assert set(per_user["variant"]) == {"original", "augmented"}
    original, augmented_rows = (
        per_user[per_user["variant"] == v].drop(columns="variant").reset_index(drop=True)
        for v in ("original", "augmented")
    )
    assert original.equals(augmented_rows)
    validation = pq.read_table(out / "validation.parquet").to_pandas()
    halves = (validation[validation["variant"] == v] for v in ("original", "augmented"))
    first, second = (half["ndcg_at_4"].tolist() for half in halves)
    assert first == second
    assert not any("ease" in series for series in read_all_series(out))


def test_controls_in_the_same_volume(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    out = files.evaluate(controls=CONTROLS)

    chosen = Augmentation(**read_json(out / "selection.json")["chosen"])
    assert chosen.amount > 0
    per_user = pq.read_table(out / "per_user.parquet").to_pandas()
    assert list(dict.fromkeys(per_user["variant"])) == ["original", "augmented", *CONTROLS]
    own, same = (per_user[per_user["variant"] == v].iloc[:, 1:] for v in ("augmented", "ease"))
    assert own.reset_index(drop=True).equals(same.reset_index(drop=True))
    summary = read_json(out / "summary.json")
    for control in CONTROLS:
        assert summary[f"{control}_generated_pairs"] == summary["generated_pairs"] > 0
        assert summary[f"{control}_seeds"] == 3
        assert summary[f"{control}_coverage_at_4"] > 0
        assert summary[f"{control}_popularity_at_4"] > 0
        rows = per_user[per_user["variant"] == control]
        assert summary[f"{control}_ndcg_at_4"] == pytest.approx(rows["ndcg_at_4"].mean())
    assert summary["random_recall_at_4"] < summary["augmented_recall_at_4"] - 0.1
    series = read_all_series(out)
    assert {str(Fit(chosen, s, c)) for c in CONTROLS for s in range(3)} <= series
    assert len(series) == 3 * 2 + 2 + len(CONTROLS) * 3
    assert f"{len(series)}/{len(series)}" in capsys.readouterr().err
    assert sorted(p.name for p in (out / "models").iterdir()) == ["augmented", "original"]


def add_an_order(files: Files) -> None:
    """What was generated is now in the order of exponent 0.7; in that of 0 is what nobody likes.

    `ease` has again what the language model has, in both orders.
    """
    table = pq.read_table(files.interactions)
    rows = table.to_pandas()
    generated = rows["origin"] == "generated"
    disliked = rows[generated].assign(item=lambda r: (r["item"] + BLOCK) % ITEMS)
    rows.loc[generated, "popularity_exponent"] = 0.7
    both = pd.concat([rows, disliked])
    table = pa.Table.from_pandas(both, table.schema, preserve_index=False)
    pq.write_table(table, files.interactions)
    pq.write_table(stand_ins(table), files.augmented / "controls.parquet")


def test_an_order_of_candidates_is_chosen_and_its_controls_compared(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    """With fewer seeds of the controls than of the language model."""
    add_an_order(files)
    fewer = EVALUATION.model_copy(update={"control_seeds": 2})
    out = files.evaluate(fewer, controls=CONTROLS, filter=ORDERS)

    selection, summary = (read_json(out / f"{name}.json") for name in ("selection", "summary"))
    tried = [(score["amount"], score["popularity_exponent"]) for score in selection["scores"]]
    assert tried == [(0, 0), (0.5, 0), (0.5, 0.7), (1, 0), (1, 0.7)]
    chosen = Augmentation(**selection["chosen"])
    assert chosen.amount > 0
    assert (chosen.popularity_exponent, summary["chosen_popularity_exponent"]) == (0.7, 0.7)
    series = read_all_series(out)
    assert {name for name in series if not name.startswith("amount")} == {
        str(Fit(chosen, seed, control)) for control in CONTROLS for seed in range(2)
    }
    assert len(series) == 5 * 2 + 2 + len(CONTROLS) * 2
    assert f"{len(series)}/{len(series)}" in capsys.readouterr().err
    per_user = pq.read_table(out / "per_user.parquet").to_pandas()
    own, same = (
        per_user[(per_user["variant"] == v) & (per_user["seed"] < 2)].iloc[:, 1:]
        for v in ("augmented", "ease")
    )
    assert own.reset_index(drop=True).equals(same.reset_index(drop=True))
    assert summary["random_recall_at_4"] < summary["augmented_recall_at_4"] - 0.1
    assert all(summary[f"{c}_generated_pairs"] == summary["generated_pairs"] for c in CONTROLS)
    rows = compare_sources([out], compare_recommenders([out], "small", "random"))
    seeds = {row["source"]: row["n_seeds"] for row in rows}
    assert seeds == {"augmented": 3, **dict.fromkeys(CONTROLS, 2)}
    leads = {row["source"]: row["lead"] for row in rows if row["metric"] == "recall_at_4"}
    assert leads["ease"] == 0
    assert leads["random"] is not None
    assert leads["random"] > 0


def test_controls_have_no_part_in_the_rest(files: Files, tmp_path: Path) -> None:
    alone = files.evaluate()
    other = Files(files.train, files.heldout, files.augmented, tmp_path / "controlled")
    controlled = other.evaluate(controls=CONTROLS)

    assert read_json(controlled / "selection.json") == read_json(alone / "selection.json")
    summary = read_json(controlled / "summary.json")
    assert read_json(alone / "summary.json").items() <= summary.items()


def test_bands_of_popularity_are_in_the_summary(files: Files) -> None:
    """Of all test pairs, in the catalogue or not, at most those in the catalogue are found."""
    summary = read_json(files.evaluate() / "summary.json")

    for variant in ("original", "augmented"):
        recalls = [summary[f"{variant}_recall_at_4_{band}"] for band in ("head", "middle", "tail")]
        assert min(recalls) < summary[f"{variant}_recall_at_4"] < max(recalls)


@pytest.mark.parametrize(
    ("task", "after", "refit"),
    [
        ("select", 2, False),
        ("select", 11, False),
        ("test", 2, False),
        ("test", 9, True),
    ],
)
def test_resumes_with_equal_bytes(
    files: Files,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    task: str,
    after: int,
    refit: bool,
) -> None:
    evaluation = EVALUATION.model_copy(update={"refit": refit})
    controls = ("random", "self")
    whole = results(files.evaluate(evaluation, controls=controls))
    again = Files(files.train, files.heldout, files.augmented, tmp_path / "again")
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
    file = "test.json" if task == "test" else "training.json"
    assert len(list(tmp_path.rglob(f".again.*/fits/**/{file}"))) == after
    kept = len(list(tmp_path.rglob(".again.*/fits/**/training.json")))
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

    assert results(again.evaluate(evaluation, controls=controls)) == whole
    tested = 4 * 3 - (after if task == "test" else 0)
    assert len(fitted) == len(read_all_series(again.out)) - kept + refit * tested


def read_all_series(out: Path) -> set[str]:
    return set(pq.read_table(out / "history.parquet")["series"].to_pylist())


def test_workers_change_nothing(files: Files, tmp_path: Path) -> None:
    small = EVALUATION.model_copy(update={"seeds": 2, "selection_seeds": 1})
    controls = ("random", "self")
    one = results(files.evaluate(small, controls=controls))
    other = Files(files.train, files.heldout, files.augmented, tmp_path / "two")

    two = other.evaluate(small.model_copy(update={"workers": 2}), controls=controls)

    assert results(two) == one


def test_seed_changes_results(files: Files, tmp_path: Path) -> None:
    one = results(files.evaluate(seed=1))
    other = Files(files.train, files.heldout, files.augmented, tmp_path / "two")

    assert results(other.evaluate(seed=2))["per_user.parquet"] != one["per_user.parquet"]


def test_refit_trains_on_validation_too(files: Files, tmp_path: Path) -> None:
    plain = files.evaluate()
    other = Files(files.train, files.heldout, files.augmented, tmp_path / "refit")
    refit = other.evaluate(EVALUATION.model_copy(update={"refit": True}))

    assert (refit / "selection.json").read_bytes() == (plain / "selection.json").read_bytes()
    better = read_json(refit / "summary.json")["original_recall_at_4"]
    assert better > read_json(plain / "summary.json")["original_recall_at_4"]


def test_one_training_is_enough_where_the_seed_means_nothing(files: Files) -> None:
    files.evaluate(controls=("random", "self"), recommender="ease", settings=EASE)
    per_user = pq.read_table(files.out / "per_user.parquet")
    assert set(per_user["seed"].to_pylist()) == {0}
    selection = read_json(files.out / "selection.json")
    assert [len(score["by_seed"]) for score in selection["scores"]] == [1, 1, 1]
    assert len(compare_recommenders([files.out], "small", "random")) == len(
        per_user.column_names[3:]
    )


@pytest.mark.parametrize("refit", [False, True])
def test_what_is_solved_for_and_not_trained_by_epochs(files: Files, refit: bool) -> None:
    """A record a fit, a fit a seed, the same iterations in each."""
    settings = IALSConfig(embedding_size=4, regularization=0.1, alpha=4, iterations=6)
    out = files.evaluate(
        EVALUATION.model_copy(update={"refit": refit}),
        controls=CONTROLS,
        recommender="ials",
        settings=settings,
    )
    per_user = pq.read_table(out / "per_user.parquet").to_pandas()
    summary = read_json(out / "summary.json")
    assert summary["chosen_amount"] > 0
    for variant in ("original", "augmented", *CONTROLS):
        assert set(per_user[per_user["variant"] == variant]["seed"]) == {0, 1, 2}
        assert summary[f"{variant}_best_epoch"] == 6
    assert set(pq.read_table(out / "history.parquet")["step"].to_pylist()) == {6}
    assert summary["augmented_ndcg_at_4"] > summary["original_ndcg_at_4"]
    assert summary["augmented_ndcg_at_4"] > summary["random_ndcg_at_4"]
