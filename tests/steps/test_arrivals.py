"""Great Expectations says of a night what the library says without it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from llm4idrec.errors import InputError
from llm4idrec.replay.arrivals import Arrivals, arrivals_validation, require_plausible
from llm4idrec.runtime.files import read_json
from steps.validation import validate
from tests.llm4idrec.replay.nights import Shop, shuffled, with_column, with_rows


@pytest.mark.slow
@pytest.mark.parametrize(("n_before", "checks"), [(8, 7), (0, 1)])
def test_an_ordinary_night(tmp_path: Path, n_before: int, checks: int) -> None:
    *before, tonight = Shop(seed=1).nights(n_before + 1)
    validate(arrivals_validation(tonight, before), tmp_path / "docs")
    summary = read_json(tmp_path / "docs" / "summary.json")
    assert summary == require_plausible(tonight, before) | {"expectations_met": checks}
    assert (tmp_path / "docs" / "index.html").is_file()


def half(night: Arrivals) -> Arrivals:
    return with_rows(night, night.rows.slice(0, len(night.rows) // 2))


def twice(night: Arrivals) -> Arrivals:
    return with_rows(night, pa.concat_tables([night.rows, night.rows]))


def backwards(night: Arrivals) -> Arrivals:
    times = night.rows["timestamp"].to_numpy().copy()
    times[5] = 0
    return with_column(night, "timestamp", pa.array(times))


@pytest.mark.slow
@pytest.mark.parametrize("broken", [half, twice, backwards, shuffled])
def test_a_broken_night(tmp_path: Path, broken: Callable[[Arrivals], Arrivals]) -> None:
    *before, tonight = Shop(seed=1).nights(9)
    with pytest.raises(InputError) as of_library:
        require_plausible(broken(tonight), before)
    with pytest.raises(InputError) as of_tool:
        validate(arrivals_validation(broken(tonight), before), tmp_path / "docs")
    assert str(of_tool.value) == str(of_library.value)
    assert not (tmp_path / "docs").exists()
