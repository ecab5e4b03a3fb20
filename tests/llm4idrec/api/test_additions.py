"""`augment`: what a language model adds to a frame."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from llm4idrec import augment
from llm4idrec.api.examples import SMALL, shop
from llm4idrec.errors import InputError

NAMES: dict[str, Any] = {"user": "customer", "item": "article", "timestamp": "bought_at"}
LEARNING = {**SMALL, "base_model": {**SMALL["base_model"], "max_epochs": 60, "dropout": 0.0}}
"""Enough to tell the two tastes of the shop apart."""


def small(frame: Any, **changes: Any) -> Any:
    return augment(frame, **{**NAMES, "settings": SMALL, "progress": False, **changes})


@pytest.fixture(scope="module")
def bought() -> pd.DataFrame:
    frame: pd.DataFrame = shop().to_pandas()
    return frame


@pytest.fixture(scope="module")
def added(bought: pd.DataFrame) -> pd.DataFrame:
    found: pd.DataFrame = small(bought, settings=LEARNING)
    return found


def test_rows_are_new_and_ranked_in_the_order_of_the_frame(
    bought: pd.DataFrame, added: pd.DataFrame
) -> None:
    assert added.columns.tolist() == ["customer", "article", "rank", "origin"]
    assert added["customer"].dtype == bought["customer"].dtype
    assert added["article"].dtype == bought["article"].dtype
    assert added["customer"].unique().tolist() == bought["customer"].unique().tolist()
    # A quarter of ten, rounded half up, for everybody.
    assert added.groupby("customer")["rank"].apply(list).tolist() == [[1, 2, 3]] * 60
    assert set(added["origin"]) == {"generated"}


def test_all_that_is_given_is_known(bought: pd.DataFrame, added: pd.DataFrame) -> None:
    """Of half the items of a taste, what were held out would be proposed."""
    again = added.merge(bought, on=["customer", "article"])
    assert again.empty


def test_items_are_of_the_customers_taste(added: pd.DataFrame) -> None:
    number = added["customer"].str[1:].astype(int)
    assert ((added["article"] >= 20) == (number % 2 == 1)).mean() > 0.9


def test_the_amount(bought: pd.DataFrame) -> None:
    assert len(small(bought, amount=0.5)) == 60 * 5


def test_the_seed_decides(bought: pd.DataFrame) -> None:
    one, same, other = (small(bought, seed=seed) for seed in (1, 1, 2))
    assert one.equals(same)
    assert not one.equals(other)


def test_without_a_time(bought: pd.DataFrame) -> None:
    assert len(small(bought, timestamp=None)) == 60 * 3


def test_a_folder_keeps_what_is_done(bought: pd.DataFrame, tmp_path: Path) -> None:
    first = small(bought, folder=tmp_path / "kept")
    weights = tmp_path / "kept" / "adapter" / "adapter_model.safetensors"
    made = weights.stat().st_mtime_ns
    assert small(bought, folder=tmp_path / "kept").equals(first)
    assert weights.stat().st_mtime_ns == made
    small(bought, folder=tmp_path / "kept", settings=SMALL | {"adapter": {"rank": 3, "steps": 4}})
    assert weights.stat().st_mtime_ns != made


def test_progress_goes_to_stderr_or_nowhere(
    bought: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    small(bought)
    assert capsys.readouterr() == ("", "")
    small(bought, progress=True)
    said = capsys.readouterr()
    assert not said.out
    assert "60 users, 40 items, 600 interactions, of 600 rows" in said.err
    assert "adapter: " in said.err


REFUSED: dict[str, tuple[Mapping[str, Any], str]] = {
    "a key": ({"settings": {"adaptor": {"rank": 2}}}, "unknown key `adaptor`.*`adapter`"),
    "a key of a section": ({"settings": {"adapter": {"rnk": 2}}}, "unknown key `adapter.rnk`"),
    "a value": ({"settings": {"adapter": {"rank": 0}}}, "`adapter.rank` is 0"),
    "said twice": ({"settings": {"data": {"user": "x"}}}, "`settings` has `data.user`"),
    "no amount": ({"amount": 0}, "`filter.max_ratio` is 0"),
    "a core that is empty": ({"settings": {"data": {"k_core": 99}}}, "is left in the 99-core"),
    "one column for two": ({"item": "customer"}, "'customer' would stand for two things"),
    "no column": ({"user": "client"}, "column 'client' is not there"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(
    name: str, bought: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    changes, sentence = REFUSED[name]
    with pytest.raises(InputError, match=sentence):
        small(bought, **changes)
    assert not list(tmp_path.iterdir())


def test_a_fault_is_told_of_the_frame(bought: pd.DataFrame) -> None:
    faulty = bought.astype({"customer": object})
    faulty.loc[2, "customer"] = None
    with pytest.raises(InputError, match=r"^the frame, line 3: "):
        small(faulty)


def test_a_name_that_is_given_back_is_taken(bought: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="'rank' would stand for two things"):
        small(bought.rename(columns={"article": "rank"}), item="rank")
