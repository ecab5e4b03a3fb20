"""A test set that somebody else has split off, and whose IDs the train set hardly knows."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from llm4idrec.__main__ import main
from llm4idrec.runtime.files import read_json
from tests.hostile.refusal import parameters

Pair = tuple[str, str]


def write(folder: Path, train: list[Pair], test: list[Pair], **data: object) -> None:
    for name, pairs in (("train.csv", train), ("test.csv", test)):
        lines = ["user,item", *(f"{user},{item}" for user, item in pairs)]
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    values = parameters(user="user", item="item")
    values["data"] |= {"path": ".", "train": "train.csv", "test": "test.csv", **data}
    Path("params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")


@pytest.fixture(autouse=True)
def _workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def split(train: list[Pair], test: list[Pair], **data: object) -> int:
    write(Path(), train, test, **data)
    return main(["prepare", "--out", "out"])


def pairs(user: str, item: str, users: range = range(40)) -> list[Pair]:
    """Each user with eight of thirty items, in the given spellings."""
    return [(user.format(u), item.format((7 * u + 3 * n) % 30)) for u in users for n in range(8)]


def others(user: str, item: str, users: range = range(40)) -> list[Pair]:
    """A pair a user that `pairs` has not."""
    return [(user.format(u), item.format((7 * u + 1) % 30)) for u in users]


REFUSED = {
    "leading zeros": (
        ("{:03}", "m{}"),
        ("{}", "m{}"),
        "test.csv: none of its 40 users is in train.csv: it has '0', '1', '2', ..., and that "
        "'000', '001', '002', ...; expected the train set's users; they match without leading "
        "zeros: write them alike",
    ),
    "a trailing .0": (("{}", "m{}"), ("{}.0", "m{}"), "they match without a trailing `.0`"),
    "a prefix": (("u{}", "m{}"), ("{}", "m{}"), "they match without what stands before the number"),
    "another prefix": (("user_{}", "m{}"), ("u{}", "m{}"), "without what stands before the number"),
    "a suffix": (("{}@shop", "m{}"), ("{}", "m{}"), "without what stands behind the number"),
    "several at once": (("u{:03}", "m{}"), ("{}.0", "m{}"), "they match as plain numbers"),
    "letter case": (("User{}x", "m{}"), ("USER{}x", "m{}"), "they match in small letters"),
    "an invisible character": (
        ("\u200b{}", "m{}"),
        ("{}", "m{}"),
        "they match without spaces, quotation marks and invisible characters",
    ),
    "items": (("{}", "{:04}"), ("{}", "{}"), "test.csv: none of its 30 items is in train.csv"),
    "nothing alike": (("{}", "m{}"), ("9{:05}", "m{}"), "see that both files mean the same users"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_test_set_in_another_spelling_is_refused(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    train, test, sentence = REFUSED[name]
    assert split(pairs(*train), others(*test)) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("test.csv: none of its ")
    assert sentence in said
    assert not Path("out/train").exists()


def test_swapped_columns_are_refused_though_numbers_meet_by_chance(
    capsys: pytest.CaptureFixture[str],
) -> None:
    swapped = [(item, user) for user, item in others("{}", "{}", range(100))]
    assert split(pairs("{}", "{}", range(100)), swapped) == 2
    said = capsys.readouterr().err
    assert said.startswith("test.csv: ")
    assert "they match if user and item change places" in said


def test_a_part_that_is_unknown_is_a_warning_with_figures(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert split(pairs("{:02}", "m{}"), others("{}", "m{}")) == 0
    assert capsys.readouterr().err == (
        "test.csv: 30 of its 40 users are in train.csv: it has '0', '1', '2', ..., and that '00', "
        "'01', '02', ...; they match without leading zeros: write them alike\n"
    )
    assert read_json(Path("out/train/summary.json"))["test_pairs_of_unknown_users"] == 10


def test_new_users_and_hashes_are_not_taken_for_misspelt(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert split(pairs("u{}", "m{}"), others("u{}", "m{}", range(30, 90))) == 0
    assert "; they match" not in capsys.readouterr().err


def test_some_new_users_are_normal(capsys: pytest.CaptureFixture[str]) -> None:
    assert split(pairs("u{}", "m{}"), others("u{}", "m{}", range(43))) == 0
    assert capsys.readouterr().err == ""


def test_a_k_core_without_the_test_users_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    train = pairs("u{}", "m{}") + [(f"short{n}", f"m{n}") for n in range(20)]
    test = [(f"short{n}", f"m{n + 1}") for n in range(20)]
    assert split(train, test, k_core=4, min_history=1) == 2
    assert capsys.readouterr().err == (
        "test.csv: the 4-core has none of its 20 users; expected most of them; lower data.k_core "
        "or raise data.sample_users\n"
    )
    assert split(train, test + others("u{}", "m{}", range(5)), k_core=4, min_history=1) == 0
    assert capsys.readouterr().err == "test.csv: the 4-core has 5 of its 25 users\n"


def test_short_histories_are_left_out_if_so_set(capsys: pytest.CaptureFixture[str]) -> None:
    short = [("short", "m1"), ("short", "m2"), ("single", "m1")]
    train = [*pairs("u{}", "m{}"), *short]
    assert split(train, others("u{}", "m{}"), min_history=3) == 2
    assert "user 'short' has 2 interactions" in capsys.readouterr().err
    assert split(train, others("u{}", "m{}"), min_history=3, drop_short_histories=True) == 0
    assert capsys.readouterr().err == ("data.drop_short_histories: 2 users with 3 pairs left out\n")
    summary = read_json(Path("out/train/summary.json"))
    assert summary["users_removed_by_min_history"] == 2
    assert summary["pairs_removed_by_min_history"] == 3
    assert summary["users"] == 40


def test_a_spelling_that_is_sure_is_told_however_few_it_makes_unknown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert split(pairs("{:02}", "m{}", range(8, 99)), others("{}", "m{}", range(8, 99))) == 0
    said = capsys.readouterr().err
    assert said.startswith("test.csv: 89 of its 91 users are in train.csv: ")
    assert said.endswith("they match without leading zeros: write them alike\n")


@pytest.mark.parametrize(("fresh", "code"), [(0, 2), (10, 0), (40, 0)])
def test_pairs_that_train_has_too(
    fresh: int, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    train = pairs("u{}", "m{}")
    assert split(train, train[:40] + others("u{}", "m{}", range(fresh)) * (fresh > 0)) == code
    said = capsys.readouterr().err
    assert said.startswith(
        f"test.csv: 40 of its {40 + fresh} pairs of known users are in train.csv too; "
    )
    assert ("leave them out of the train file" in said) is (code == 2)
