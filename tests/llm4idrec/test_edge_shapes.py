"""Data of an extreme shape: the whole flow ends, or one sentence says why it cannot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from llm4idrec.__main__ import main
from tests.conftest import tiny_values

Pairs = Iterable[tuple[str, str]]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def flow(pairs: Pairs, recommenders: tuple[str, ...] = ("mf", "lightgcn")) -> int:
    lines = [f"{user},{item},{time}" for time, (user, item) in enumerate(pairs)]
    Path("ratings.csv").write_text("\n".join(["user,item,time", *lines]) + "\n")
    values = tiny_values(data={"min_history": 1}) | {"recommenders": list(recommenders)}
    Path("params.yaml").write_text(yaml.safe_dump(values))
    return main(["run", "--out", "out"])


def everything(users: int, items: int) -> Pairs:
    return [(f"u{user}", f"m{item}") for user in range(users) for item in range(items)]


def with_long_history() -> Iterator[tuple[str, str]]:
    """A user of 10,000 items beside users of eight."""
    yield from (("long", f"m{item}") for item in range(10_000))
    yield from (
        (f"u{user}", f"m{(7 * user + item) % 40}") for user in range(40) for item in range(8)
    )


@pytest.mark.slow
def test_a_history_of_ten_thousand_items() -> None:
    assert flow(with_long_history()) == 0
    lengths = pq.read_table("out/train/interactions.parquet")["user"].value_counts()
    assert max(count.as_py() for count in lengths.field("counts")) == 7000
    assert Path("out/reports/comparison.html").is_file()


@pytest.mark.parametrize("recommenders", [("mf", "lightgcn"), ("ials",)], ids="+".join)
@pytest.mark.parametrize(
    ("users", "items"),
    [(30, 1), (1, 1), (1, 30), (30, 2)],
    ids=["one item", "one pair", "one user", "two items"],
)
def test_catalogues_and_users_of_one(
    users: int,
    items: int,
    recommenders: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = flow(everything(users, items), recommenders)
    said = capsys.readouterr().err.splitlines()
    assert code in (0, 2)
    if code == 2:
        assert "; expected " in said[-1]
        assert "Traceback" not in "".join(said)
    else:
        assert Path("out/reports/comparison.html").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("recommenders", [("mf", "lightgcn"), ("ials",)], ids="+".join)
def test_every_user_has_the_whole_catalogue(
    recommenders: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is left to generate, so nothing is added."""
    pairs = [(f"u{u}", f"m{(u + i) % 12}") for u in range(30) for i in range(12)]
    assert flow(pairs, recommenders) == 0
    augmented = pq.read_table("out/augmented/interactions.parquet")
    assert "nothing chosen" in capsys.readouterr().out
    train = pq.read_table("out/train/interactions.parquet")
    assert len(augmented) >= len(train)
