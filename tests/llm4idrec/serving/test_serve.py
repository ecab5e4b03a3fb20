"""Everything that the table of what to serve names can be served, learnt from all interactions."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from llm4idrec.__main__ import main
from llm4idrec.api.examples import SMALL, shop
from llm4idrec.artifacts import EVALUATIONS, RANKINGS, places
from llm4idrec.augmentation.arms import LANGUAGE_MODEL, ORIGINAL
from llm4idrec.config import Config
from llm4idrec.config.template import template
from llm4idrec.data.interactions import Interactions
from llm4idrec.recommenders.item_based.ease import EASE
from llm4idrec.runtime.files import content_hash, read_json
from llm4idrec.serving.serve import LEARNT, READS, RECOMMENDATIONS, serve_system
from llm4idrec.serving.system import arm_of
from llm4idrec.verdict.bottom_line import BottomLine, bottom_line

Output = pytest.CaptureFixture[str]
REPO = Path(__file__).resolve().parents[3]
COLUMNS = {"user": "customer", "item": "article", "timestamp": "bought_at"}
CONTROLS = ["svd", "ease", "base_model", "sasrec", "language_model+ease", "self", "self+ease"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on the shop: its folder, with `params.yaml` and `out`."""
    folder = tmp_path_factory.mktemp("run")
    pq.write_table(shop(), folder / "shop.parquet")
    values: dict[str, Any] = yaml.safe_load(template())
    data = {"path": str(folder / "shop.parquet"), "format": "parquet", **COLUMNS}
    changes = SMALL | {
        "data": SMALL["data"] | data,
        "controls": CONTROLS,
        "recommenders": ["ease", "mf"],
        "mf": {"max_epochs": 10, "embedding_size": 8},
        "sasrec": {"max_epochs": 3},
        "evaluation": SMALL["evaluation"] | {"amounts": [0.3], "cutoffs": [5]},
    }
    for name, section in changes.items():
        values[name] = values[name] | section if isinstance(section, dict) else section
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    assert main(["run", *told(folder)]) == 0
    return folder


def told(run: Path) -> list[str]:
    return ["--params", str(run / "params.yaml"), "--out", str(run / "out")]


def config(run: Path) -> Config:
    return Config.read(run / "params.yaml")


def found(run: Path) -> BottomLine:
    at = places([EVALUATIONS, RANKINGS], config(run), run / "out")
    evaluations = [at[EVALUATIONS] / name for name in config(run).recommenders]
    return bottom_line(evaluations, at[RANKINGS])


def own_pairs(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / f"{name}.csv", dtype={"user": str, "item": int})


def require_unseen(recommended: pd.DataFrame, items: int) -> None:
    """Of everybody so many, none of which the user has in any row of the file."""
    bought = shop().to_pandas()
    assert set(recommended["user"]) == set(bought["customer"])
    assert (recommended.groupby("user").size() == items).all()
    ranks = recommended.groupby("user")["rank"].apply(list)
    assert all(rank == list(range(1, items + 1)) for rank in ranks)
    had = set(zip(bought["customer"], bought["article"], strict=True))
    assert not had & set(zip(recommended["user"], recommended["item"], strict=True))


@pytest.mark.slow
def test_what_is_chosen_is_served_to_everybody(run: Path, capsys: Output) -> None:
    assert main(["serve", *told(run)]) == 0
    told_last = capsys.readouterr().out.splitlines()
    assert "trained on everything: 600 pairs of 60 users" in told_last[0]
    where = f"{run}/out/serving/recommendations.csv"
    assert told_last[1] == f"{where}: the best items of each of these users"
    served = run / "out" / "serving"
    assert read_json(served / "system.json") == found(run)["systems"][0]
    require_unseen(own_pairs(served, "recommendations"), 5)
    first = content_hash(served)
    assert main(["serve", *told(run)]) == 0
    assert content_hash(served) == first
    assert main(["serve", "--items", "3", *told(run)]) == 0
    require_unseen(own_pairs(served, "recommendations"), 3)


@pytest.mark.slow
def test_every_line_of_the_table_can_be_served(run: Path, tmp_path: Path) -> None:
    systems, files = found(run)["systems"], places(READS, config(run), run / "out")
    assert {system["recommender"] for system in systems} == {None, "ease", "mf"}
    for place, system in enumerate(systems):
        out = tmp_path / str(place)
        assert serve_system(system, files, out, config=config(run), items=5).pairs == 600
        require_unseen(own_pairs(out, "recommendations"), 5)
        assert (out / "adapter").is_dir() == (LANGUAGE_MODEL in system["variant"])
        added = arm_of(system) != ORIGINAL and system["recommender"] is not None
        assert (out / "interactions.csv").is_file() == added
        if added:
            require_all_and_more(own_pairs(out, "interactions"))


@pytest.mark.slow
def test_who_trains_on_what_is_handed_over_gets_the_same(run: Path, tmp_path: Path) -> None:
    systems, files = found(run)["systems"], places(READS, config(run), run / "out")
    wanted = [s for s in systems if s["recommender"] == "ease" and arm_of(s) != ORIGINAL]
    plain = next(system for system in wanted if system["variant"] == arm_of(system))
    serve_system(plain, files, tmp_path / "out", config=config(run), items=5)
    tables = [pq.read_table(tmp_path / f"out/{name}.parquet") for name in (LEARNT, RECOMMENDATIONS)]
    user, item = (tables[0][name].to_numpy() for name in ("user", "item"))
    original = tables[0]["origin"].to_numpy() == "original"
    elsewhere = EASE(config(run).ease, 0, "cpu")
    elsewhere.learn(Interactions(user, item, 60, 40))
    seen = Interactions(user[original], item[original], 60, 40)
    expected = elsewhere.recommend(np.arange(60, dtype=np.int32), 5, seen)
    assert (tables[1]["item"].to_numpy().reshape(60, 5) == expected).all()


def require_all_and_more(learnt: pd.DataFrame) -> None:
    bought = shop().to_pandas()
    original = learnt[learnt["origin"] == "original"]
    assert sorted(zip(original["user"], original["item"], strict=True)) == sorted(
        zip(bought["customer"], bought["article"], strict=True)
    )
    generated = learnt[learnt["origin"] == "generated"]
    assert (generated.groupby("user").size() == 3).all()  # three to ten
    assert not learnt.duplicated(["user", "item"]).any()


@pytest.mark.slow
def test_what_cannot_be_served(run: Path, tmp_path: Path, capsys: Output) -> None:
    for words, said in (
        (["bpr"], "there is nothing to serve named 'bpr'; expected one of best"),
        (["--items", "0"], "0 items for each user; expected at least 1"),
    ):
        assert main(["serve", *words, *told(run)]) == 2
        assert said in capsys.readouterr().err
    elsewhere = ["--params", str(run / "params.yaml"), "--out", str(tmp_path / "none")]
    assert main(["serve", *elsewhere]) == 2
    assert "expected a finished run; run the whole flow first" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


@pytest.mark.slow
def test_other_parameters_than_those_of_the_verdict(
    run: Path, tmp_path: Path, capsys: Output
) -> None:
    """How much is done at a time is none of them."""
    values = yaml.safe_load((run / "params.yaml").read_text())
    for section, key, value, said in (
        ("ease", "l2", 1.0, "`controls`"),
        ("filter", "max_ratio", 0.1, "`augment`"),
        ("adapter", "steps", 5, "`adapter`"),
        ("evaluation", "workers", 2, None),
    ):
        other = tmp_path / "params.yaml"
        other.write_text(yaml.safe_dump(values | {section: values[section] | {key: value}}))
        code = main(["serve", "ease", "--params", str(other), "--out", str(run / "out")])
        err = capsys.readouterr().err
        assert code == (0 if said is None else 2), err
        if said:
            assert f"the parameters of the stage {said} have changed since it was run" in err


@pytest.mark.slow
def test_what_came_since_the_verdict_is_learnt(run: Path, tmp_path: Path, capsys: Output) -> None:
    """With somebody who has too little."""
    grown = shutil.copytree(run, tmp_path / "grown")
    rows = shop().to_pandas()
    new = rows[rows["customer"] == "c0"].assign(customer="new")
    odd = rows.head(1).assign(customer="odd", article=999)
    pd.concat([rows, new, odd]).to_parquet(grown / "shop.parquet")
    text = (grown / "params.yaml").read_text().replace(str(run), str(grown))
    (grown / "params.yaml").write_text(text)
    shutil.rmtree(grown / "out" / ".stamps")  # of another place
    assert main(["serve", "ease", *told(grown)]) == 0
    said = capsys.readouterr().out
    assert "trained on everything: 610 pairs of 61 users" in said
    assert "1 user has too little in the catalogue" in said
    recommended = own_pairs(grown / "out" / "serving", "recommendations")
    assert "new" in set(recommended["user"])
    assert "odd" not in set(recommended["user"])


@pytest.mark.slow
def test_more_items_than_were_generated(run: Path) -> None:
    assert main(["serve", "language_model", "--items", "25", *told(run)]) == 0
    require_unseen(own_pairs(run / "out" / "serving", "recommendations"), 25)


@pytest.mark.slow
def test_a_killed_serve_ends_with_the_same_bytes(run: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "llm4idrec", "serve", "language_model", *told(run)]
    environment = os.environ | {"PYTHONPATH": str(REPO)}
    subprocess.run(command, check=True, capture_output=True, env=environment)
    served = run / "out" / "serving"
    assert not (run / "out" / ".serving.resumable").exists()
    whole = content_hash(served)
    shutil.rmtree(served)
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment) as process:
        while not (run / "out" / ".serving.resumable" / "adapter").exists():
            assert process.poll() is None
            time.sleep(0.005)
        process.kill()
    assert not served.exists()
    subprocess.run(command, check=True, capture_output=True, env=environment)
    assert content_hash(served) == whole
