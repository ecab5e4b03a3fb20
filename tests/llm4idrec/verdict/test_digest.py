"""The comparison in a few numbers, and as lines."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llm4idrec.errors import InputError
from llm4idrec.runtime.files import write_json
from llm4idrec.verdict.digest import digest, write_lines
from llm4idrec.verdict.histories import compared, mean_histories
from llm4idrec.verdict.leads import SourceRow


@pytest.fixture
def evaluation(tmp_path: Path) -> Path:
    """Two seeds, of which the second trains longer on the original data; one of a control."""
    folder = tmp_path / "mf"
    folder.mkdir()
    variants = ["original", "original", "augmented", "augmented", "ease"]
    seeds = pa.array([0, 1, 0, 1, 0], pa.int32())
    per_user = {"variant": variants, "seed": seeds, "user": [0] * 5, "recall_at_5": [0.5] * 5}
    pq.write_table(pa.table(per_user), folder / "per_user.parquet")
    series = {
        "amount=0/seed=0": [0.1, 0.2],
        "amount=0/seed=1": [0.3, 0.4, 0.5],
        "amount=0.5/popularity_exponent=1/seed=0": [0.2],
        "amount=0.5/popularity_exponent=1/seed=1": [0.4],
        "amount=0.25/popularity_exponent=0/seed=0": [9.0],
        "ease/amount=0.5/popularity_exponent=1/seed=0": [0.7],
    }
    rows = [
        {"series": name, "step": 5 * place, "loss": None, "recall_at_5": value}
        for name, values in series.items()
        for place, value in enumerate(values, 1)
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "history.parquet")
    scores = [(0.0, 0.0, [0.1, 0.3]), (0.5, 0.0, [0.2]), (0.5, 1.0, [0.4])]
    selection = {
        "metric": "recall_at_5",
        "chosen": {"amount": 0.5, "popularity_exponent": 1.0},
        "scores": [{"amount": a, "popularity_exponent": p, "by_seed": s} for a, p, s in scores],
    }
    write_json(folder / "selection.json", selection)
    return folder


def test_a_mean_ends_where_the_first_seed_stopped(evaluation: Path) -> None:
    assert compared(evaluation) == {"original": 2, "augmented": 2, "ease": 1}
    lines = {
        name: list(zip(*(table[c].to_pylist() for c in ("epoch", "recall_at_5")), strict=True))
        for name, table in mean_histories(evaluation).items()
    }
    assert lines["original"] == [(5, pytest.approx(0.2)), (10, pytest.approx(0.3))]
    assert lines["augmented"] == [(5, pytest.approx(0.3))]
    assert lines["ease"] == [(5, 0.7)]


def test_where_nothing_is_added_both_lines_are_the_same(evaluation: Path) -> None:
    nothing = {
        "metric": "recall_at_5",
        "chosen": {"amount": 0.0, "popularity_exponent": 0.0},
        "scores": [],
    }
    write_json(evaluation / "selection.json", nothing)
    histories = mean_histories(evaluation)
    assert histories["augmented"].equals(histories["original"])
    assert len(histories["original"]) == 2


def test_a_folder_without_an_evaluation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"per_user\.parquet: there is no such file"):
        compared(tmp_path)


def test_lines_name_recommender_metric_and_data(evaluation: Path, tmp_path: Path) -> None:
    write_lines([evaluation], tmp_path / "plots")
    curves = read(tmp_path / "plots/curves.csv")
    assert curves[0] == ["recommender", "data", "epoch", "value"]
    assert [(line[1], line[2]) for line in curves[1:]] == [
        ("original", "5"),
        ("original", "10"),
        ("augmented", "5"),
    ]
    assert {line[0] for line in curves[1:]} == {"MF, Recall@5"}
    amounts = [
        [float(cell) for cell in line[1:]] for line in read(tmp_path / "plots/amounts.csv")[1:]
    ]
    assert amounts == [[0, 0, 0.2], [0, 0.5, 0.2], [1, 0, 0.2], [1, 0.5, 0.4]]


def read(path: Path) -> list[list[str]]:
    with path.open(newline="") as stream:
        return list(csv.reader(stream))


def test_the_digest_is_of_the_metric_that_chose_and_of_the_best_control() -> None:
    rows = [
        source_row("mf", "ndcg_at_20", "augmented", 0.3, gain=0.2),
        source_row("mf", "ndcg_at_20", "random", 0.2, lead=0.5),
        source_row("mf", "ndcg_at_20", "ease", 0.4, lead=-0.25),
        source_row("mf", "recall_at_20", "augmented", 0.9, headline=False),
        source_row("ease", "recall_at_20", "augmented", 0.5, gain=0.0),
    ]
    assert digest(rows) == {
        "mf": {"ndcg": 0.3, "gain": 0.2, "lead": -0.25},
        "ease": {"recall": 0.5, "gain": 0.0, "lead": None},
    }


def source_row(
    recommender: str,
    metric: str,
    source: str,
    value: float,
    *,
    gain: float | None = None,
    lead: float | None = None,
    headline: bool = True,
) -> SourceRow:
    return SourceRow(
        dataset="tiny",
        protocol="random",
        recommender=recommender,
        metric=metric,
        headline=headline,
        source=source,
        value=value,
        relative_gain=gain,
        ci_low=None,
        ci_high=None,
        p_value=1.0,
        lead=lead,
        lead_low=None,
        lead_high=None,
        lead_p_value=None,
        amount=0.5,
        popularity_exponent=0.0,
        n_seeds=2,
        n_users=1,
        generated_pairs=1.0,
    )
