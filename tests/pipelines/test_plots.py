"""`dvc plots show` with the repository's own templates, and what `dvc metrics diff` needs."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

REPO = Path(__file__).resolve().parents[2]
DVC = yaml.safe_load((REPO / "dvc.yaml").read_text())
LINES: dict[str, list[list[str | float]]] = {
    "curves.csv": [["recommender", "data", "epoch", "value"], ["MF, NDCG@20", "original", 5, 0.25]],
    "amounts.csv": [
        ["recommender", "popularity_exponent", "amount", "value"],
        ["MF, NDCG@20", 1, 0.5, 0.125],
    ],
}


@pytest.mark.slow
def test_the_lines_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "init", "--no-scm", "--quiet"], check=True)
    shutil.copytree(REPO / ".dvc/plots", ".dvc/plots")
    Path("dvc.yaml").write_text(yaml.safe_dump({"plots": DVC["plots"]}))
    for name, lines in LINES.items():
        file = Path("reports/plots", name)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", newline="") as stream:
            csv.writer(stream).writerows(lines)
    subprocess.run([*dvc, "plots", "show"], check=True, capture_output=True)
    page = Path("dvc_plots/index.html").read_text()
    assert "<DVC_METRIC" not in page
    titles = [next(iter(plot.values()))["title"] for plot in DVC["plots"]]
    assert all(text in page for text in ("MF, NDCG@20", '"0.25"', '"0.125"', *titles))


def test_what_is_compared_between_versions_is_in_the_cache() -> None:
    """DVC reads an older version's figures from git or from its cache, and git ignores reports."""
    report = DVC["stages"]["report"]
    assert report["metrics"] == ["reports/metrics.json"]
    assert "reports/plots" in report["outs"]
