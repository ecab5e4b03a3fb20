"""The evaluations as lines."""

from __future__ import annotations

import csv
from pathlib import Path

from llm4idrec.verdict.plots import write_lines


def test_lines_name_recommender_metric_and_data(evaluation: Path, tmp_path: Path) -> None:
    write_lines([evaluation], tmp_path / "plots")
    curves = read(tmp_path / "plots/curves.csv")
    assert curves[0] == ["recommender", "data", "epoch", "value"]
    assert [(line[1], line[2]) for line in curves[1:]] == [
        ("original", "5"),
        ("original", "10"),
        ("language_model", "5"),
    ]
    assert {line[0] for line in curves[1:]} == {"MF, Recall@5"}
    amounts = [
        [float(cell) for cell in line[1:]] for line in read(tmp_path / "plots/amounts.csv")[1:]
    ]
    assert amounts == [[0, 0, 0.2], [0, 0.5, 0.2], [1, 0, 0.2], [1, 0.5, 0.4]]


def read(path: Path) -> list[list[str]]:
    with path.open(newline="") as stream:
        return list(csv.reader(stream))
