"""The code of the MLflow model: the tuned language model, proposing items for given histories.

MLflow stores this file as it is and runs it when the model is loaded; nothing is pickled.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext

from llm4idrec.adapter import load_tuned_model
from llm4idrec.config import FilterConfig, GenerationConfig, ListsConfig
from llm4idrec.device import choose_device
from llm4idrec.errors import InputError
from llm4idrec.filtering import CandidateFilter
from llm4idrec.generation import Generator
from llm4idrec.interactions import Interactions, LongArray
from llm4idrec.recommenders.config import EASEConfig

COLUMNS = ["user", "item", "rank", "votes", "mean_log_probability"]


class AdapterModel(PythonModel):  # type: ignore[misc]
    """Frame of `user` (anything, each once) and `items` (a list of the data's own item IDs, the
    latest last) -> frame of `COLUMNS`, each user's candidates in own IDs, best first.

    Items that the catalogue does not have are left out, and counted on stderr. A version whose
    prompts name the user knows the users it was tuned on, by their own IDs, and no others. A user
    gets the same candidates for the same history whoever else is asked about. Raises `InputError`
    for a user who comes twice, has no known item or, where users are named, is not known.
    """

    def load_context(self, context: PythonModelContext) -> None:
        settings, folder = context.model_config, Path(context.artifacts["identifiers"])
        self._lists = ListsConfig.model_validate(settings["lists"])
        self._generation = GenerationConfig.model_validate(settings["generation"])
        self._seed = settings["seed"]
        self._items = pq.read_table(folder / "items.parquet")["id"].combine_chunks()
        self._users = None
        if self._lists.users:
            self._users = pq.read_table(folder / "users.parquet")["id"].combine_chunks()
        self._model, self._tokenizer = load_tuned_model(
            Path(context.artifacts["base_model"]),
            Path(context.artifacts["adapter"]),
            choose_device("auto"),
        )

    # From hints that say more than this MLflow would take the schema, and ignore the signature.
    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        users = model_input["user"].to_numpy()
        numbers = self._numbers(users)
        histories = self._histories(numbers, users, model_input["items"].to_list())
        generator = Generator(
            self._model,
            self._tokenizer,
            histories,
            self._generation,
            self._lists,
            self._seed,
            self._keys(users),
        )
        # The generator wants ascending numbers; a shard at a time bounds what it holds at once.
        shards = -(-len(users) // self._generation.shard_users)
        tables = [generator.candidates(shard) for shard in np.array_split(np.sort(numbers), shards)]
        return self._own(pa.concat_tables(tables), histories, numbers, users)

    def _numbers(self, users: np.ndarray) -> LongArray:
        """Of each row, the number that the generator knows the user by."""
        if not len(users):
            raise InputError("no user is given", "a history of at least one")
        if len(set(users.tolist())) < len(users):
            raise InputError("a user comes twice", "one history for each user")
        if self._users is None:
            return np.arange(len(users))
        known = pc.index_in(pa.array([str(user) for user in users]), self._users)
        if known.null_count:
            place = pc.index(known.is_null(), True).as_py()
            raise InputError(
                f"user {users[place]!r} was not there when this version was tuned",
                "known users only, because its prompts name them",
                "tune a version with lists.users false to answer for new users",
            )
        return np.asarray(known.to_numpy(), np.int64)

    def _keys(self, users: np.ndarray) -> list[int] | None:
        """What the views of a history are drawn by: own IDs, where no numbers are known."""
        if self._users is not None:
            return None
        return [int(hashlib.sha256(str(user).encode()).hexdigest()[:16], 16) for user in users]

    def _histories(
        self, numbers: LongArray, users: np.ndarray, histories: list[list[str]]
    ) -> Interactions:
        """The items that the catalogue has, the first of a repeated one, in the given order."""
        kept, unknown = [], 0
        for user, items in zip(users.tolist(), histories, strict=True):
            known = pc.index_in(pa.array(items, pa.string()), self._items)
            unknown += known.null_count
            kept.append(list(dict.fromkeys(known.drop_null().to_pylist())))
            if not kept[-1]:
                raise InputError(
                    f"user {user!r} has no item that the catalogue has", "at least one such item"
                )
        if unknown:
            # Not a logger: those that exist are disabled when MLflow makes its database.
            print(f"items that the catalogue does not have, left out: {unknown}", file=sys.stderr)
        item = np.concatenate([np.asarray(items, np.int64) for items in kept])
        user = np.repeat(numbers, [len(items) for items in kept])
        size = len(users) if self._users is None else len(self._users)
        return Interactions(user, item, size, len(self._items), np.arange(len(item)))

    def _own(
        self, candidates: pa.Table, histories: Interactions, numbers: LongArray, users: np.ndarray
    ) -> pd.DataFrame:
        """In own IDs and the given order of users, without what is no item or not a new one."""
        every = FilterConfig(min_votes=1, max_ratio=len(self._items), agreement=0, popularity=(0,))
        new, _ = CandidateFilter(histories, every, EASEConfig()).accept(candidates)
        row = pd.Series(np.arange(len(numbers)), index=numbers)
        rows = new.to_pandas().assign(row=lambda table: table["user"].map(row))
        rows = rows.sort_values(["row", "rank"])
        own: pd.DataFrame = rows.assign(
            user=users[rows["row"].to_numpy()],
            item=self._items.take(pa.array(rows["item"])).to_pandas().to_numpy(),
        )[COLUMNS]
        return own.reset_index(drop=True)


set_model(AdapterModel())
