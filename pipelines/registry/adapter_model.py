"""The code of the MLflow model: the tuned language model, proposing items for given histories.

MLflow stores this file as it is and runs it when the model is loaded; nothing is pickled.
"""

from __future__ import annotations

import hashlib
import os
import sys
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext

from llm4idrec.augmentation.filtering import filter_candidates
from llm4idrec.config import FilterConfig, GenerationConfig, ListsConfig
from llm4idrec.data.interactions import Interactions, LongArray
from llm4idrec.data.omission import Omission
from llm4idrec.data.overlap import spelling
from llm4idrec.errors import InputError
from llm4idrec.generation.generator import Generator
from llm4idrec.language_model.adapter import load_tuned_model
from llm4idrec.runtime.device import choose_device

COLUMNS = ["user", "item", "rank", "votes", "mean_log_probability"]
UNKNOWN = ("skip", "popular")
"""What users may get of whom nothing is known: no row, or the most popular items."""
STRANGE = "items that the catalogue does not have"
NOT_KNOWN = "users not known, or without any item that the catalogue has"
HAVE_ALL = "users who have every item that could be proposed"
SERVING = "_MLFLOW_IS_IN_SERVING_ENVIRONMENT"
"""What MLflow sets in the environment of its server."""


class AdapterModel(PythonModel):  # type: ignore[misc]
    """Frame of `user` (anything, each once) and `items` (a list of the data's own item IDs, the
    latest last) -> frame of `COLUMNS`, each user's candidates in own IDs, best first.

    Items that the catalogue does not have are left out, and counted on stderr, the first by name.
    A version whose prompts name the user knows the users it was tuned on, by their own IDs, and no
    others. A user gets the same candidates for the same history whoever else is asked about.

    A user without any known item, or who is not known where users are named, has no row in the
    answer; with the parameter `unknown="popular"` they get what is most popular among what was
    known and not in their history, with no votes and no log-probability (NaN). Nor has a user who
    has everything that could be proposed. Those without a row are counted on stderr, the first by
    name.
    Raises `InputError` for a frame without users, or with one twice; in MLflow's server an error
    that it answers as a sentence. There, a log-probability that is not is None.
    """

    def load_context(self, context: PythonModelContext) -> None:
        settings, folder = context.model_config, Path(context.artifacts["identifiers"])
        self._lists = ListsConfig.model_validate(settings["lists"])
        self._generation = GenerationConfig.model_validate(settings["generation"])
        items = pq.read_table(folder / "items.parquet").combine_chunks()
        self._items = items["id"].combine_chunks()
        # Equal counts in the order of the catalogue.
        self._popular = np.argsort(-items["count"].to_numpy(), kind="stable")
        self._users = None
        if self._lists.users:
            self._users = pq.read_table(folder / "users.parquet")["id"].combine_chunks()
        language_model = load_tuned_model(
            Path(context.artifacts["base_model"]),
            Path(context.artifacts["adapter"]),
            choose_device("auto"),
        )
        self._generator = Generator(
            language_model,
            self._histories(np.arange(0), []),
            self._generation,
            lists=self._lists,
            seed=settings["seed"],
        )

    # From hints that say more than this MLflow would take the schema, and ignore the signature.
    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        try:
            found, left = self.answer(model_input, (params or {}).get("unknown", UNKNOWN[0]))
        except InputError as error:
            if SERVING not in os.environ:
                raise
            # Of any other error the server tells the traceback, and not the sentence.
            raise MlflowException.invalid_parameter_value(str(error)) from error
        for omission in left:
            if omission.count:
                # Not a logger: those that exist are disabled when MLflow makes its database.
                print(omission, file=sys.stderr)
        return _as_json(found) if SERVING in os.environ else found

    def answer(
        self, model_input: pd.DataFrame, unknown: str
    ) -> tuple[pd.DataFrame, list[Omission]]:
        """What `predict` returns, and what it says is left out, some of which may be nothing."""
        if unknown not in UNKNOWN:
            raise InputError(f"unknown is {unknown!r}", f"one of {', '.join(UNKNOWN)}")
        users = model_input["user"].to_numpy()
        numbers = self._numbers(users)
        histories, strange = self._known_items(model_input["items"].to_list())
        empty = np.array([not items for items in histories])
        served = np.flatnonzero((numbers >= 0) & ~empty)
        left = np.flatnonzero((numbers < 0) | empty)
        answers = []
        if len(served):
            answers = [self._candidates(numbers, users, histories, served=served)]
        if unknown == "popular":
            answers += [self._most_popular(row, histories[row]) for row in left.tolist()]
            left = left[:0]
        rows = pd.concat(answers) if answers else pd.DataFrame(columns=["row", *COLUMNS[1:]])
        rows = rows.sort_values(["row", "rank"], kind="stable")
        without = np.setdiff1d(np.arange(len(users)), [*rows["row"], *left])
        rows["user"] = users[rows["row"].to_numpy(np.int64)]
        rows["item"] = self._items.take(pa.array(rows["item"], pa.int64())).to_pandas().to_numpy()
        return rows[COLUMNS].reset_index(drop=True), [
            strange,
            Omission.of(NOT_KNOWN, users[left].tolist()),
            Omission.of(HAVE_ALL, users[without].tolist()),
        ]

    def _numbers(self, users: np.ndarray) -> LongArray:
        """Of each row, the number that the generator knows the user by; -1 if it does not."""
        if not len(users):
            raise InputError("no user is given", "a history of at least one")
        for user in users.tolist():
            if isinstance(user, list | dict) or pd.isna(user):
                raise InputError(f"a user is {user!r}", "text or a number")
        names = [str(user) for user in users]
        if len(set(names)) < len(names):
            raise InputError("a user comes twice", "one history for each user")
        if self._users is None:
            return np.arange(len(users))
        known = pc.index_in(pa.array(names), self._users)
        return np.asarray(known.fill_null(-1).to_numpy(), np.int64)

    def _known_items(self, histories: list[list[str]]) -> tuple[list[list[int]], Omission]:
        """The items that the catalogue has, the first of a repeated one, in the given order; and
        the others."""
        given = pa.array(chain.from_iterable(histories), pa.string())
        known = pc.index_in(given, self._items)  # at once: it looks at the whole catalogue first
        left = given.filter(known.is_null())
        place = iter(known.to_pylist())
        own = (dict.fromkeys(islice(place, len(items))) for items in histories)
        kept = [[item for item in items if item is not None] for items in own]
        guess = None if any(kept) else spelling(left.unique(), self._items)
        return kept, Omission.of(STRANGE, left.to_pylist(), guess)

    def _most_popular(self, row: int, history: list[int]) -> pd.DataFrame:
        new = self._popular[~np.isin(self._popular, history)][: self._generation.items]
        ranks = np.arange(1, len(new) + 1)
        return pd.DataFrame(
            {"row": row, "item": new, "rank": ranks, "votes": 0, "mean_log_probability": np.nan}
        )

    def _candidates(
        self, numbers: LongArray, users: np.ndarray, items: list[list[int]], *, served: LongArray
    ) -> pd.DataFrame:
        """The language model's, for the rows `served`, without what is no item or not a new one."""
        numbers = numbers[served] if self._users is not None else np.arange(len(served))
        histories = self._histories(numbers, [items[row] for row in served])
        generator = self._generator.knowing(histories, self._keys(users[served]))
        # The generator wants ascending numbers; a shard at a time bounds what it holds at once.
        shards = -(-len(served) // self._generation.shard_users)
        tables = [generator.candidates(shard) for shard in np.array_split(np.sort(numbers), shards)]
        every = FilterConfig(min_votes=1, max_ratio=len(self._items), popularity_exponents=(0,))
        new, _ = filter_candidates(pa.concat_tables(tables), histories, every)
        row = pd.Series(served, index=numbers)
        rows: pd.DataFrame = new.to_pandas()
        return rows.assign(row=rows["user"].map(row))

    def _histories(self, numbers: LongArray, items: list[list[int]]) -> Interactions:
        item = np.fromiter(chain.from_iterable(items), np.int32)
        user = np.repeat(numbers, np.fromiter(map(len, items), np.int64))
        size = len(items) if self._users is None else len(self._users)
        time = np.arange(len(item))
        return Interactions(user.astype(np.int64), item, size, len(self._items), time)

    def _keys(self, users: np.ndarray) -> list[int] | None:
        """What the views of a history are drawn by: own IDs, where no numbers are known."""
        if self._users is not None:
            return None
        return [int(hashlib.sha256(str(user).encode()).hexdigest()[:16], 16) for user in users]


def _as_json(found: pd.DataFrame) -> pd.DataFrame:
    """With nothing in place of NaN, which JSON has not."""
    value = found["mean_log_probability"]
    return found.assign(mean_log_probability=value.astype(object).where(value.notna(), None))


set_model(AdapterModel())
