"""Rules 2 and 3 of recommenders' settings: they are searched on the ORIGINAL train, by validation,
and are what is trained with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from llm4idrec.artifacts import HELDOUT, SETTINGS, TRAIN, Files
from llm4idrec.config import Config
from llm4idrec.data.interactions import Interactions
from llm4idrec.metrics.ranking import user_metrics
from llm4idrec.recommenders.item_based.itemknn import ItemKNN
from llm4idrec.runtime.files import read_json
from llm4idrec.stages.tune_recommenders import STAGE
from tests.conftest import tiny_values
from tests.evidence.test_rule_3_chosen_on_validation import other_test_set
from tests.llm4idrec.two_tastes import write_files

CUTOFF = 4


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """With an augmented table, as beside the train set of a run: it holds validation pairs."""
    made = write_files(tmp_path / "made")
    train = Interactions.read(made.inputs().train / "interactions.parquet")
    valid = Interactions.read(made.heldout / "valid.parquet")
    at = {name: tmp_path / name.name for name in (TRAIN, HELDOUT, SETTINGS)}
    train.write(at[TRAIN] / "interactions.parquet")
    augmented = train.union(valid.user, valid.item, None)
    augmented.write(tmp_path / "augmented" / "interactions.parquet")
    made.heldout.rename(at[HELDOUT])
    return at


@pytest.fixture
def config() -> Config:
    values = tiny_values(
        tune_recommenders={"names": ["itemknn", "mf"], "trials": 3, "workers": 1},
        itemknn={"neighbours": 3},
        mf={"max_epochs": 3},
        evaluation={"cutoffs": [CUTOFF]},
    )
    return Config.parse(values | {"recommenders": ["itemknn", "mf"]})


def test_settings_are_searched_on_the_original_train(files: Files, config: Config) -> None:
    """By hand: what the section as it is and what was found are worth on validation."""
    STAGE.run(files, config)
    found = read_json(files[SETTINGS] / "itemknn.json")
    train = Interactions.read(files[TRAIN] / "interactions.parquet")
    valid = Interactions.read(files[HELDOUT] / "valid.parquet")
    users = np.unique(valid.user).astype(np.int32)
    worth = []
    for settings in (config.itemknn, config.with_settings(files[SETTINGS]).itemknn):
        recommender = ItemKNN(settings)
        recommender.learn(train)
        ranked = recommender.recommend(users, CUTOFF, train)
        metrics = user_metrics(ranked, users, valid, cutoffs=[CUTOFF])
        worth.append(metrics[f"ndcg_at_{CUTOFF}"].mean())
    assert worth == [found["default_validation"], found["validation"]]


def test_the_test_set_shapes_no_settings(files: Files, config: Config) -> None:
    names = ("itemknn.json", "mf.json", "trials.json", "summary.json")
    written = []
    for _ in range(2):
        STAGE.run(files, config)
        written.append([(files[SETTINGS] / name).read_bytes() for name in names])
        other_test_set(files[HELDOUT] / "test.parquet")
    assert written[0] == written[1]


def test_the_settings_that_were_found_are_trained_with(files: Files, config: Config) -> None:
    """Those of a file: they are not the section's, which a search may find best too."""
    STAGE.run(files, config)
    file = files[SETTINGS] / "itemknn.json"
    text = file.read_text().replace('"neighbours": ', '"neighbours": 1')
    file.write_text(text)
    assert config.with_settings(files[SETTINGS]).itemknn.neighbours >= 10


def test_the_search_begins_with_the_settings_as_they_are(files: Files, config: Config) -> None:
    STAGE.run(files, config)
    first = next(
        trial
        for trial in read_json(files[SETTINGS] / "trials.json")
        if trial["recommender"] == "itemknn"
    )
    own = config.itemknn
    assert first["values"] == {"neighbours": own.neighbours, "shrinkage": own.shrinkage}
