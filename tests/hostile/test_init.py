"""Whatever a file holds, `init` sets it up or says one sentence and leaves nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from llm4idrec.__main__ import main
from llm4idrec.config import Config

FILE, PARAMS = Path("given/interactions"), Path("params.yaml")
CELLS = st.sampled_from(["1", "2", "x", "", "NULL", "1.5", "-3", "4,5", "2024-01-01", "1e999", '"'])
SEPARATORS = st.sampled_from([",", ";", "\t", "::", " ", "|", ": "])
TABLES = st.builds(
    lambda rows, separator: "\n".join(separator.join(row) for row in rows).encode(),
    st.lists(st.lists(CELLS, min_size=1, max_size=5), max_size=12),
    SEPARATORS,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=TABLES | st.binary(max_size=200) | st.text(max_size=60).map(str.encode))
@example(content=b"PAR1")
@example(content=b"x,\n1,1\n2,2")
@example(content=b"\x1f\x8b")
@example(content=b"{}\n{}\n")
@example(content=b'{"user": 1e999, "item": [1]}\n')
@example(content=b"user,item\n,\n")
@example(content=b",,\n,,\n")
@example(content=b"\xff\xfe")
@example(content=b"a,a\n1,2\n1,3\n2,2\n2,3\n")
def test_any_bytes(content: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    PARAMS.unlink(missing_ok=True)
    FILE.write_bytes(content)
    before = sorted(os.listdir())  # noqa: PTH208
    code = main(["init", str(FILE)])
    told = capfd.readouterr()
    if code == 0:
        assert Config.read(PARAMS).data.path == FILE
    else:
        assert code == 2
        assert told.out == ""
        assert told.err.startswith(str(FILE))
        assert told.err.count("\n") == 1
        assert sorted(os.listdir()) == before  # noqa: PTH208
