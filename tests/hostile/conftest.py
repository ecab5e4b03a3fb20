"""A working folder with an earlier output, which no refusal may touch."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.hostile.refusal")

from tests.hostile.refusal import FILE  # noqa: E402


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    FILE.parent.mkdir()
    kept = Path("out/raw/train.parquet")
    kept.parent.mkdir(parents=True)
    kept.write_text("an earlier output")
    return tmp_path
