"""The parts of the benchmark that need no peer but implicit, which is among our own packages."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import pipe
from benchmarks.frameworks import Implicit, LensKit, Library, SELFRec, selfrec_settings
from benchmarks.handover import read_split
from benchmarks.peers import Bench, fit_columns, header, quality_columns, row, speed_columns
from llm4idrec.config.recommenders import SETTINGS

# The values of SELFRec's files, as YAML reads them.
GRAPH = {"embedding.size": 64, "batch.size": 2048, "learning.rate": 0.001}
SEQUENCES = {**GRAPH, "batch.size": 256, "max.len": 50}
BLOCKS = {"n_blocks": 2, "drop_rate": 0.2, "n_heads": 1}
OWN: dict[str, dict[str, Any]] = {
    "mf": {},
    "lightgcn": {"n_layer": 2},
    "simgcl": {"n_layer": 2, "lambda": 0.5, "eps": 0.1},
    "xsimgcl": {"n_layer": 2, "l_star": 1, "lambda": 0.2, "eps": 0.2, "tau": 0.15},
    "ncl": {"n_layer": 3, "ssl_reg": "1e-6", "proto_reg": "1e-7", "tau": 0.05, "alpha": 1.5}
    | {"hyper_layers": 1, "num_clusters": 90},
    "sasrec": BLOCKS,
    "bert4rec": {**BLOCKS, "mask_rate": 0.5},
    "cl4srec": {**BLOCKS, "aug_type": 0, "aug_rate": 0.5, "cl_rate": 0.05},
}


def write(folder: Path, train: str, test: str) -> tuple[Path, Path]:
    files = folder / "train.txt", folder / "test.txt"
    for file, text in zip(files, (train, test), strict=True):
        file.write_text(text)
    return files


def some_bench(folder: Path, changes: dict[str, Any]) -> Bench:
    """Beside implicit, on what 40 users took of 60 items, half of it in test."""
    taken = np.argwhere(np.random.default_rng(0).random((40, 60)) < 0.3)
    lines = [f"{user} {item} 1\n" for user, item in taken]
    split = read_split(*write(folder, "".join(lines[::2]), "".join(lines[1::2])))
    bench = Bench(Implicit(), split, folder / "run", sys.executable, changes)
    split.write(bench.data)
    return bench


def test_pairs_are_handed_over(tmp_path: Path) -> None:
    """Numbers by first appearance; a repeated, an unknown or a known pair is left out of test."""
    train = "b\tx\t3\na\ty\t1\nb\tx\t2\na\tx\t1\n"
    split = read_split(*write(tmp_path, train, "b y 1\na x 1\nc x 1\na z 1\n"))

    split.write(tmp_path / "data")

    assert str(split) == "2 users, 2 items, 3 pairs in train, 1 in test"
    assert (tmp_path / "data" / "train.txt").read_text() == "0 0 1\n1 0 1\n1 1 1\n"
    assert (tmp_path / "data" / "test.txt").read_text() == "0 1 1\n"
    atomic = tmp_path / "data" / "split"
    assert (atomic / "split.test.inter").read_text() == "user_id:token\titem_id:token\n0\t1\n"
    assert (atomic / "split.valid.inter").read_text() == "user_id:token\titem_id:token\n"


def test_sequences_are_handed_over(tmp_path: Path) -> None:
    """In their order; unknown items stay in test, as misses."""
    split = read_split(*write(tmp_path, "a:z y x\nb:x z\n", "a:w\nb:y\n"))

    split.write(tmp_path / "data")

    assert split.sequential
    assert (split.train.n_items, split.test.n_items) == (3, 4)
    assert (tmp_path / "data" / "train.txt").read_text() == "0:0 1 2\n1:2 0\n"
    assert (tmp_path / "data" / "test.txt").read_text() == "0:3\n1:1\n"
    lines = (tmp_path / "data" / "split" / "split.inter").read_text().splitlines()
    rows = [line.split("\t") for line in lines[1:]]
    in_time = sorted(rows, key=lambda row: (row[0], float(row[2])))
    assert [item for user, item, _ in in_time if user == "0"] == ["0", "1", "2", "3"]


@pytest.mark.parametrize("model", sorted(SELFRec.graph | SELFRec.sequential))
def test_shared_settings_are_ours(model: str) -> None:
    conf = SEQUENCES if model in SELFRec.sequential else GRAPH
    settings = SETTINGS[model].model_validate(selfrec_settings(model, conf, OWN[model]))
    assert {"embedding_size": 64, "batch_size": conf["batch.size"]}.items() <= dict(
        settings
    ).items()
    assert getattr(settings, "layers", 2) == OWN[model].get("n_layer", 2)


@pytest.mark.parametrize("library", [Implicit(), LensKit()], ids=lambda library: library.name)
def test_defaults_of_a_library_are_settings_of_ours(library: Library) -> None:
    for model, same in library.same.items():
        assert model in library.graph
        assert same.items() <= dict(SETTINGS[model].model_validate(same)).items()


@pytest.mark.slow
def test_our_ials_ranks_as_implicits_does_with_its_settings(tmp_path: Path) -> None:
    bench = some_bench(tmp_path, {})

    own, same = (line.strip("| ").split(" | ") for line in bench.fits("ials", 1))

    assert (own[0], same[0]) == ("ials, own settings", "ials, implicit's settings")
    assert len(own) == len(same) == len(fit_columns("implicit", bench.metrics))
    our_recall, recall, our_ndcg, ndcg = map(float, same[-4:])
    assert (our_recall, our_ndcg) == (recall, ndcg)
    assert recall > 0.3


@pytest.mark.slow
def test_our_mf_chooses_its_epochs(tmp_path: Path) -> None:
    settings = {"max_epochs": 4, "evaluate_every": 2}
    bench = some_bench(tmp_path, settings)

    with bench.ours("mf", {}, "validated fit") as side:
        side.ask("train")
        ranking = side.ranking()

    assert ranking.own["epoch"] in (2, 4)
    assert ranking.items.shape == (40, 20)


SIDE = """
import numpy as np
from benchmarks.pipe import Ranking, serve, start

job, answers = start()
print("what a side prints is no answer")

def describe(items):
    return Ranking([3], items, {"x": 1.5})

for epoch in serve(answers, lambda: job["items"], describe, first_epoch=7):
    print("trained", epoch)
    if epoch == 8:
        raise ValueError("two is too many")
"""


def test_a_side_trains_and_ranks_when_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "toy_side.py").write_text(SIDE)
    monkeypatch.setattr(pipe, "ROOT", f"{pipe.ROOT}{os.pathsep}{tmp_path}")

    job, folder = {"items": [[4, 2]]}, tmp_path / "run"
    with pipe.Side("toy", "toy_side", job, folder=folder, python=sys.executable) as side:
        answer = side.ask("train")
        ranking = side.ranking()
        with pytest.raises(RuntimeError, match=r"(?s)toy ended.*two is too many"):
            side.ask("train")

    assert answer["cpu"] >= 0
    assert answer["peak_mb"] >= answer["start_mb"] > 0
    assert np.array_equal(ranking.users, [3])
    assert np.array_equal(ranking.items, [[4, 2]])
    assert ranking.own == {"x": 1.5}


def test_tables() -> None:
    assert header(["model", "s"]) == "| model | s |\n| --- | ---: |"
    assert row(["mf", "0.1"]) == "| mf | 0.1 |"
    assert len(speed_columns("SELFRec")) == 9
    assert len(quality_columns("SELFRec", ("hr_at_10", "ndcg_at_10"))) == 12
    assert len(fit_columns("implicit", ("recall_at_20", "ndcg_at_20"))) == 13
