"""Items for new users: a file of histories in, the registered model's candidates out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import mlflow
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from llm4idrec.config import DataConfig
from llm4idrec.data.formats import read_file
from llm4idrec.errors import InputError, MissingColumnError
from llm4idrec.runtime.files import real_path, replacing_file

OUT = pa.schema(
    {
        "user": pa.string(),
        "item": pa.string(),
        "rank": pa.int32(),
        "mean_log_probability": pa.float32(),
    }
)
TIME = "timestamp"
Format = Literal["csv", "tsv", "jsonl", "parquet"]
ENDINGS: dict[str, Format] = {
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
"""Of files that are no CSV, in small or capital letters; what follows for compression does not
count."""
COMPRESSED = {".gz": "gzip", ".gzip": "gzip", ".zst": "zstd", ".zstd": "zstd", ".bz2": "bz2"}
READ_ONLY = (".xz", ".zip")
"""Compression of histories only."""
WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".ods")


def recommend(
    model: str,
    histories: Path,
    to: Path,
    *,
    items: int,
    columns: Mapping[str, str | None],
    unknown: str,
) -> tuple[int, int, int]:
    """Write the file `to` with columns `OUT`, at most so many `items` a user, by the `model` that
    MLflow finds under that address; how many rows, for how many users, and how many there are.

    `histories` has a column for the roles user, item and, perhaps, timestamp, by the names in
    `columns`; without a time a user's lines stand in time order. IDs are those of the data that
    the model was tuned on. Users whom nothing is proposed to have no row: the model says on stderr
    who they are and why. `unknown`, as in `AdapterModel`, is for those it knows nothing about.
    Raises `InputError` for a file or a model that cannot be used.
    """
    _check(histories, to, items)
    frame = read_histories(histories, columns)
    loaded = _load(model)
    if loaded.metadata.get_params_schema() is None and unknown != "skip":
        raise InputError(
            f"{model} was registered before versions knew what is popular",
            remedy="leave --unknown out, or run `python -m pipelines.run report` for a new version",
        )
    try:
        found = loaded.predict(frame, None if unknown == "skip" else {"unknown": unknown})
    except InputError as error:
        raise InputError(str(error), file=histories) from error
    best = found.loc[found["rank"] <= items, OUT.names]
    write_items(pa.Table.from_pandas(best, OUT, preserve_index=False), to)
    return len(best), best["user"].nunique(), len(frame)


def read_histories(path: Path, columns: Mapping[str, str | None]) -> pd.DataFrame:
    """A row a user, as they come in the file: `user`, and `items` with the latest last."""
    if not os.path.isfile(path):  # noqa: PTH113, which raises for names that are too long
        raise InputError("there is no such file", "a file of histories", file=path)
    try:
        frame = _read(path, columns).to_pandas()
    except InputError as error:
        raise error.advising(_in_options(error.remedy)) from error
    if TIME in frame:
        frame = frame.sort_values(TIME, kind="stable")
    items = frame.groupby("user", sort=False)["item"].agg(list)
    order = frame.sort_values("line")["user"].unique()
    return pd.DataFrame({"user": order, "items": items[order].to_list()})


def _check(histories: Path, to: Path, items: int) -> None:
    """What can be said before anything is read."""
    if items < 1:
        raise InputError(f"--items is {items}", "at least 1")
    if os.path.isdir(to):  # noqa: PTH112, which raises for names that are too long
        raise InputError("is a folder", "a file to write", file=to)
    real = real_path(to)
    if real.is_symlink() or (os.path.exists(real) and not os.path.isfile(real)):  # noqa: PTH110, PTH113
        raise InputError("is a device, a pipe or a circle of links", "a file to write", file=to)
    if to.suffix.lower() in READ_ONLY:
        raise InputError("cannot be compressed so", f"one of {', '.join(COMPRESSED)}", file=to)
    if _format(to) == "parquet" and to.suffix.lower() in COMPRESSED:
        remedy = f"leave {to.suffix} out"
        raise InputError("Parquet is compressed in itself", "no compression", remedy, file=to)
    if to.exists() and histories.exists() and to.samefile(histories):
        raise InputError("--to is the file of --histories", "another file", file=to)


def _load(model: str) -> mlflow.pyfunc.PyFuncModel:
    try:
        mlflow.models.get_model_info(model)
    except Exception as error:  # each kind of place has its package, and that its own
        reason = " ".join(getattr(error, "message", str(error)).split()).rstrip(".")
        raise InputError(
            f"there is no model {model} ({reason})",
            "one that is registered",
            "`python -m pipelines.run promote` makes a champion",
        ) from error
    return mlflow.pyfunc.load_model(model)


def _read(path: Path, columns: Mapping[str, str | None]) -> pa.Table:
    """With the time, if a column is named for it or has its usual name."""
    if columns.get(TIME) is None:
        try:
            return _read(path, {**columns, TIME: TIME})
        except MissingColumnError as error:
            if error.role != TIME:
                raise
    layout = DataConfig.model_validate({"path": path, "format": _format(path), **columns})
    return read_file(path, layout)


def _format(path: Path) -> Format:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    endings = [suffix for suffix in suffixes if suffix not in (*COMPRESSED, *READ_ONLY)]
    if endings and endings[-1] in WORKBOOKS:
        expected = "CSV, TSV, JSON lines or Parquet"
        raise InputError("is a spreadsheet", expected, "use it as CSV", file=path)
    return ENDINGS.get(endings[-1], "csv") if endings else "csv"


def _in_options(remedy: str | None) -> str | None:
    """What the reader advises for `params.yaml`, which is not read here, by this command's options.

    >>> _in_options("correct data.user")
    'name the column with --user'
    """
    if not remedy or "data." not in remedy:
        return remedy
    for role in ("user", "item", TIME):
        if f"data.{role}" in remedy:
            return f"name the column with --{role}"
    advice, _, _ = remedy.partition(", or ")
    return None if "data." in advice else advice


def write_items(table: pa.Table, to: Path) -> None:
    """A table of `OUT`, in the format that the file's name says; whole or not at all."""
    with replacing_file(real_path(to)) as partial:
        if (kind := _format(to)) == "parquet":
            pq.write_table(table, partial)
            return
        plain = {"delimiter": "\t", "quoting_style": "none", "quoting_header": "none"}
        options = pacsv.WriteOptions(**(plain if kind == "tsv" else {}))
        compression = COMPRESSED.get(to.suffix.lower())
        with pa.output_stream(str(partial), compression=compression) as stream:
            if kind == "jsonl":
                frame = table.to_pandas()
                stream.write(
                    frame.to_json(orient="records", lines=True, force_ascii=False).encode()
                )
                return
            try:
                pacsv.write_csv(table, stream, options)
            except pa.ArrowInvalid as error:
                found = "an ID has a quotation mark or a tab in it"
                raise InputError(found, "none in TSV", "write CSV or Parquet", file=to) from error
