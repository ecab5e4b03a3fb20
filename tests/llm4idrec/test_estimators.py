"""The recommenders as estimators for frames."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone  # type: ignore[import-untyped]

from llm4idrec import estimators
from llm4idrec.api.examples import shop
from llm4idrec.config.recommenders import SETTINGS
from llm4idrec.errors import InputError
from llm4idrec.estimators import EASE, IALS, MF, Estimator, SASRec
from llm4idrec.recommenders.registry import RECOMMENDERS

NAMES: dict[str, Any] = {"user": "customer", "item": "article", "timestamp": "bought_at"}
TINY = {"max_epochs": 2, "embedding_size": 16, "heads": 2, "clusters": 2, "leaf_size": 10}
ALL = [getattr(estimators, name) for name in estimators.__all__ if name != "Estimator"]


@pytest.fixture(scope="module")
def bought() -> pd.DataFrame:
    frame: pd.DataFrame = shop().to_pandas()
    return frame


def tiny(kind: type[Estimator]) -> Estimator:
    known = inspect.signature(kind).parameters
    return kind(**{name: value for name, value in TINY.items() if name in known})


def test_there_is_one_for_each_recommender() -> None:
    assert {kind.__name__: kind.kind for kind in ALL} == {
        kind.__name__: kind for kind in RECOMMENDERS.values()
    }
    assert all(getattr(estimators, kind.__name__) is kind for kind in ALL)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_settings_are_those_of_the_parameters(name: str) -> None:
    kind = getattr(estimators, RECOMMENDERS[name].__name__)
    defaults = {n: p.default for n, p in inspect.signature(kind).parameters.items()}
    settings = SETTINGS[name]()
    assert defaults.items() >= settings.model_dump().items()
    assert all(f"    {setting}: " in kind.__doc__ for setting in defaults)
    assert kind().get_params() == defaults


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_each_learns_and_recommends(kind: type[Estimator], bought: pd.DataFrame) -> None:
    model = clone(tiny(kind)).fit(bought, **NAMES)
    found = model.recommend(pd.Series(["c7", "c2"]), k=3)
    assert found["customer"].tolist() == ["c7"] * 3 + ["c2"] * 3
    assert found["rank"].tolist() == [1, 2, 3] * 2
    assert found["article"].dtype == bought["article"].dtype
    assert found.merge(bought, on=["customer", "article"]).empty
    assert pickle.loads(pickle.dumps(model)).recommend(["c7", "c2"], k=3).equals(found)


@pytest.mark.parametrize("kind", [EASE, IALS])
def test_items_are_of_the_customers_taste(kind: type[Estimator], bought: pd.DataFrame) -> None:
    customers = bought["customer"].unique()
    found = kind(seed=1).fit(bought, **NAMES).recommend(customers, k=5)
    odd = found["customer"].str[1:].astype(int) % 2 == 1
    assert ((found["article"] >= 20) == odd).all()


def test_what_is_left_ends_the_list() -> None:
    frame = pd.DataFrame({"u": ["a", "a", "b", "b", "c"], "i": [1, 2, 2, 3, 3]})
    found = EASE().fit(frame, user="u", item="i").recommend(["a", "c"], k=9)
    assert found[found["u"] == "a"]["i"].tolist() == [3]
    assert sorted(found[found["u"] == "c"]["i"]) == [1, 2]


def test_parameters_are_as_scikit_learn_has_them() -> None:
    model = IALS(alpha=3.0)
    assert model.get_params()["alpha"] == 3.0
    assert model.set_params(alpha=4.0, seed=1) is model
    assert repr(clone(model)) == "IALS(alpha=4.0, seed=1)"


def test_epochs_are_chosen_by_what_is_held_out_and_all_is_learnt(bought: pd.DataFrame) -> None:
    chosen = MF(embedding_size=8, max_epochs=40).fit(bought, **NAMES)
    epochs = chosen.training_.best_epoch
    assert 1 <= epochs <= 40
    given = MF(embedding_size=8, max_epochs=40, epochs=epochs).fit(bought, **NAMES)
    customers = bought["customer"].unique()
    assert given.recommend(customers).equals(chosen.recommend(customers))
    assert given.training_.scores == {}


def test_without_a_time_epochs_are_chosen_too(bought: pd.DataFrame) -> None:
    model = MF(embedding_size=8, max_epochs=5).fit(bought, user="customer", item="article")
    assert 1 <= model.training_.best_epoch <= 5


def test_the_callers_random_numbers_are_left_alone(bought: pd.DataFrame) -> None:
    import torch

    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index]
    tiny(estimators.P5).fit(bought, **NAMES)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()  # type: ignore[index]


def test_users_that_were_not_learnt(bought: pd.DataFrame) -> None:
    model = EASE().fit(bought, **NAMES)
    with pytest.raises(InputError, match=r"2 of 3 users were not learnt \('x', 'y'\)"):
        model.recommend(["x", "c1", "y"])


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"l3": 1.0}, "unknown key `l3`"),
        ({"l2": -1.0}, "`l2` is -1.0"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        EASE(**settings)
    model = EASE()
    with pytest.raises(InputError, match=sentence):
        model.set_params(**settings)
    assert model.get_params() == EASE().get_params()


def test_what_has_no_order_cannot_be_continued(bought: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="the interactions have no time"):
        SASRec().fit(bought, user="customer", item="article")


def test_before_it_is_fitted() -> None:
    with pytest.raises(InputError, match="this EASE has learnt nothing; call `fit`"):
        EASE().recommend(["c1"])
