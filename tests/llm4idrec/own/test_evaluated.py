"""A recommender of the user's own is compared, searched and tuned as those are that are here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from llm4idrec.__main__ import main
from llm4idrec.config.own import OwnConfig
from llm4idrec.config.recommenders import EASEConfig
from llm4idrec.errors import InputError
from llm4idrec.runtime.files import read_json
from tests.conftest import tiny_ratings, tiny_values
from tests.llm4idrec.own.recommenders import COSINES, EASES, TOGETHER
from tests.llm4idrec.two_tastes import CONTROLS, EVALUATION, REFIT, Files

MINE: dict[str, Any] = EASES | {"settings": {"l2": 10.0}}
FAILS_AT_THE_FIFTH = "printf x >> runs; [ -e mended ] || [ $(wc -c < runs) -lt 5 ] || exit 1; "


def figures(out: Path) -> dict[str, Any]:
    """What the validation and the test say."""
    tables = {name: pq.read_table(out / f"{name}.parquet") for name in ("per_user", "validation")}
    return {name: table.to_pydict() for name, table in tables.items()} | {
        name: read_json(out / f"{name}.json") for name in ("selection", "summary")
    }


def test_ease_as_a_function_is_ease(files: Files) -> None:
    """The same figures to the bit, of every arm, on validation and test."""
    ours = files.evaluate(REFIT, recommender="ease", settings=EASEConfig(l2=10), controls=CONTROLS)
    own = files.beside("own").evaluate(
        REFIT, recommender="mine", settings=OwnConfig(**MINE), controls=CONTROLS
    )
    assert figures(own) == figures(ours)


@pytest.mark.slow
@pytest.mark.parametrize("section", [COSINES, TOGETHER], ids=["program", "awk"])
def test_a_failure_is_gone_on_from(
    section: dict[str, Any], files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was trained before is not trained again; neither that nor workers shape a result."""
    monkeypatch.chdir(tmp_path)
    settings = OwnConfig(**section | {"command": FAILS_AT_THE_FIFTH + section["command"]})
    mended, runs = Path("mended"), Path("runs")
    mended.touch()
    whole = files.evaluate(recommender="mine", settings=settings)
    needed = runs.read_text()

    mended.unlink()
    runs.unlink()
    again = files.beside("again")
    with pytest.raises(InputError, match="ended with exit code 1; it said nothing"):
        again.evaluate(recommender="mine", settings=settings)
    assert not again.out.exists()
    assert not again.ledger.exists()
    mended.touch()
    two = EVALUATION.model_copy(update={"workers": 2})
    again.evaluate(two, recommender="mine", settings=settings)
    assert figures(again.out) == figures(whole)
    assert len(runs.read_text()) == len(needed) + 1


@pytest.mark.slow
def test_the_whole_flow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Settings are searched, the filter is tuned, and the report names it."""
    monkeypatch.chdir(tmp_path)
    Path("ratings.csv").write_text(tiny_ratings())
    params = tiny_values(
        tune_recommenders={"names": ["mine"], "trials": 3, "workers": 1},
        tune={"trials": 2, "together": 1, "workers": 1},
    )
    params |= {
        "recommenders": ["ease", "mine", "together"],
        "mine": MINE | {"search": {"l2": [1.0, 300.0]}},
        "together": TOGETHER,
    }
    Path("params.yaml").write_text(yaml.safe_dump(params))
    assert main(["run"]) == 0
    assert read_json(Path("artifacts/settings/mine.json"))["settings"].keys() == {"l2"}
    assert len(read_json(Path("artifacts/settings/trials.json"))) == 3
    rows = read_json(Path("artifacts/reports/comparison.json"))
    assert {row["recommender"] for row in rows} == {"ease", "mine", "together"}
    page = Path("artifacts/reports/comparison.html").read_text()
    assert "l2 " in page
    assert "together" in page
    assert main(["tune", "--recommender", "mine"]) == 0
    assert Path("artifacts/tuning/mine/params.yaml").is_file()
    capsys.readouterr()
    export = ["export", "--format", "selfrec_graph", "--to", "new", "--for", "other"]
    assert main(export) == 2
    assert "there is no recommender 'other'; expected one of pop" in capsys.readouterr().err
