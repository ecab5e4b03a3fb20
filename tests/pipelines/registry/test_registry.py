"""A version: when it is a new one, what it holds, and where it can be loaded."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import mlflow
import pandas as pd
import pyarrow.parquet as pq
import pytest
from mlflow.tracking import MlflowClient

from llm4idrec.config import BaseModelConfig
from llm4idrec.data.protocol import write_protocol
from llm4idrec.errors import InputError
from llm4idrec.language_model.base_model import make_base_model
from llm4idrec.runtime.files import content_hash, read_json
from pipelines import run
from pipelines.registry.registry import CHALLENGER, MODEL
from pipelines.tools.dvc_internals import dvc_hash
from tests.pipelines.conftest import METRIC, SERVED, USERS, Workshop, register_as_it_is

REPO = Path(__file__).resolve().parents[3]


def version(number: str) -> dict[str, str]:
    return dict(MlflowClient().get_model_version(MODEL, number).tags)


@pytest.mark.slow
def test_the_same_files_are_the_same_version(workshop: Workshop) -> None:
    first = workshop.register({"mf": 0.1})
    second = workshop.register({"mf": 0.2})
    assert (first.number, second.number) == ("1", "2")
    again = workshop.register({"mf": 0.1})
    assert again == first
    client = MlflowClient()
    assert len(client.search_model_versions(f"name = '{MODEL}'")) == 2
    assert str(client.get_model_version_by_alias(MODEL, CHALLENGER).version) == "1"
    other = workshop.register({"mf": 0.1}, generation={"views": 3})
    assert other.number == "3"
    # What lies there of recommenders that are not compared is no part of it.
    Path("artifacts/evaluation/old").mkdir()
    assert workshop.register({"mf": 0.1}) == first


@pytest.mark.slow
def test_a_version_says_what_auto_has_become(workshop: Workshop) -> None:
    """It is that of a run in which the same was named."""
    named = workshop.register({"mf": 0.1})
    changes = {"split": {"protocol": "auto"}, "lists": {"order": "auto"}}
    write_protocol(Path("artifacts/train"), "random")
    taken = workshop.register({"mf": 0.1}, **changes)
    assert taken == named
    assert taken.tags["protocol"] == "random"
    assert json.loads(taken.tags["lists"])["order"] == "shuffled"
    write_protocol(Path("artifacts/train"), "leave_last_out")
    other = workshop.register({"mf": 0.1}, **changes)
    assert other.tags["protocol"] == "leave_last_out"
    assert json.loads(other.tags["lists"])["order"] == "time"
    card = MlflowClient().get_model_version(MODEL, other.number).description
    assert "leave_last_out split" in str(card)


@pytest.mark.slow
def test_evaluations_that_do_not_fit_are_named(workshop: Workshop) -> None:
    workshop.register({"mf": 0.1, "lightgcn": 0.1})
    files = [
        Path("artifacts/evaluation", name, "validation.parquet") for name in ("mf", "lightgcn")
    ]
    config = workshop.config
    table = pq.read_table(files[0])
    pq.write_table(table.rename_columns([*table.column_names[:3], "recall_at_5"]), files[0])
    with pytest.raises(InputError, match="evaluated by ndcg_at_5, recall_at_5; expected one"):
        register_as_it_is(config)
    files[1].unlink()
    with pytest.raises(InputError, match=r"lightgcn/validation.parquet: there is no such file"):
        register_as_it_is(config)


def test_a_version_says_what_it_is_made_of(workshop: Workshop) -> None:
    workshop.register({"mf": 0.1, "lightgcn": 0.02})
    tags = version("1")
    for name in ("train", "heldout", "adapter"):
        assert tags[f"md5.{name}"] == dvc_hash(Path("artifacts", name))
    assert tags["base_model.hash"] == f"md5 {dvc_hash(Path('artifacts/base_model'))}"
    assert tags["selection_metric"] == METRIC
    assert json.loads(tags["settings.mf"])["learning_rate"] == workshop.config.mf.learning_rate

    folder = Path(mlflow.artifacts.download_artifacts(f"models:/{MODEL}/1/artifacts"))
    assert {path.name for path in folder.iterdir()} == {
        "README.md",
        "adapter",
        "base_model",
        "identifiers",
        "validation",
    }
    assert not [p for p in folder.parent.rglob("*") if p.suffix in (".pkl", ".pickle", ".bin")]
    assert [path.name for path in (folder / "identifiers").iterdir()] == ["items.parquet"]
    kept = pq.read_table(folder / "validation/mf.parquet")
    assert kept.equals(pq.read_table("artifacts/evaluation/mf/validation.parquet"))


def test_the_card_has_the_figures_of_validation_and_test(workshop: Workshop) -> None:
    workshop.register({"mf": 0.1, "lightgcn": 0.0})
    card = Path(mlflow.artifacts.download_artifacts(f"models:/{MODEL}/1/artifacts/README.md"))
    text = card.read_text()
    assert MlflowClient().get_model_version(MODEL, "1").description == text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert rows == [
        "| recommender | set | original | augmented | gain | 95 % interval | p | verdict |",
        "| MF | validation | 0.5000 | 0.5500 | +10.0 % | +10.0 to +10.0 % | < 0.001 | helps |",
        "| LightGCN | validation | 0.5000 | 0.5000 | +0.0 % | +0.0 to +0.0 % | 1.000 "
        "| no difference worth having |",
        "| MF | test | 0.2500 | 0.2625 | +5.0 % | +4.0 to +6.0 % | 0.030 | helps |",
        "| LightGCN | test | 0.2500 | 0.2500 | +0.0 % | −1.0 to +1.0 % | 0.030 "
        "| no difference worth having |",
    ]
    tags, lora = version("1"), workshop.config.adapter
    for fact in (tags["md5.train"], tags["md5.heldout"], tags["md5.adapter"], "NDCG@5"):
        assert fact in text
    assert tags["base_model.hash"] in text
    assert f"rank {lora.rank}, alpha {lora.alpha:g}" in text


@pytest.mark.slow
def test_the_lines_of_the_card_run(workshop: Workshop) -> None:
    workshop.register({"mf": 0.1})
    assert run.main(["promote"]) == 0
    text = str(MlflowClient().get_model_version(MODEL, "1").description)
    code = text.partition("```python\n")[2].partition("```")[0].splitlines()
    assert len(code) == 3
    known: dict[str, object] = {}
    exec("\n".join(code[:2]), known)
    found = eval(code[2], known)
    assert list(found["user"].unique()) == ["anna"]


@pytest.mark.slow
def test_a_pretrained_base_model_is_named_and_not_copied(
    workshop: Workshop, tmp_path: Path
) -> None:
    frame = pd.DataFrame({"user": ["a"], "items": [["m1", "m2"]]})
    workshop.register({"mf": 0.1})
    compact = mlflow.pyfunc.load_model(SERVED).predict(frame)

    shutil.move("artifacts/base_model", tmp_path / "some-llm")
    reference = {"kind": "pretrained", "name": str(tmp_path / "some-llm")}
    make_base_model(
        Path("artifacts/train/interactions.parquet"), Path("artifacts/base_model"),
        BaseModelConfig.model_validate(reference),
        lists=workshop.config.lists, seed=1, device="cpu",
    )  # fmt: skip
    workshop.register({"mf": 0.1}, base_model=reference)
    tags = version("2")
    assert tags["base_model.name"] == "some-llm"
    assert tags["base_model.hash"] == f"sha256 {content_hash(tmp_path / 'some-llm')}"
    held = Path(mlflow.artifacts.download_artifacts(f"models:/{MODEL}/2/artifacts"))
    assert [path.name for path in (held / "base_model").iterdir()] == ["reference.json"]
    assert "The base model is not in here" in (held / "README.md").read_text()
    pd.testing.assert_frame_equal(mlflow.pyfunc.load_model(SERVED).predict(frame), compact)


@pytest.mark.slow
def test_a_champion_is_loaded_in_three_lines_where_nothing_else_is(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the folder of records was moved, by a process that has no code of ours."""
    old, new = tmp_path / "old", tmp_path / "new"
    monkeypatch.setenv("LLM4IDREC_STATE", str(old))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{old / 'mlflow.db'}")
    old.mkdir()
    workshop.register({"mf": 0.1})
    assert run.main(["promote"]) == 0
    shutil.move(old, new)

    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW", "ZENML"))}
    kept |= {"LLM4IDREC_STATE": str(new), "PYTHONPATH": str(REPO)}
    Path("new.csv").write_text("user,item\nanna,m3\nanna,unheard\nanna,m1\n")
    command = ["pipelines.run", "recommend", "--histories", "new.csv", "--to", "out.csv"]
    moved = subprocess.run(
        [sys.executable, "-m", *command], env=kept, capture_output=True, text=True, check=True
    )
    assert moved.stderr == (
        f"{new}: moved here from {old}; its absolute paths were rewritten\n"
        "items that the catalogue does not have, left out: 1 ('unheard')\n"
    )
    del kept["PYTHONPATH"]
    code = """
import mlflow, pandas
model = mlflow.pyfunc.load_model("models:/llm4idrec-adapter@champion")
found = model.predict(pandas.DataFrame({"user": ["anna"], "items": [["m3", "m1"]]}))
import json, llm4idrec
print(json.dumps([found["item"].tolist()[:10], llm4idrec.__file__]))
"""
    store = {"MLFLOW_TRACKING_URI": f"sqlite:///{new / 'mlflow.db'}"}
    plain = subprocess.run(
        [sys.executable, "-c", code],
        env=kept | store, cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "Warning" not in plain.stderr
    items, library = json.loads(plain.stdout.splitlines()[-1])
    assert items == pd.read_csv("out.csv")["item"].tolist()
    assert Path(library).is_relative_to(new)


@pytest.mark.slow
def test_the_validation_of_the_workshop_is_what_it_says(workshop: Workshop) -> None:
    """What the other tests take for granted."""
    workshop.register({"mf": 0.1})
    table = pq.read_table("artifacts/evaluation/mf/validation.parquet").to_pandas()
    means = table.groupby("variant")[METRIC].mean()
    assert means["language_model"] == pytest.approx(1.1 * means["original"], rel=1e-3)
    assert table["user"].nunique() == USERS
    assert read_json(Path("reports/comparison.json"))[0]["recommender"] == "mf"
