"""The spaces in which settings are searched."""

from __future__ import annotations

import pytest

from llm4idrec.config.recommenders import (
    SETTINGS,
    IALSConfig,
    SASRecConfig,
    SimGCLConfig,
    XSimGCLConfig,
)
from llm4idrec.config.search import SPACES, Between, OneOf, search_space, with_values


def test_every_recommender_has_one() -> None:
    assert SPACES.keys() == SETTINGS.keys()


@pytest.mark.parametrize("name", SETTINGS)
def test_all_of_it_is_valid_and_holds_the_defaults(name: str) -> None:
    section = SETTINGS[name]()
    assert search_space(name, section) == SPACES[name], "defaults outside of it, or wrong values"
    for key, kind in SPACES[name].items():
        for value in kind.values if isinstance(kind, OneOf) else kind:
            assert getattr(with_values(section, {key: value}), key) == value


def test_it_is_made_wider_where_a_section_is_outside() -> None:
    space = search_space("ials", IALSConfig(embedding_size=48, regularization=0.5, alpha=70))
    assert space == {
        "embedding_size": OneOf((32, 48, 64, 128, 256)),
        "regularization": Between(0.5, 200),
        "alpha": Between(1, 70),
    }


def test_values_that_do_not_go_together_with_the_section_are_left_out() -> None:
    sizes = search_space("sasrec", SASRecConfig(embedding_size=48, heads=3))["embedding_size"]
    assert sizes == OneOf((48,))


@pytest.mark.parametrize(("kind", "weight"), [(SimGCLConfig, 0.5), (XSimGCLConfig, 0.2)])
def test_the_papers_weight_of_the_contrast_is_in_it(
    kind: type[SimGCLConfig], weight: float
) -> None:
    (name,) = (name for name, its in SETTINGS.items() if its is kind)
    contrast = SPACES[name]["contrast"]
    assert isinstance(contrast, OneOf)
    assert weight in contrast.values
