"""`stacks/nightly.py` in a copy of the repository, night after night, with DVC and all else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pytest
import yaml

from llm4idrec.runtime.files import content_hash
from tests.conftest import tiny_values
from tests.llm4idrec.replay.year import DAY, year
from tests.tree import copy_tree

NIGHTLY = [sys.executable, "-m", "stacks.nightly"]
TABLE = year().select(["user", "item", "timestamp"])
"""100 rows a day; those of 2016-07-23 begin with the 500th."""


@dataclass(frozen=True)
class Shop:
    """A project whose interactions grow; `remote` is where DVC pushes to."""

    root: Path
    remote: Path

    def open(self) -> None:
        copy_tree(self.root)
        shutil.rmtree(self.root / "tests")
        replay = {"every": "day", "begin": "2016-07-23", "recommenders": ["itemknn"]}
        values = tiny_values(replay=replay, data={"timestamp": "timestamp", "min_history": 1})
        (self.root / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
        self.sell(TABLE.slice(0, 720))
        for command in (
            ("git", "init", "--quiet"),
            (sys.executable, "-m", "dvc", "remote", "add", "--quiet", "-d", "own", self.remote),
        ):
            subprocess.run(command, cwd=self.root, env=self.environment, check=True)

    @property
    def environment(self) -> dict[str, str]:
        """As cron's: no virtual environment on the path."""
        ours = ("LLM4IDREC", "ZENML", "MLFLOW", "PYTHONPATH")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        return kept | {"PATH": "/usr/bin:/bin"}

    def sell(self, rows: pa.Table) -> None:
        pyarrow.csv.write_csv(rows, self.root / "ratings.csv")

    def night(self, *fetch: str) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        done = subprocess.run(
            [*NIGHTLY, *fetch], cwd=self.root, env=self.environment, capture_output=True, text=True,
            check=False, timeout=500,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    @property
    def log(self) -> str:
        return (self.root / ".state/nightly.log").read_text()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """After its first night."""
    folder = tmp_path_factory.mktemp("nightly")
    shop = Shop(folder / "shop", folder / "remote")
    shop.open()
    assert shop.night("touch", "fetched") == (0, "lived: 2016-07-23, 2016-07-24\n", "")
    return shop


@pytest.mark.slow
def test_night_after_night(shop: Shop) -> None:
    lived = shop.root / "artifacts/replay/itemknn"
    assert (shop.root / "fetched").is_file()
    assert list(shop.remote.rglob("*.dir"))
    page = (shop.root / "reports/replay/itemknn.html").read_text()
    assert 'href="../validation/replay/itemknn/index.html"' in page
    assert (shop.root / "reports/validation/replay/itemknn/index.html").is_file()

    before = content_hash(lived), shop.log.count("replay itemknn: started")
    assert shop.night("true") == (0, "nothing new: no window has ended since\n", "")
    assert (content_hash(lived), shop.log.count("replay itemknn: started")) == before

    # A night was missed.
    shop.sell(TABLE.slice(0, 910))
    assert shop.night("true") == (0, "lived: 2016-07-25, 2016-07-26\n", "")
    pages = shop.root / "reports/validation/replay/itemknn/validations"
    days = [f"00{number} 2016-07-{22 + number}" for number in range(1, 6)]
    assert sorted(page.name for page in pages.iterdir()) == days[:4]

    # The file of 2016-07-27 is cut off.
    next_day = TABLE.slice(930, 10)
    times = pa.array(next_day["timestamp"].to_numpy() + DAY)
    shop.sell(pa.concat_tables([TABLE.slice(0, 930), next_day.set_column(2, "timestamp", times)]))
    code, out, told = shop.night("true")
    assert (code, out) == (1, "")
    assert told == (
        "window 2016-07-27 was refused: the night has 30 rows; expected 66 to 151, as the 4 nights "
        "before it; see whether the file is cut off or holds more than the night, and deliver it "
        "again\n"
    )
    assert sorted(page.name for page in pages.iterdir()) == [*days[:4], f"{days[4]} refused"]
    assert shop.night("true") == (0, "nothing new: no window has ended since\n", "")


@pytest.mark.slow
def test_what_fails_is_one_sentence(shop: Shop) -> None:
    log = shop.root / ".state/nightly.log"
    assert shop.night("sh", "-c", "echo no network; exit 3") == (
        1, "", f"`sh -c echo no network; exit 3` failed: no network (see {log})\n",
    )  # fmt: skip
    assert shop.night("./nowhere") == (
        1,
        "",
        "`./nowhere` cannot be run: No such file or directory\n",
    )
    table = shop.root / "ratings.csv"
    kept = table.read_text()
    table.write_text(kept + "u1,i1,yesterday\n")
    code, out, told = shop.night()
    table.write_text(kept)
    assert (code, out, told.count("\n")) == (1, "", 1)
    assert told.startswith("`dvc repro replay` failed: ratings.csv, line ")
    assert "yesterday" in told


@pytest.mark.slow
def test_two_nights_are_not_lived_at_once(shop: Shop) -> None:
    slow = ["sh", "-c", "touch begun; until [ -e end ]; do sleep .1; done; exit 1"]
    with subprocess.Popen(
        [*NIGHTLY, *slow], cwd=shop.root, env=shop.environment, stderr=subprocess.DEVNULL
    ) as first:
        while not (shop.root / "begun").exists():
            assert first.poll() is None
            time.sleep(0.05)
        code, out, told = shop.night()
        (shop.root / "end").touch()
    assert (code, out, told.count("\n")) == (1, "", 1)
    assert told.startswith("another night is being lived here")
