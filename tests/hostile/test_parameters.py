"""`params.yaml` with values that mean nothing: refused with the key and what may stand there."""

from __future__ import annotations

import math
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from llm4idrec.config import Config
from tests.hostile.refusal import parameters, refused

BEYOND = 2**31
NAMES = [
    "",
    ".",
    "..",
    "../../etc/passwd",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "a\nb",
    "a\0b",
    "a b",
    "-a",
]
NAMES += [".hidden", "<script>alert(1)</script>", "a" * 101, "{user}", "a\u202eb", "a:b", "$(id)"]
WHOLE = ["seed", "data.min_history", "prompts.per_user", "generation.views", "filter.min_votes"]
WHOLE += ["base_model.hidden_size", "adapter.rank", "mf.max_epochs", "evaluation.workers"]
WHOLE += ["ials.embedding_size", "ials.iterations"]
REAL = ["adapter.alpha", "generation.temperature", "filter.max_ratio", "mf.l2", "ease.l2"]
REAL += ["base_model.learning_rate", "data.sample_users", "split.valid", "filter.agreement"]
REAL += ["ials.alpha", "ials.regularization"]
WORDS = ["data.format", "split.protocol", "base_model.kind", "generation.restrict", "device"]
SECTIONS = [
    "data",
    "split",
    "prompts",
    "base_model",
    "adapter",
    "generation",
    "filter",
    "mf",
    "tune",
]
TYPOS = {
    "sed": "seed",
    "datset": "dataset",
    "data.min_histroy": "data.min_history",
    "split.protocl": "split.protocol",
    "mf.learning-rate": "mf.learning_rate",
    "adapter.Rank": "adapter.rank",
    "generation.view": "generation.views",
    "evaluation.cutoff": "evaluation.cutoffs",
    "tune.trails": "tune.trials",
}
RENAMED = {
    "filter.popularity": "filter.popularity_exponents",
    "tune.popularity": "tune.popularity_exponent",
}
FOREIGN = ["__class__", "model_config", "data.__init__", "zzz", "mf.{user}", "data.a b", "x" * 3000]


def changed(key: str, value: Any) -> dict[str, Any]:
    values = deepcopy(parameters(user="user", item="item"))
    *path, last = key.split(".")
    section = values
    for name in path:
        section = section.setdefault(name, {})
    section[last] = value
    return values


def wrong_values() -> list[tuple[str, Any, str]]:
    cases: list[tuple[str, Any, str]] = [("dataset", name, "`dataset` is ") for name in NAMES]
    value: object
    for key in WHOLE:
        for value in (
            -1,
            -(10**19),
            BEYOND,
            10**19,
            1.5,
            math.inf,
            math.nan,
            "many",
            [1],
            {"a": 1},
        ):
            cases.append((key, value, f"`{key}` is "))
        cases.append((key, True, f"`{key}` is True; expected something else than true or false"))
    for key in REAL:
        for value in (-1, math.inf, -math.inf, math.nan, "1e999", "much", [1.0], {}, None):
            cases.append((key, value, f"`{key}` is "))
        cases.append((key, True, f"`{key}` is True; expected something else than true or false"))
    for key in WORDS:
        for value in ("", "CSV", "csv\n", 1, None, ["csv"], "x" * 100_000):
            cases.append((key, value, f"`{key}` is "))
    for key in SECTIONS:
        for value in (1, "all", [], [1]):
            cases.append((key, value, f"`{key}` is "))
    for name in ("", "slim", "../mf", "MF", "mf\n", "mf; rm -rf /"):
        cases.append(("recommenders", [name], "`recommenders.0`: "))
    cases += [
        ("recommenders", [], "`recommenders` is []; expected "),
        ("recommenders", "mf", "`recommenders` is 'mf'; expected "),
        ("recommenders", [["mf"]], "`recommenders.0` is ['mf']; expected "),
        (
            "filter.popularity_exponents",
            [math.inf],
            "`filter.popularity_exponents.0` is inf; expected ",
        ),
        (
            "filter.popularity_exponents",
            [1, True],
            "`filter.popularity_exponents` is [1, True]; expected something",
        ),
        ("filter.min_log_probability", -math.inf, "`filter.min_log_probability` is -inf; "),
        ("evaluation.amounts", [math.nan], "`evaluation.amounts.0` is nan; expected "),
        ("evaluation.amounts", [0.1, "x"], "`evaluation.amounts.1` is 'x'; expected "),
        ("evaluation.cutoffs", [0], "`evaluation.cutoffs.0` is 0; expected "),
        ("evaluation.cutoffs", [10**12], "`evaluation.cutoffs.0` is 1000000000000; expected "),
        ("tune.amount", [0.5, 0.5], "`tune.amount`: the first number must be below the second"),
        ("tune.amount", [0, 0.5, 1], "`tune.amount` is [0, 0.5, 1]; expected "),
        ("data.path", None, "`data.path` is None; expected "),
        ("data.path", ["a"], "`data.path` is ['a']; expected "),
        ("data.user", [5], "`data.user` is [5]; expected "),
        ("data.user", "", "`data`: format csv needs the column names"),
    ]
    return cases


def refused_values(values: Any, found: str, capsys: pytest.CaptureFixture[str], *more: str) -> None:
    Path("params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    refused(capsys, f"params.yaml: {found}", *more)


@pytest.mark.parametrize(
    ("key", "value", "found"),
    wrong_values(),
    ids=[f"{key}-{str(value)[:30]!r}" for key, value, _ in wrong_values()],
)
def test_wrong_value(key: str, value: Any, found: str, capsys: pytest.CaptureFixture[str]) -> None:
    refused_values(changed(key, value), found, capsys)


@pytest.mark.parametrize("key", TYPOS)
def test_a_key_that_is_misspelt(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = f"unknown key `{key}`; expected a key that the parameters know"
    refused_values(changed(key, 1), found, capsys, f"; did you mean `{TYPOS[key]}`?\n")


@pytest.mark.parametrize("key", RENAMED)
def test_a_key_that_has_a_new_name(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = f"unknown key `{key}`; expected a key that the parameters know"
    refused_values(changed(key, [0]), found, capsys, f"; it is now called `{RENAMED[key]}`\n")


def test_a_required_key_that_is_misspelt(capsys: pytest.CaptureFixture[str]) -> None:
    values = parameters(user="user", item="item")
    values["data"]["fromat"] = values["data"].pop("format")
    refused_values(values, "unknown key `data.fromat`; ", capsys, "; did you mean `data.format`?\n")


@pytest.mark.parametrize("key", FOREIGN, ids=[key[:20] for key in FOREIGN])
def test_a_key_that_is_like_none(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    refused_values(changed(key, 1), f"unknown key `{key[:80]}`; expected a key that", capsys)


@pytest.mark.parametrize("key", [1, None, 2.5])
def test_a_key_that_is_no_word(key: object, capsys: pytest.CaptureFixture[str]) -> None:
    values = parameters(user="user", item="item") | {key: 1}
    refused_values(values, f"unknown key `{key}`; expected a key that", capsys)


@pytest.mark.parametrize("key", ["seed", "dataset", "data", "split", "filter", "recommenders"])
def test_a_key_that_is_missing(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    values = parameters(user="user", item="item")
    del values[key]
    refused_values(values, f"key `{key}` is missing", capsys)


@pytest.mark.parametrize(
    "name", ["ml-latest-small", "a", "Ünïcode_1.0+x", "漢字", "a" * 100, "a..b"]
)
def test_names_that_may_be_file_names(name: str) -> None:
    values = parameters(user="user", item="item") | {"dataset": name}
    assert Config.parse(values).dataset == name
    Path(name).touch()
    assert Path(name).is_file()
