"""What docs/guide/own-recommender.md shows is what runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llm4idrec.config import Config
from llm4idrec.config.own import PLACEHOLDERS, OwnConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.own.recommender import OwnRecommender
from tests.conftest import tiny_values
from tests.llm4idrec.own.recommenders import AWK, MANUAL, PYTHON, REPO, SECTIONS

BLOCK, USERS = 6, 12


def two_blocks() -> Interactions:
    """Even users take all but one of the first items, odd ones of the others."""
    pairs = [
        (user, user % 2 * BLOCK + item)
        for user in range(USERS)
        for item in range(BLOCK)
        if item != user // 2
    ]
    user, item = np.array(pairs).T
    return Interactions(user, item, USERS, 2 * BLOCK)


def require_learnt(section: dict[str, Any]) -> None:
    """Everybody is recommended what is left of the block."""
    recommender = OwnRecommender(OwnConfig(**section), seed=3)
    train = two_blocks()
    recommender.fit(train)
    users = np.arange(USERS, dtype=np.int32)
    ranked = recommender.recommend(users, 1, train)
    assert ranked[:, 0].tolist() == [user % 2 * BLOCK + user // 2 for user in range(USERS)]


@pytest.mark.parametrize("sections", SECTIONS, ids=" ".join)
def test_every_section_is_valid(sections: dict[str, Any]) -> None:
    Config.parse(tiny_values() | sections)


def test_the_recipe_in_awk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("shop").mkdir()
    Path("shop/together.awk").write_text(AWK, encoding="utf-8")
    (section,) = (sections["together"] for sections in SECTIONS if "together" in sections)
    require_learnt(section)
    assert AWK.count("\n") <= 11


def test_the_recipe_in_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With as many singular vectors as there are tastes; what it learnt can be saved."""
    monkeypatch.chdir(tmp_path)
    Path("shop").mkdir()
    Path("shop/train.py").write_text(PYTHON.replace(":32]", ":2]"), encoding="utf-8")
    (section,) = (s["mine"] for s in SECTIONS if "--users" in s.get("mine", {}).get("command", ""))
    section = {**section, "command": section["command"].replace("python", sys.executable, 1)}
    require_learnt(section)
    recommender = OwnRecommender(OwnConfig(**section), seed=3)
    recommender.fit(two_blocks())
    recommender.save(tmp_path / "model")


def test_the_example_of_implicit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPO)
    function = "docs.examples.implicit_als:fit"
    (section,) = (
        sections["mine"]
        for sections in SECTIONS
        if sections.get("mine", {}).get("function") == function
    )
    require_learnt(section | {"settings": {"factors": 4, "regularization": 0.1, "alpha": 5.0}})


def test_every_example_and_placeholder_is_told() -> None:
    for file in (REPO / "docs/examples").glob("*.py"):
        assert f"`examples/{file.name}`" in MANUAL
    for name in PLACEHOLDERS:
        assert f"`{{{name}}}`" in MANUAL
