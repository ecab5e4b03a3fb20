"""Items for new users: a file of histories in, the registered model's candidates out."""

from __future__ import annotations

import os
from pathlib import Path

import mlflow
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
from mlflow.exceptions import MlflowException

from llm4idrec.config import DataConfig
from llm4idrec.errors import InputError
from llm4idrec.files import replacing_file
from llm4idrec.formats import read_file
from llm4idrec.formats.columns import read_header

OUT = ["user", "item", "rank", "mean_log_probability"]


def recommend(model: str, histories: Path, to: Path, items: int) -> int:
    """Write the CSV `to` with columns `OUT`, at most so many `items` a user; how many rows.

    `histories` is a CSV with columns user, item and, perhaps, timestamp; without one a user's lines
    stand in time order. IDs are those of the data that the model was tuned on. Raises `InputError`
    for a file or a model that cannot be used, and a user without any known item.
    """
    if items < 1:
        raise InputError(f"--items is {items}", "at least 1")
    if to.is_dir():
        raise InputError("is a folder", "a CSV to write", file=to)
    frame = read_histories(histories)
    try:
        loaded = mlflow.pyfunc.load_model(model)
    except MlflowException as error:
        raise InputError(
            f"there is no model {model} ({error.message.strip().rstrip('.')})",
            "one that is registered",
            "`python -m pipelines.run promote` makes a champion",
        ) from error
    try:
        found = loaded.predict(frame)
    except InputError as error:
        raise InputError(str(error), file=histories) from error
    best = found.loc[found["rank"] <= items, OUT]
    with replacing_file(to) as partial:
        pacsv.write_csv(pa.Table.from_pandas(best, preserve_index=False), partial)
    return len(best)


def read_histories(path: Path) -> pd.DataFrame:
    """A row a user, as they come in the file: `user`, and `items` with the latest last."""
    names = _header(path)
    missing = {"user", "item"} - names
    if missing:
        raise InputError(
            f"there is no column {min(missing)!r}",
            "the columns user and item, and timestamp if there is one",
            "rename the columns in the first line",
            file=path,
        )
    time = "timestamp" if "timestamp" in names else None
    layout = DataConfig(path=path, format="csv", user="user", item="item", timestamp=time)
    frame = read_file(path, layout).to_pandas()
    if time:
        frame = frame.sort_values("timestamp", kind="stable")
    items = frame.groupby("user", sort=False)["item"].agg(list)
    order = frame.sort_values("line")["user"].unique()
    return pd.DataFrame({"user": order, "items": items[order].to_list()})


def _header(path: Path) -> set[str]:
    if not os.path.isfile(path):  # noqa: PTH113, which raises for names that are too long
        raise InputError("there is no such file", "a CSV of histories", file=path)
    return set(read_header(path))
