"""How names are written."""

from __future__ import annotations

import pytest

from llm4idrec.augmentation.arms import source_of
from llm4idrec.config.comparison import CONTROLS
from llm4idrec.config.recommenders import SETTINGS
from llm4idrec.verdict.wording import (
    RECOMMENDER_NAMES,
    SOURCE_NAMES,
    arm_name,
    listed,
    system_name,
    system_names,
    units_text,
    value_interval,
)
from tests.llm4idrec.verdict.rows import system


def test_every_recommender_has_a_name() -> None:
    assert RECOMMENDER_NAMES.keys() == SETTINGS.keys()


def test_every_arm_has_a_name_by_what_it_contains() -> None:
    arms = ("original", "language_model", *CONTROLS)
    assert SOURCE_NAMES.keys() == {source_of(arm) for arm in arms}
    names = [arm_name(arm) for arm in arms]
    assert len(set(names)) == len(names)
    assert arm_name("language_model+ease") == "language model + EASE"
    assert arm_name("base_model") == "base model without adapter"
    assert (arm_name("svd"), arm_name("svd+ease")) == ("SVD", "SVD + EASE")
    assert arm_name("language_model&ease") == "language model, fused with EASE"


@pytest.mark.parametrize(
    ("recommender", "variant", "name"),
    [
        ("ials", "original", "iALS"),
        ("ials", "original&ease", "iALS fused with EASE"),
        ("ials", "language_model", "iALS with items from the language model"),
        ("mf", "language_model+ease", "MF with items from the language model + EASE"),
        ("mf", "language_model&ease", "MF with items from the language model, fused with EASE"),
        ("mf", "svd", "MF with items from SVD"),
        ("mf", "base_model", "MF with items from the base model without adapter"),
        ("mf", "self+ease", "MF with its own best items + EASE"),
        (None, "language_model", "the language model's own ranking"),
        (None, "language_model&ease", "the language model's own ranking, fused with EASE"),
        (None, "base_model", "the base model's own ranking, without adapter"),
        (None, "sasrec", "SASRec"),
        (None, "popularity", "popular items"),
    ],
)
def test_a_system_is_named_by_what_is_served(
    recommender: str | None, variant: str, name: str
) -> None:
    assert system_name(system(variant, 0.1, of=recommender)) == name


def test_what_ranks_by_itself_is_told_from_a_recommender_of_that_name() -> None:
    systems = [system("sasrec", 0.3), system("original", 0.2, of="sasrec"), system("svd", 0.1)]
    assert system_names(systems) == ["SASRec, by itself", "SASRec", "SVD"]


def test_an_interval_of_values_has_a_true_minus() -> None:
    assert value_interval(-0.01, 0.1) == "\N{MINUS SIGN}0.0100 to 0.1000"


def test_lists_of_names() -> None:
    assert [listed(["a", "b", "c"][:n]) for n in (1, 2, 3)] == ["a", "a and b", "a, b and c"]
    assert units_text(1, 1) == "1 seed"
    assert units_text(5, 3) == "5 seeds in 3 runs"
