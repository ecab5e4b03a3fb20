"""How names are written."""

from __future__ import annotations

from typing import get_args

from llm4idrec.config import ControlName
from llm4idrec.config.recommenders import SETTINGS
from llm4idrec.verdict.wording import RECOMMENDER_NAMES, SOURCE_NAMES


def test_every_recommender_has_a_name() -> None:
    assert RECOMMENDER_NAMES.keys() == SETTINGS.keys()


def test_every_control_has_a_name() -> None:
    assert SOURCE_NAMES.keys() == {"original", "augmented", *get_args(ControlName)}
