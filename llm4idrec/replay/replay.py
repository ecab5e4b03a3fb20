"""All nights one after another; a killed replay goes on with the night that it was in."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from tqdm import tqdm

from llm4idrec.config import Config
from llm4idrec.config.recommenders import TrainedConfig
from llm4idrec.errors import InputError
from llm4idrec.replay.known import sampled
from llm4idrec.replay.life import Life, State
from llm4idrec.replay.lines import CHAMPION
from llm4idrec.replay.night import REPORT, Night
from llm4idrec.replay.promotion import Standing
from llm4idrec.replay.rows import Rows
from llm4idrec.replay.totals import Totals, history, summary
from llm4idrec.replay.windows import cut
from llm4idrec.runtime.files import (
    fingerprint,
    read_json,
    read_table,
    replacing_folder,
    resumable_folder,
    write_json,
)
from llm4idrec.runtime.project import PARAMS
from llm4idrec.stages.replay import STAGE

TONIGHT = "tonight.parquet"
FORMAT = 2
"""Of what a night leaves: nights of another one are lived again."""


def replay(raw: Path, out: Path, config: Config) -> None:
    """Write the folder `out`: that of each night with `REPORT`, tidied where its window is over;
    `TONIGHT` has what the champion serves in the one that goes on.

    `raw` is the table of the stage `prepare`, with a time; `config` has one recommender, which is
    served. Of a night nothing is made from rows
    that come later; a window whose data are refused is neither learnt from nor judged by. Nights
    that `out` has already, of the same interactions, are not lived again. Raises `InputError` if
    there is no time, for windows that cannot be cut, and for parameters that no replay has.
    """
    _require_replayable(config)
    table = read_table(raw)
    if "timestamp" not in table.column_names:
        expected, remedy = "a time for each interaction", "set data.timestamp"
        raise InputError("the interactions have no time", expected, remedy)
    table = sampled(table, config.data.sample_users, config.seed)
    if not len(table):
        raise InputError("data.sample_users leaves no user", "some", "raise it", file=PARAMS)
    windows = cut(table["timestamp"].to_numpy(), config.replay)
    rows, state = Rows(table, windows), State((), Standing(0))
    shaped = _shaping(config)
    with resumable_folder(out, fingerprint(raw, shaped=shaped)) as work:
        _bring_back(out, work)
        for window in tqdm(windows, desc="replay", unit="night", file=sys.stderr):
            night = Night(work, window.number)
            life = Life(night, rows, window, config, is_over=window is not windows[-1])
            state = life.live(state, shaped)
        with replacing_folder(out) as folder:
            for window in windows:
                made = Night(work, window.number).folder
                shutil.copytree(made, folder / made.name)
            _write_totals(folder, config.evaluation.metric)
            pq.write_table(night.serves(CHAMPION), folder / TONIGHT)


def _require_replayable(config: Config) -> None:
    """Raises `InputError`."""
    (served,), key = config.recommenders, "`replay.recommenders`"
    if isinstance(config.settings(served), TrainedConfig):
        found = (
            f"{key} has {served}, which learns by epochs, and no night holds out what would end it"
        )
        remedy = "take popularity, itemknn, ease, svd, ials or one of your own"
        raise InputError(found, "one that learns in one go", remedy, file=PARAMS)
    if config.base_model.kind != "compact" or config.lists.users:
        found = "a replay keeps the base of its first night, whose tokens are items"
        expected = "`base_model.kind` compact, and `lists.users` false"
        raise InputError(found, expected, file=PARAMS)


def _shaping(config: Config) -> dict[str, Any]:
    """All of the parameters that shapes every night; a name and a place do not, and which windows
    are accepted shapes those that come later."""
    shaped = STAGE.shaped_by(config)
    data = {key: value for key, value in shaped["data"].items() if key != "path"}
    unshaping = ("dataset", "replay.accept")
    kept = {key: value for key, value in shaped.items() if key not in unshaping}
    return kept | {"data": data, "format": FORMAT}


def _bring_back(out: Path, work: Path) -> None:
    """What an earlier replay has made; each night sees whether it is still what it would make."""
    for made in out.glob("night-*"):
        if made.is_dir() and not (work / made.name).exists():
            with replacing_folder(work / made.name) as folder:
                shutil.copytree(made, folder, dirs_exist_ok=True)


def read_reports(out: Path) -> list[dict[str, Any]]:
    """What is told of each night of a replay that `replay` wrote."""
    nights = [Night(out, number) for number in range(len(list(out.glob(f"night-*/{REPORT}"))))]
    if not nights:
        raise InputError("holds no nights", "what the stage `replay` writes", file=out)
    return [read_json(night.folder / REPORT) for night in nights]


def _write_totals(folder: Path, metric: str) -> None:
    """Numbers and curves for any tracker."""
    reports = read_reports(folder)
    write_json(folder / "summary.json", summary(Totals.of(folder, reports), reports, metric))
    pq.write_table(history(reports, metric), folder / "history.parquet")
