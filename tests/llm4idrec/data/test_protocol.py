"""What `auto` has become, as it stands beside the train interactions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from llm4idrec.config import Config, ListsConfig
from llm4idrec.data.protocol import (
    lists_foreseen,
    lists_taken,
    protocol_name,
    protocol_taken,
    write_protocol,
)
from llm4idrec.errors import InputError
from llm4idrec.flow import run_stage
from llm4idrec.language_model.prompt_files import read_prompts
from llm4idrec.stages import STAGES
from tests.conftest import tiny_values

Workplace = Callable[..., Config]


@pytest.mark.parametrize(
    ("protocol", "order"),
    [
        ("random", "shuffled"),
        ("user_time", "time"),
        ("leave_last_out", "time"),
        ("global_time", "time"),
    ],
)
def test_lists_follow_the_split(tmp_path: Path, protocol: str, order: str) -> None:
    write_protocol(tmp_path, protocol)
    assert protocol_taken("auto", tmp_path) == protocol
    assert lists_taken(ListsConfig(order="auto"), tmp_path).order == order
    for own in ("time", "shuffled"):
        lists = ListsConfig(order=own, words=True)
        assert lists_taken(lists, tmp_path) is lists


def test_what_is_not_auto_needs_no_file(tmp_path: Path) -> None:
    assert protocol_taken("user_time", tmp_path) == "user_time"
    with pytest.raises(InputError, match=r"protocol\.json: there is no such file; expected the"):
        protocol_taken("auto", tmp_path)


@pytest.mark.parametrize(
    ("split", "data", "order"),
    [
        ("random", {}, "shuffled"),
        ("leave_last_out", {}, "time"),
        ("auto", {}, "time"),
        ("auto", {"timestamp": None}, "shuffled"),
        ("auto", {"path": "set", "train": "a", "test": "b"}, None),
        ("auto", {"path": "set", "train": "a", "test": "b", "timestamp": None}, "shuffled"),
    ],
)
def test_before_the_split(split: str, data: dict[str, object], order: str | None) -> None:
    values = tiny_values(split={"protocol": split}, data=data, lists={"order": "auto"})
    lists = lists_foreseen(Config.parse(values))
    assert (lists and lists.order) == order


def test_a_given_test_is_named(tmp_path: Path) -> None:
    data = {"path": "set", "train": "a", "test": "b"}
    config = Config.parse(tiny_values(split={"protocol": "auto"}, data=data))
    write_protocol(tmp_path, "leave_last_out")
    assert protocol_name(config, tmp_path) == "leave_last_out, given test"


def test_prompts_are_in_the_order_of_the_split(workplace: Workplace) -> None:
    """The same bytes as where that order is named."""
    at, written = Path("artifacts"), []
    for order in ("auto", "time"):
        config = workplace(split={"protocol": "auto"}, lists={"order": order})
        for name in ("prepare", "prompts"):
            run_stage(STAGES[name], config, at)
        written.append(list(read_prompts(at / "prompts" / "prompts.jsonl")))
    assert protocol_taken("auto", at / "train") in ("user_time", "global_time")
    assert written[0] == written[1] != []
