"""What parameters, machine and train set already decide is refused before any work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from llm4idrec import preflight
from llm4idrec.__main__ import main
from llm4idrec.config import Config
from llm4idrec.data.interactions import Interactions
from llm4idrec.data.protocol import write_protocol
from llm4idrec.errors import InputError

Workplace = Callable[..., Config]
NO_TIME = {"timestamp": None}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    **{
        name: ({"recommenders": ["mf", name], "data": NO_TIME}, "the interactions have no time; ")
        for name in ("sasrec", "bert4rec", "cl4srec", "lm", "p5", "cid")
    },
    "tuning a sequential one": (
        {"tune": {"recommenders": ["sasrec"]}, "data": NO_TIME},
        "the interactions have no time; ",
    ),
    "lists in time order": (
        {"lists": {"order": "time"}, "data": NO_TIME},
        "lists.order is time, and the interactions have none; ",
    ),
    "votes": ({"filter": {"min_votes": 3}}, "filter.min_votes is 3, more votes than a candidate "),
    "one view in time order": (
        {"filter": {"min_votes": 2}, "lists": {"order": "time"}},
        "filter.min_votes is 2, more votes than a candidate can get; expected at most 1, ",
    ),
    "one view in the time order of the split": (
        {"filter": {"min_votes": 2}, "lists": {"order": "auto"}, "split": {"protocol": "auto"}},
        "filter.min_votes is 2, more votes than a candidate can get; expected at most 1, ",
    ),
    "a T5 that is nowhere": (
        {"recommenders": ["p5"], "p5": {"name": "./models/t5"}},
        "T5 './models/t5' cannot be loaded (",
    ),
    "a folder that is no T5": (
        {"recommenders": ["cid"], "cid": {"name": "empty"}},
        "T5 'empty' cannot be loaded (",
    ),
    "a folder of another model": (
        {"recommenders": ["cid"], "cid": {"name": "llama"}},
        "T5 'llama' cannot be loaded (it is a llama)",
    ),
    "shares of everything": (
        {"split": {"valid": 0.5, "test": 0.5}},
        "split.valid + split.test is 1; expected less than 1; ",
    ),
    "a protocol without a time": (
        {"split": {"protocol": "global_time"}, "data": NO_TIME},
        "ratings.csv: split.protocol is global_time, but there is no time; ",
    ),
    "a base model that is nowhere": (
        {"base_model": {"kind": "pretrained", "name": "/models/llama"}},
        "base model '/models/llama' cannot be loaded (",
    ),
    "a folder that is no base model": (
        {"base_model": {"kind": "pretrained", "name": "empty"}},
        "empty: is not a Hugging Face model folder; expected a folder that holds config.json",
    ),
    "a hub that is not to be asked": (
        {"base_model": {"kind": "pretrained", "name": "smolm2"}},
        "base model 'smolm2' cannot be loaded (",
    ),
    "layers that are not there": (
        {"adapter": {"target_modules": ["q_prj"]}},
        "adapter.target_modules ['q_prj'] do not fit the base model; expected names among [",
    ),
    "a range without its start": (
        {"tune": {"recommenders": ["mf"], "min_votes": [2, 3]}},
        "`tune.min_votes` is [2, 3]; expected a range with 1, where the search starts",
    ),
    "memory": ({"memory": 0.01}, "`memory` is 0.01 GB, and "),
}


def changed(workplace: Workplace, changes: dict[str, Any]) -> None:
    sections = {key: value for key, value in changes.items() if isinstance(value, dict)}
    workplace(**sections)
    values = yaml.safe_load(Path("params.yaml").read_text()) | {
        key: value for key, value in changes.items() if key not in sections
    }
    Path("params.yaml").write_text(yaml.safe_dump(values))


@pytest.mark.parametrize("name", REFUSED)
def test_refused_before_the_data_are_read(
    name: str,
    workplace: Workplace,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changes, sentence = REFUSED[name]
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    changed(workplace, changes)
    Path("empty").mkdir()
    Path("llama").mkdir()
    Path("llama/config.json").write_text('{"model_type": "llama"}')
    for command in ("prepare", "run"):
        assert main([command]) == 2
        said = capsys.readouterr().err.splitlines()[-1]
        assert said.startswith(sentence)
    assert not Path("artifacts").exists()


def test_what_can_be_is_let_through(workplace: Workplace) -> None:
    config = workplace(filter={"min_votes": 2}, tune={"recommenders": ["mf", "sasrec"]})
    preflight.check_parameters(config)
    preflight.check_base_model(config)
    preflight.check_recommenders(config)


def test_a_catalogue_that_is_too_large_for_ease(workplace: Workplace, tmp_path: Path) -> None:
    config = workplace().model_copy(update={"recommenders": ("ease",)})
    user = np.repeat(np.arange(2, dtype=np.int32), 3)
    train = Interactions(user, np.tile(np.arange(3, dtype=np.int32), 2), 2, 10_000_000)
    train.write(tmp_path / "train.parquet")
    write_protocol(tmp_path, "random")
    with pytest.raises(InputError, match="EASE needs 800000"):
        preflight.check_train(config, tmp_path / "train.parquet")


def test_vectors_that_are_too_long_for_ials(workplace: Workplace, tmp_path: Path) -> None:
    config = workplace(ials={"embedding_size": 2**31 - 1})
    config = config.model_copy(update={"recommenders": ("ials",)})
    item = np.arange(3, dtype=np.int32)
    Interactions(0 * item, item, 1, 3).write(tmp_path / "train.parquet")
    write_protocol(tmp_path, "random")
    with pytest.raises(InputError, match=r"iALS needs .* lower ials\.embedding_size"):
        preflight.check_train(config, tmp_path / "train.parquet")


def test_users_too_few_items_for_a_prompt(
    workplace: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    workplace()
    lines = [f"u{user},m{(user + item) % 20},{item}" for user in range(20) for item in range(3)]
    Path("ratings.csv").write_text("\n".join(["user,item,time", *lines]) + "\n")
    assert main(["run"]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("no user has 3 items in the train")
    assert not Path("artifacts/base_model").exists()


def test_a_single_user_is_refused_at_the_split(
    workplace: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    workplace()
    lines = [f"u,m{item},{item}" for item in range(9)]
    Path("ratings.csv").write_text("\n".join(["user,item,time", *lines]) + "\n")
    assert main(["prepare"]) == 2
    assert "valid.parquet: holds items of one user only; " in capsys.readouterr().err
    assert not Path("artifacts/train").exists()
