"""The code of the MLflow model: the tuned language model, proposing items for given histories.

MLflow stores this file as it is and runs it when the model is loaded; nothing is pickled. Users and
items go by their numbers, the rows of `artifacts/identifiers`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext

from llm4idrec.adapter import load_tuned_model
from llm4idrec.config import GenerationConfig, ListsConfig
from llm4idrec.device import choose_device
from llm4idrec.generation import Generator
from llm4idrec.interactions import Interactions


class AdapterModel(PythonModel):  # type: ignore[misc]
    """Frame of `user` and `items` (a list) -> frame of the user's candidates, best first."""

    def load_context(self, context: PythonModelContext) -> None:
        self._settings = context.model_config
        self._model, self._tokenizer = load_tuned_model(
            Path(context.artifacts["base_model"]),
            Path(context.artifacts["adapter"]),
            choose_device("auto"),
        )

    # No type hints: MLflow would take the schema from them and ignore the signature.
    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        histories = interactions(model_input, self._settings["n_items"])
        generator = Generator(
            self._model,
            self._tokenizer,
            histories,
            GenerationConfig.model_validate(self._settings["generation"]),
            ListsConfig.model_validate(self._settings["lists"]),
            self._settings["seed"],
        )
        users = np.flatnonzero(histories.history_lengths)
        return generator.candidates(users).drop_columns(["text"]).to_pandas()


def interactions(frame: pd.DataFrame, n_items: int) -> Interactions:
    """One row a user, the latest item last -> interactions; `ValueError` for an item outside the
    catalogue."""
    user = np.repeat(frame["user"].to_numpy(np.int64), frame["items"].map(len))
    item = np.concatenate([np.asarray(items, np.int64) for items in frame["items"]])
    return Interactions(user, item, int(user.max()) + 1, n_items, np.arange(len(item)))


set_model(AdapterModel())
