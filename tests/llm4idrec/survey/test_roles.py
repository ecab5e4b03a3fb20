from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llm4idrec.errors import InputError
from llm4idrec.survey.finding import Finding, finding
from llm4idrec.survey.names import EXACTLY, OTHER, name_score
from tests.llm4idrec.survey.frames import iso, shoppers, text

ROWS = shoppers(by_time=True)
Values = dict[str, Callable[[dict[str, Any]], Any]]
USER: Values = {"user": lambda row: row["user"]}
ITEM: Values = {"item": lambda row: row["item"]}
TIME: Values = {"time": lambda row: row["time"]}


def found(tmp_path: Path, columns: Values, **wanted: str) -> Finding:
    path = tmp_path / "a.csv"
    path.write_text(text(ROWS, columns), encoding="utf-8")
    return finding(path, wanted)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        *((name, "user") for name in ("userId", "USER_ID", "user_id:token", "idUser", "users")),
        *((name, "user") for name in ("Kunden-Nr.", "customer_unique_id", "id_client", "会员ID")),
        *((name, "item") for name in ("movieId", "parent_asin", "StockCode", "articleId", "товар")),
        *((name, "timestamp") for name in ("created_at", "unixReviewTime", "Bestelldatum", "ts")),
        *((name, "rating") for name in ("Book-Rating", "stars", "Bewertung", "overall")),
        *((name, "event") for name in ("event_type", "behavior", "action_type", "行为类型")),
    ],
)  # fmt: skip
def test_usual_names_say_their_role(name: str, role: Any) -> None:
    assert name_score(name, role) > 0


@pytest.mark.parametrize("name", ["order_id", "price", "category_code", "invoice_no", "quantity"])
def test_other_names_speak_against_both_ids(name: str) -> None:
    assert name_score(name, "user") == name_score(name, "item") == OTHER


def test_a_name_that_is_the_word_is_worth_more_than_one_that_holds_it() -> None:
    assert name_score("user_id", "user") == EXACTLY > name_score("last_user_seen", "user") > 0


def test_columns_that_the_person_names_are_taken(tmp_path: Path) -> None:
    columns = USER | ITEM | {"seller": lambda r: r["item"] % 25} | TIME
    assert found(tmp_path, columns).data["item"] == "item"
    its = found(tmp_path, columns, item="seller", timestamp="none")
    assert (its.data["user"], its.data["item"], its.data["timestamp"]) == ("user", "seller", None)


def test_a_second_item_is_named_with_how_to_take_it(tmp_path: Path) -> None:
    columns = USER | {"product": ITEM["item"], "article": lambda r: r["item"] // 2} | TIME
    its = found(tmp_path, columns)
    assert its.data["item"] == "product"
    assert any("--item article" in remark for remark in its.remarks)


def test_columns_without_names_are_told_and_how_to_swap_them(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text(ROWS, USER | ITEM | TIME, header=False), encoding="utf-8")
    its = finding(path, {})
    assert (its.data["user"], its.data["item"]) == ("1", "2")
    assert any("--user 2 --item 1" in remark for remark in its.remarks)


def test_rows_of_a_user_that_stand_together_tell_who_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    columns = {"b": ITEM["item"], "a": USER["user"], "c": TIME["time"]}
    path.write_text(text(shoppers(), columns), encoding="utf-8")
    assert finding(path, {}).data["user"] == "a"


@pytest.mark.parametrize("form", ["%d.%m.%Y", "%m/%d/%Y %H:%M", "%Y/%m/%d", "%d %b %Y"])
def test_a_time_that_is_not_read_is_refused_and_not_passed_over(tmp_path: Path, form: str) -> None:
    columns = USER | ITEM | {"date": lambda row: iso(row["time"], form)}
    with pytest.raises(InputError, match=r"'date' seems to hold times.*--timestamp none"):
        found(tmp_path, columns)
    assert found(tmp_path, columns, timestamp="none").data["timestamp"] is None


def test_of_two_times_the_one_of_the_deed_is_taken(tmp_path: Path) -> None:
    columns = USER | ITEM | {"updated_at": TIME["time"], "created_at": TIME["time"]}
    its = found(tmp_path, columns)
    assert its.data["timestamp"] == "created_at"
    assert any("--timestamp updated_at" in remark for remark in its.remarks)


@pytest.mark.parametrize(
    "ids", [lambda n: f"0{n}19515{n}", lambda n: str(4_600_702_034_000 + 37 * n)]
)
def test_book_numbers_and_barcodes_are_no_times(tmp_path: Path, ids: Callable[[int], str]) -> None:
    its = found(tmp_path, USER | {"code": lambda row: ids(row["item"])})
    assert (its.data["item"], its.data["timestamp"]) == ("code", None)


def test_no_ids_no_guess(tmp_path: Path) -> None:
    columns: Values = {"price": lambda r: r["item"] / 8, "quantity": lambda r: r["stars"]}
    with pytest.raises(InputError, match=r"no two columns could be user and item.*--user COLUMN"):
        found(tmp_path, columns)


def test_a_name_and_its_number_are_not_two_sides(tmp_path: Path) -> None:
    columns = USER | {"name": lambda r: f"Ann {r['user']}"} | ITEM
    its = found(tmp_path, columns)
    assert (its.data["user"], its.data["item"]) == ("user", "item")


def test_a_column_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no column 'usr'; expected one of 'user', 'item'"):
        found(tmp_path, USER | ITEM, user="usr")


def test_ratings_all_count_and_it_is_said(tmp_path: Path) -> None:
    its = found(tmp_path, USER | ITEM | {"stars": lambda row: row["stars"]})
    assert its.data["min_rating"] is None
    (said,) = (remark for remark in its.remarks if "stars" in remark)
    assert "every row counts as a positive" in said
    assert "rating: stars, min_rating: 4" in said
    share = round(100 * sum(row["stars"] >= 4 for row in ROWS) / len(ROWS))
    assert f"({share} % of the rows)" in said


def test_equal_ratings_tell_nothing(tmp_path: Path) -> None:
    its = found(tmp_path, USER | ITEM | {"stars": lambda _: 5})
    assert "stars is 5 in every row: it tells nothing" in its.remarks
