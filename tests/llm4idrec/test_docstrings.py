"""The examples in docstrings are as they are shown."""

import doctest
import importlib
from pathlib import Path

import pytest

from tests.conftest import REPO

EXAMPLES = sorted(
    file.relative_to(REPO)
    for file in (REPO / "llm4idrec").rglob("*.py")
    if ">>> " in file.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("file", EXAMPLES, ids=str)
def test_examples(file: Path) -> None:
    module = importlib.import_module(".".join(file.with_suffix("").parts))
    found = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.attempted
    assert not found.failed
