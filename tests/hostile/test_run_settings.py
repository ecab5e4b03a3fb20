"""Run settings for `all --settings` that cannot be used."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from llm4idrec.errors import InputError
from pipelines.orchestration import run_settings
from tests.hostile.fuzzing import require_sentence, steady
from tests.hostile.refusal import FILE
from tests.hostile.test_yaml import LAUGHS, MERGES, TAGS

CASES: dict[str, tuple[str, str, int | None]] = {
    "nothing": ("", "holds no parameters", None),
    "a list": ("- steps\n", "holds no parameters", None),
    "a bracket": ("steps: [\n", "cannot be read as YAML (", 2),
    "billion laughs": (LAUGHS, "holds more than 100000 values", None),
    "billion merges": (MERGES, "holds more than 100000 values", None),
    "in itself": ("steps: &a {b: *a}\n", "holds more than 100000 values", None),
    "deep": ("steps: " + "[" * 5000, "cannot be read as YAML (nested too deeply)", None),
    "a key twice": ("steps: {}\nsteps: {}\n", "cannot be read as YAML (key 'steps' is there", 2),
    "an unknown key": ("stepz: {}\n", "unknown key `stepz`; expected one of ", None),
    "a key that is a number": ("1: {}\n", "unknown key `1`; expected one of ", None),
    "a template": ("{user}: {}\n", "cannot be read as YAML (found unhashable key)", 1),
    "steps of the wrong kind": ("steps: 5\n", "`steps`: ", None),
    "a step of the wrong kind": ("steps: {adapter: 5}\n", "`steps.adapter`: ", None),
    "a schedule of the wrong kind": ("schedule: 5\n", "`schedule`: ", None),
    "an unknown key of the schedule": (
        "schedule: {cron: 5}\n",
        "unknown key `schedule.cron`",
        None,
    ),
    "settings of the wrong kind": ("settings: [1]\n", "`settings`: ", None),
    "retries of the wrong kind": ("retry: many\n", "`retry`: ", None),
    "a truth that is none": ("enable_cache: perhaps\n", "`enable_cache`: ", None),
    "an endless number": (f"steps: {'9' * 5000}\n", "cannot be read as YAML (a number of 5000", 1),
} | {
    tag: (f"steps: {tag} [ls]\n", "cannot be read as YAML (could not determine", 1) for tag in TAGS
}


@pytest.mark.parametrize("name", CASES)
def test_refused(name: str) -> None:
    text, found, line = CASES[name]
    FILE.write_text(text)
    place = f"{FILE}: " if line is None else f"{FILE}, line {line}: "
    with pytest.raises(InputError) as caught:
        run_settings.read(FILE)
    assert str(caught.value).startswith(place + found)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["nothing", "folder", "pipe", "link to itself", "too long"])
def test_no_file(kind: str) -> None:
    path = Path("x" * 300) if kind == "too long" else FILE
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "link to itself":
        path.symlink_to(path.name)
    with pytest.raises(InputError, match="cannot be read as YAML"):
        run_settings.read(path)


KEYS = [
    "steps",
    "settings",
    "schedule",
    "docker",
    "adapter",
    "retry",
    "run_name",
    "tags",
    "model",
]
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda part: (
        st.lists(part, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS) | st.text(max_size=5) | st.integers(), part, max_size=3
        )
    ),
)


@steady
@given(st.dictionaries(st.sampled_from(KEYS), anything, max_size=3))
def test_any_values(values: dict[str, Any]) -> None:
    FILE.write_text(yaml.safe_dump(values), encoding="utf-8")
    try:
        run_settings.read(FILE)
    except InputError as error:
        require_sentence(error)
