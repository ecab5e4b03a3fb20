"""What a program is given: training data alone, in the formats of others, and its settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llm4idrec.config.own import OwnConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.own.recommender import OwnRecommender
from llm4idrec.own.training_files import write_training
from tests.llm4idrec.own.recommenders import program

TRAIN = Interactions(np.array([0, 0, 0, 2]), np.array([2, 0, 1, 1]), 3, 4, np.array([5, 3, 9, 1]))
ABOUT = "# for RecBole: dataset is the name of this folder, data_path the folder above it\n"
WRITTEN = {
    "selfrec_graph": {"train.txt": "0 0 1\n0 2 1\n0 1 1\n2 1 1\n"},
    "selfrec_sequential": {"train.txt": "0:0 2 1\n2:1\n"},
    "recbole": {
        "data.train.inter": "user_id:token\titem_id:token\n0\t0\n0\t2\n0\t1\n2\t1\n",
        "data.yaml": ABOUT + "benchmark_filename: [train]\nload_col: {inter: [user_id, item_id]}\n",
    },
    "recbole_sequential": {
        "data.train.inter": "user_id:token\titem_id_list:token_seq\titem_id:token\n"
        "0\t0\t2\n0\t0 2\t1\n",
        "data.yaml": ABOUT
        + "benchmark_filename: [train]\nload_col: {inter: [user_id, item_id_list, item_id]}\n"
        "alias_of_item_id: [item_id_list]\nMAX_ITEM_LIST_LENGTH: 50\n",
    },
}


@pytest.mark.parametrize("format", WRITTEN)
def test_training_data(format: str, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    write_training(folder, TRAIN, format=format)
    assert {file.name: file.read_text() for file in folder.iterdir()} == WRITTEN[format]


def learn(command: str, seed: int = 0, **section: Any) -> None:
    OwnRecommender(OwnConfig(command=command, **section), seed).learn(TRAIN)


def test_placeholders_are_filled_and_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = """
import os, sys
import numpy as np
out, *given = sys.argv[1:]
open("given", "w").write(repr(given))
np.save(out + "/scores.npy", np.eye(3, 4) + np.eye(3, 4, 1))
"""
    section = program(
        text,
        "{out} {k} {n_users} {n_items} {seed} {words} {rate} {quick} $OMP_NUM_THREADS; ls {data}",
        writes="scores",
        seeded=True,
        settings={"words": "it's; echo $HOME", "rate": 0.5, "quick": True},
    )
    learn(**section, seed=2**31 + 5)
    given = ["4", "3", "4", "5", "it's; echo $HOME", "0.5", "true", "1"]
    assert Path("given").read_text() == repr(given)


def test_it_works_in_the_folder_of_the_run_and_its_output_is_not_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    vectors = "for i in 0 1 2 3; do echo $i 1; done"
    command = f"cat; echo loud; pwd > here; ls {{data}} > data; {vectors} > {{out}}/items.txt; "
    command += "grep -v 3 {out}/items.txt > {out}/users.txt"
    learn(command, seeded=False)
    assert Path("here").read_text() == f"{tmp_path}\n"
    assert Path("data").read_text() == "train.txt\n"
    assert capfd.readouterr() == ("", "")


def test_what_it_left_is_taken_though_something_still_runs() -> None:
    vectors = "for i in 0 1 2 3; do echo $i 1; done"
    learn(
        f"sleep 1236.5 & {vectors} > {{out}}/items.txt; grep -v 3 {{out}}/items.txt > "
        "{out}/users.txt; : {data}",
        seeded=False,
    )
