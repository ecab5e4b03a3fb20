"""`compare`: the verdict on a frame, as an object."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from llm4idrec import compare
from llm4idrec.__main__ import main
from llm4idrec.api.examples import SMALL, shop
from llm4idrec.api.verdict import Verdict
from llm4idrec.artifacts import COMPARISON
from llm4idrec.config.template import template
from llm4idrec.data.interactions import Interactions
from llm4idrec.errors import InputError

NAMES: dict[str, Any] = {"user": "customer", "item": "article", "timestamp": "bought_at"}
RECOMMENDERS = ["ials", "ease"]
SOME = {**SMALL, "evaluation": {**SMALL["evaluation"], "amounts": [0.3]}}


@pytest.fixture(scope="module")
def bought() -> pd.DataFrame:
    frame: pd.DataFrame = shop().to_pandas()
    return frame


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compare") / "kept"


@pytest.fixture(scope="module")
def verdict(bought: pd.DataFrame, kept: Path) -> Verdict:
    frame = bought.copy()
    found = compare(
        frame, **NAMES, recommenders=RECOMMENDERS, settings=SOME, progress=False, folder=kept
    )
    # What becomes of the frame later does not matter.
    frame[["customer", "article"]] = frame[["customer", "article"]].to_numpy()[::-1]
    return found


def test_it_says_what_the_command_prints(
    verdict: Verdict, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pq.write_table(shop(), tmp_path / "shop.parquet")
    values = yaml.safe_load(template())
    data = {"path": str(tmp_path / "shop.parquet"), "format": "parquet", **NAMES}
    for name, section in (SOME | {"data": SMALL["data"] | data}).items():
        values[name] = values[name] | section if isinstance(section, dict) else section
    file = tmp_path / "params.yaml"
    file.write_text(yaml.safe_dump(values | {"recommenders": RECOMMENDERS}), encoding="utf-8")
    assert main(["run", "--params", str(file), "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.endswith(f"{verdict}\n")


def test_its_parts(verdict: Verdict) -> None:
    assert str(verdict).startswith(verdict.bottom_line)
    assert repr(verdict) == f"<Verdict: {verdict.bottom_line}>"
    gains = verdict.gains
    assert isinstance(gains, pd.DataFrame)
    assert gains["recommender"].unique().tolist() == RECOMMENDERS
    assert "ndcg_at_20" in set(gains["metric"])
    relative = gains["augmented"] / gains["original"] - 1
    assert np.allclose(relative, gains["relative_gain"])


def test_in_a_notebook(verdict: Verdict) -> None:
    html = verdict._repr_html_()
    assert len(html) < 5000
    page = ElementTree.fromstring(f"<div>{html}</div>")  # what is not escaped does not parse
    assert page.findtext("p") == verdict.bottom_line
    assert [row.findtext("td") for row in page.iter("tr")][1:] == ["iALS", "EASE"]
    assert page.find(".//script") is None


def test_rows_that_were_added(verdict: Verdict, bought: pd.DataFrame, kept: Path) -> None:
    gains = verdict.gains.set_index("recommender")["amount"].groupby(level=0).first()
    known = Interactions.read(kept / "known" / "interactions.parquet")
    lengths = pd.read_parquet(kept / "identifiers" / "users.parquet").assign(
        length=known.history_lengths
    )
    users = pq.read_table(kept / "identifiers" / "users.parquet")["id"].to_pylist()
    items = pq.read_table(kept / "identifiers" / "items.parquet")["id"].to_pylist()
    for name, amount in gains.items():
        added = verdict.augmented(str(name))
        assert added.columns.tolist() == ["customer", "article", "rank", "origin"]
        assert added["article"].dtype == bought["article"].dtype
        expected = np.floor(amount * lengths["length"] + 0.5)
        counts = added["customer"].value_counts().reindex(lengths["id"]).fillna(0)
        assert counts.tolist() == expected.tolist()
        user = added["customer"].map(users.index).to_numpy()
        item = added["article"].map(lambda article: items.index(str(article))).to_numpy()
        assert not known.contains(user, item).any()
        ranks = added.groupby("customer")["rank"].apply(list)
        assert all(rank == list(range(1, len(rank) + 1)) for rank in ranks)
    assert gains.max() > 0, "nothing was looked at"


def test_what_to_serve(verdict: Verdict, bought: pd.DataFrame) -> None:
    """Learnt from all rows: nobody is shown what was held out for the test."""
    served = verdict.serve(progress=False)
    assert served.columns.tolist() == ["customer", "article", "rank"]
    assert served.dtypes["article"] == bought.dtypes["article"]
    assert served["customer"].unique().tolist() == bought["customer"].unique().tolist()
    assert served.groupby("customer")["rank"].apply(list).map(len).eq(20).all()
    assert len(served.merge(bought, on=["customer", "article"])) == 0
    assert verdict.serve("ease", items=3, progress=False)["rank"].max() == 3
    with pytest.raises(InputError, match="there is nothing to serve named 'mf'"):
        verdict.serve("mf", progress=False)


def test_a_recommender_that_was_not_compared(verdict: Verdict) -> None:
    with pytest.raises(InputError, match="'mf' was not compared; expected one of ials, ease"):
        verdict.augmented("mf")


def test_it_is_saved(verdict: Verdict, tmp_path: Path) -> None:
    verdict.save(tmp_path / "saved")
    page = tmp_path / "saved" / verdict.report.name
    assert not page.exists()
    page = tmp_path / "saved" / "reports" / "comparison.html"
    assert page.read_bytes() == verdict.report.read_bytes()


def test_a_call_with_the_same_arguments_goes_on(
    verdict: Verdict, bought: pd.DataFrame, kept: Path
) -> None:
    lines = (kept / "ledger" / "ease.jsonl").read_text().count("\n")
    table = (kept / COMPARISON.path).stat().st_mtime_ns
    (kept / "adapter" / "adapter_model.safetensors").unlink()
    again = compare(
        bought, **NAMES, recommenders=RECOMMENDERS, settings=SOME, progress=False, folder=kept
    )
    assert str(again) == str(verdict)
    assert (kept / "adapter" / "adapter_model.safetensors").is_file()
    assert (kept / COMPARISON.path).stat().st_mtime_ns == table
    assert (kept / "ledger" / "ease.jsonl").read_text().count("\n") == lines


def test_a_temporary_folder_lives_as_long_as_the_verdict(
    bought: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    found = compare(bought, **NAMES, recommenders=["ease"], settings=SMALL, progress=False)
    assert found.report.is_file()
    del found
    gc.collect()
    assert not list(tmp_path.iterdir())
