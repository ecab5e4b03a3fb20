"""What a loaded version answers, to whom."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from llm4idrec.config import Config
from llm4idrec.errors import InputError
from llm4idrec.generation.generator import Generation, generate_candidates
from tests.pipelines.conftest import SERVED, Workshop, clear_registry, make_artifacts


@pytest.mark.slow
def test_a_version_answers_as_the_generator_did_in_own_ids(workshop: Workshop) -> None:
    """One user of the train set, whose items are shown in time order, so without a draw."""
    workshop.register({"mf": 0.1}, lists={"order": "time"})
    config, train = workshop.config, Path("artifacts/train/interactions.parquet")
    lists = config.lists.model_copy(update={"order": "time"})
    generation = Generation(
        train, Path("artifacts/base_model"), Path("artifacts/adapter"),
        config.generation, lists, seed=config.seed, device="cpu",
    )  # fmt: skip
    generate_candidates(generation, Path("generated"), threads=1)
    expected = pq.read_table("generated/shard-00000.parquet").to_pandas()
    expected = expected[expected["user"] == 0]
    items = pq.read_table("artifacts/identifiers/items.parquet")["id"].to_pylist()
    pairs = pq.read_table(train).to_pandas()
    history = [items[item] for item in pairs.loc[pairs["user"] == 0, "item"]]

    model = mlflow.pyfunc.load_model(SERVED)
    found = model.predict(pd.DataFrame({"user": ["me"], "items": [history]}))

    assert list(found.columns) == ["user", "item", "rank", "votes", "mean_log_probability"]
    assert found["item"].tolist() == [items[item] for item in expected["item"]]
    np.testing.assert_allclose(
        found["mean_log_probability"], expected["mean_log_probability"], rtol=1e-5
    )
    assert found["votes"].tolist() == expected["votes"].tolist()


def test_an_answer_does_not_depend_on_who_else_is_asked_about(workshop: Workshop) -> None:
    workshop.register({"mf": 0.1})
    model = mlflow.pyfunc.load_model(SERVED)
    histories = {"zoe": ["m3", "m1", "m4"], "adam": ["m2", "m5", "m8"], "eve": ["m3", "m1", "m4"]}

    def answers(*users: str) -> pd.DataFrame:
        items = [histories[user] for user in users]
        found: pd.DataFrame = model.predict(pd.DataFrame({"user": users, "items": items}))
        return found.set_index("user")

    alone, together = answers("zoe"), answers("adam", "eve", "zoe")
    zoe, eve = (together.loc[[user]] for user in ("zoe", "eve"))
    assert alone["item"].tolist() == zoe["item"].tolist()
    column = "mean_log_probability"
    np.testing.assert_allclose(alone[column], zoe[column], rtol=1e-6)
    # The views are drawn for each user anew.
    shown_alike = np.isclose(alone[column], eve[column], rtol=1e-6)
    assert not shown_alike.all()


def test_items_in_another_spelling(workshop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    workshop.register({"mf": 0.1})
    model = mlflow.pyfunc.load_model(SERVED)
    frame = pd.DataFrame({"user": ["a", "b"], "items": [["m1.0", "m2.0"], ["m1.0"]]})
    assert not len(model.predict(frame))
    assert capsys.readouterr().err.splitlines()[0] == (
        "items that the catalogue does not have, left out: 3 ('m1.0', 'm2.0'); they match without "
        "a trailing `.0`: write them alike"
    )


def test_histories_of_anybody(workshop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    workshop.register({"mf": 0.1})
    model = mlflow.pyfunc.load_model(SERVED)
    histories = {7: ["m3", "m3", "m1"], 3: ["m9", "nothing we sell", "m2"]}
    frame = pd.DataFrame({"user": list(histories), "items": list(histories.values())})
    found = model.predict(frame)
    assert found["user"].unique().tolist() == [7, 3]
    for user, rows in found.groupby("user"):
        assert not set(rows["item"]) & set(histories[user])
        assert rows["item"].is_unique
        assert rows["rank"].tolist() == list(range(1, len(rows) + 1))
        assert rows["mean_log_probability"].is_monotonic_decreasing
    said = "items that the catalogue does not have, left out: 1 ('nothing we sell')\n"
    assert said in capsys.readouterr().err

    for users, items, sentence in [
        (["a", "a"], [["m1"], ["m2"]], "a user comes twice"),
        ([], [], "no user is given"),
    ]:
        with pytest.raises(InputError, match=sentence):
            model.predict(pd.DataFrame({"user": users, "items": items}))


def test_an_item_held_out_but_never_taken_in_train_is_not_in_the_catalogue(
    workshop: Workshop,
) -> None:
    identifiers = Path("artifacts/identifiers/items.parquet")
    table = pq.read_table(identifiers)
    extra = table.slice(0, 1).set_column(0, "id", [["held out only"]])
    pq.write_table(
        type(table).from_batches([*table.to_batches(), *extra.to_batches()]), identifiers
    )
    workshop.register({"mf": 0.1})
    model = mlflow.pyfunc.load_model(SERVED)
    assert model.predict(pd.DataFrame({"user": ["a"], "items": [["held out only"]]})).empty


def test_free_text_is_answered_with_new_items_only(workshop: Workshop) -> None:
    """`restrict: none` may say anything, items of the history too."""
    sample = {"method": "sample", "restrict": "none", "temperature": 2.0, "top_p": 1.0, "views": 8}
    workshop.register({"mf": 0.1}, generation=sample)
    model = mlflow.pyfunc.load_model(SERVED)
    history = [f"m{item}" for item in range(15)]
    found = model.predict(pd.DataFrame({"user": ["a"], "items": [history]}))
    assert len(found)
    assert not set(found["item"]) & set(history)
    assert set(found["item"]) <= {f"m{item}" for item in range(30)}
    assert found["rank"].tolist() == list(range(1, len(found) + 1))


def test_a_version_that_names_users_knows_its_own(
    workplace: Callable[..., Config], tmp_path: Path
) -> None:
    clear_registry()
    config = workplace(lists={"users": True})
    make_artifacts(config, tmp_path / "artifacts")
    Workshop(config).register({"mf": 0.1})
    model = mlflow.pyfunc.load_model(SERVED)
    found = model.predict(pd.DataFrame({"user": ["u9", "u4"], "items": [["m1"], ["m1"]]}))
    assert found["user"].unique().tolist() == ["u9", "u4"]
    by_user = [rows["mean_log_probability"].tolist() for _, rows in found.groupby("user")]
    assert by_user[0] != by_user[1]
    some = pd.DataFrame({"user": ["new", "u9"], "items": [["m1"], ["m1"]]})
    answer = model.predict(some)
    assert answer["user"].unique().tolist() == ["u9"]
    assert answer["item"].tolist() == found.loc[found["user"] == "u9", "item"].tolist()
    answer = model.predict(some, {"unknown": "popular"})
    assert answer["user"].unique().tolist() == ["new", "u9"]
    assert answer.loc[answer["user"] == "new", "votes"].unique().tolist() == [0]
    with pytest.raises(InputError, match="unknown is 'nonsense'; expected one of skip, popular"):
        model.predict(some, {"unknown": "nonsense"})
