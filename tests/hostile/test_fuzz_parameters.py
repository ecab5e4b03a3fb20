"""Any parameters are a configuration that comes back as it was, or a sentence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm4idrec.config import Config
from llm4idrec.config.yaml_file import read_yaml
from llm4idrec.errors import InputError
from tests.hostile.fuzzing import require_sentence, steady
from tests.hostile.refusal import FILE, parameters

WORDS = ["seed", "data", "path", "user", "filter", "min_votes", "mf", "<<", "a", "csv", "adapter"]
plain = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.dates()
    | st.sampled_from(WORDS)
)
keys = st.sampled_from(WORDS) | st.text(max_size=5) | st.integers() | st.none()
nested = st.recursive(
    plain, lambda part: st.lists(part, max_size=4) | st.dictionaries(keys, part, max_size=4)
)
known = st.sampled_from(
    [
        f"{name}.{key}"
        for name, part in Config.model_fields.items()
        for key in getattr(part.annotation, "model_fields", ()) or ("",)
        if key != "preset"
    ]
)


@pytest.mark.slow
@steady
@given(key=known, value=nested)
def test_parameters(key: str, value: Any) -> None:
    values = parameters(user="user", item="item")
    section, _, name = key.partition(".")
    if name:
        values.setdefault(section, {})[name] = value
    else:
        values[section] = value
    try:
        config = Config.parse(values, FILE)
    except InputError as error:
        require_sentence(error)
    else:
        assert Config.parse(config.model_dump(mode="json")) == config


@steady
@given(values=nested)
def test_parameters_that_are_anything(values: Any) -> None:
    with pytest.raises(InputError):
        Config.parse(values, FILE)


YAML = [
    "a",
    "b: ",
    "- ",
    "&a ",
    "*a",
    "<<: ",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "\n",
    "\n  ",
    "!!",
    "!!int ",
    "'",
    '"',
]
YAML += [
    "|",
    ">",
    "? ",
    ": ",
    "#",
    "%",
    "@",
    "---\n",
    "...\n",
    "1",
    "0x",
    ".inf",
    "2026-01-01",
    "~",
    "\t",
    "é",
    "\\",
]


@steady
@given(st.lists(st.sampled_from(YAML), max_size=30).map("".join) | st.text(max_size=50))
def test_yaml(text: str) -> None:
    FILE.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
    try:
        assert isinstance(read_yaml(FILE), dict)
    except InputError as error:
        require_sentence(error)
