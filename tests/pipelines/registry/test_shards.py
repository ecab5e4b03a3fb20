"""Many users asked about by shards: what comes out, and what a kill leaves."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from llm4idrec.runtime.files import work_folder
from pipelines import run
from pipelines.registry import recommendations
from pipelines.registry.shards import Shards
from tests.pipelines.conftest import Workshop
from tests.pipelines.many_users import COMMAND, by_shards, write_histories

Output = pytest.CaptureFixture[str]


def test_shards_change_nothing(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, capfd: Output
) -> None:
    workshop.register({"mf": 0.1})
    write_histories(60)
    found, said = [], []
    for size in (1000, 61, 16, 7, 1):
        monkeypatch.setattr(recommendations, "SHARD_USERS", size)
        capfd.readouterr()
        assert run.main([*COMMAND, "--to", "out.csv", "--workers", "1"]) == 0
        found.append(pd.read_csv("out.csv"))
        told = capfd.readouterr()
        assert told.out.splitlines() == ["out.csv: 520 rows, for 52 of 61 users"]
        said.append([line for line in told.err.splitlines() if "left out" in line])
        assert [path.name for path in Path().glob(".out*")] == []
    for other in found[1:]:
        pd.testing.assert_frame_equal(other, found[0], check_exact=False, rtol=1e-5)
    assert said[0] == [
        "items that the catalogue does not have, left out: 20 ('new', 'strange')",
        "users not known, or without any item that the catalogue has, left out: 8 "
        "('v6', 'v13', 'v20', 'v27', 'v34', ...)",
        "users who have every item that could be proposed, left out: 1 ('omni')",
    ]
    assert said == [said[0]] * len(said)


@pytest.mark.parametrize("name", ["out.parquet", "out.jsonl", "out.tsv", "out.csv.gz"])
def test_every_format_has_all_shards(
    name: str, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.register({"mf": 0.1})
    write_histories(20)
    readers: dict[str, Callable[[str], pd.DataFrame]] = {
        ".parquet": pd.read_parquet,
        ".jsonl": lambda path: pd.read_json(path, lines=True),
        ".tsv": pd.read_table,
        ".gz": pd.read_csv,
    }
    frames = []
    for size in (1000, 6):
        monkeypatch.setattr(recommendations, "SHARD_USERS", size)
        assert run.main([*COMMAND, "--to", name, "--unknown", "popular", "--workers", "1"]) == 0
        frames.append(readers[Path(name).suffix](name))
    whole, in_parts = frames
    pd.testing.assert_frame_equal(in_parts, whole, check_exact=False, rtol=1e-5)
    assert frames[0]["user"].nunique() == 20


@pytest.mark.slow
def test_a_killed_run_goes_on_after_its_last_whole_shard(workshop: Workshop) -> None:
    """Killed between two shards, and with all of them before the output is there."""
    workshop.register({"mf": 0.1})
    write_histories(60)
    work, to = work_folder(Path("out.csv")), Path("out.csv")

    def recommend(name: str, kill: str = "") -> int:
        """Its exit code."""
        mark = Path.cwd() / f"{kill.replace('|', '').strip('/')}.mark"
        killed = {"KILL_AT": f"{name}|{kill}|{mark}"} if kill else {}
        return by_shards(8, "--workers", "1", "--to", name, **killed).returncode

    assert recommend("whole.csv") == 0
    assert recommend("out.csv", "shard-00002|1|after") == -signal.SIGKILL
    left = {file: file.stat().st_mtime_ns for file in work.glob("shard-*")}
    assert len(left) == 3
    assert not to.exists()
    assert recommend("out.csv", "/out.csv|1|before") == -signal.SIGKILL
    assert {file: file.stat().st_mtime_ns for file in left} == left
    assert len(list(work.glob("shard-*"))) == 8
    assert not to.exists()
    assert recommend("out.csv") == 0
    assert to.read_bytes() == Path("whole.csv").read_bytes()
    assert not list(Path().glob(".*out.csv*"))


def test_what_shapes_the_answer_makes_shards_anew(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.register({"mf": 0.1})
    write_histories(20)
    monkeypatch.setattr(recommendations, "SHARD_USERS", 8)
    real, asked = Shards.make, []

    def counted(self: Shards, number: int) -> int:
        asked.append(number)
        return real(self, number)

    monkeypatch.setattr(Shards, "make", counted)
    monkeypatch.setattr(recommendations, "forget_work", lambda *_: None)
    command = [*COMMAND, "--to", "out.csv", "--workers", "1"]
    assert run.main(command) == 0
    assert asked == [0, 1, 2]
    assert run.main(command) == 0
    assert asked == [0, 1, 2]
    for change in (["--items", "3"], ["--unknown", "popular"], []):
        asked.clear()
        assert run.main([*command, *change]) == 0
        assert asked == [0, 1, 2]
    asked.clear()
    write_histories(19)
    assert run.main(command) == 0
    assert asked == [0, 1, 2]
