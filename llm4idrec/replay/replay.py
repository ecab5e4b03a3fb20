"""All nights one after another; a killed replay goes on with the night that it was in."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from llm4idrec.config import Config
from llm4idrec.errors import InputError
from llm4idrec.replay.arrivals import Arrivals, require_plausible
from llm4idrec.replay.facts import turnover, window_facts
from llm4idrec.replay.known import own_ids, read_known, sampled
from llm4idrec.replay.night import BASE, REPORT, Night
from llm4idrec.replay.promotion import CHALLENGER, Decision, Standing, decide
from llm4idrec.replay.totals import Totals, history, summary
from llm4idrec.replay.windows import Window, cut
from llm4idrec.runtime.files import (
    fingerprint,
    read_json,
    read_table,
    replacing_file,
    replacing_folder,
    resumable_folder,
    write_json,
)

SHAPING = (
    "data",
    "base_model",
    "lists",
    "prompts",
    "adapter",
    "generation",
    "filter",
    "evaluation.selection_metric",
    "evaluation.cutoffs",
    "evaluation.placement",
    "replay",
    "seed",
    "device",
    "threads",
)
"""Keys of the parameters that shape a replay, beside the section of who is served."""


def replay(raw: Path, out: Path, config: Config) -> None:
    """Write the folder `out`: that of each night, as `Night.tidy` leaves it, with `REPORT`, and the
    base model that stays.

    `raw` is the table of the stage `prepare`, with a time. Of a night nothing is made from rows
    that come later; a window whose data are refused is neither learnt from nor judged by. Raises
    `InputError` if there is no time, or for windows that cannot be cut.
    """
    table = read_table(raw)
    if "timestamp" not in table.column_names:
        expected, remedy = "a time for each interaction", "set data.timestamp"
        raise InputError("the interactions have no time", expected, remedy)
    table = sampled(table, config.data.sample_users, config.seed)
    windows = cut(table["timestamp"].to_numpy(), config.replay)
    served = config.replay.recommender
    shaped = config.model_dump(mode="json", include={key.split(".")[0] for key in SHAPING})
    shaped |= {served: config.settings(served).model_dump(mode="json")}
    with resumable_folder(out, fingerprint(raw, shaped=shaped)) as work:
        rows, state = _Rows(table, windows), _State((), Standing(0))
        for window in tqdm(windows, desc="replay", unit="night", file=sys.stderr):
            state = _live(Night(work, window.number), rows, window, config=config, state=state)
        with replacing_folder(out) as folder:
            for made in (work / BASE, *work.glob("night-*")):
                shutil.copytree(made, folder / made.name)
            _write_totals(folder, config.evaluation.metric)


def read_reports(out: Path) -> list[dict[str, Any]]:
    """What is told of each night of a replay that `replay` wrote."""
    files = sorted(out.glob(f"night-*/{REPORT}"))
    if not files:
        raise InputError("holds no nights", "what the stage `replay` writes", file=out)
    return [read_json(file) for file in files]


def _write_totals(folder: Path, metric: str) -> None:
    """Numbers and curves for any tracker."""
    reports = read_reports(folder)
    write_json(folder / "summary.json", summary(Totals.of(folder, reports), reports, metric))
    pq.write_table(history(reports, metric), folder / "history.parquet")


class _State(NamedTuple):
    """After a night."""

    refused: tuple[int, ...]
    """Numbers of the windows whose data were refused."""
    standing: Standing


class _Rows:
    """The interactions, as far as a night may look at them."""

    def __init__(self, rows: pa.Table, windows: Sequence[Window]) -> None:
        self._rows, self._windows = rows, windows
        self._time = rows["timestamp"].to_numpy()

    def known(self, window: Window, refused: Sequence[int]) -> pa.Table:
        """Before a window, without what was refused."""
        kept = self._time < window.begin
        for number in refused:
            kept &= ~self._inside(self._windows[number])
        return self._rows.filter(pa.array(kept))

    def of(self, window: Window) -> pa.Table:
        return self._rows.filter(pa.array(self._inside(window)))

    def fault(self, window: Window, refused: Sequence[int]) -> str | None:
        """What is wrong with a window's data, by those before it that were not refused."""
        earlier = [w for w in self._windows[: window.number] if w.number not in refused]
        *before, tonight = [Arrivals(self.of(w), w.begin, w.end) for w in (*earlier, window)]
        try:
            require_plausible(tonight, before, self.known(self._windows[0], ()))
        except InputError as error:
            return str(error)
        return None

    def _inside(self, window: Window) -> npt.NDArray[np.bool_]:
        inside: npt.NDArray[np.bool_] = (self._time >= window.begin) & (self._time < window.end)
        return inside


def _live(night: Night, rows: _Rows, window: Window, *, config: Config, state: _State) -> _State:
    """One night, unless it is done; what stands after its window."""
    report = night.folder / REPORT
    if not report.is_file():
        known, arrived = rows.known(window, state.refused), rows.of(window)
        night.make(known, state.standing, config)
        fault = rows.fault(window, state.refused)
        values = {"window": window.name, "refused": fault, **_facts(night, arrived, known)}
        values |= _judgement(night, None if fault else arrived, config, standing=state.standing)
        with replacing_file(report) as partial:
            write_json(partial, values)
    night.tidy()
    values = read_json(report)
    refused = (*state.refused, night.number) if values["refused"] else state.refused
    return _State(refused, Standing(values["champion"], values["former"]))


def _facts(night: Night, arrived: pa.Table, known: pa.Table) -> dict[str, Any]:
    """What is told of a window before anybody is judged by it."""
    items = own_ids(night.folder, "items")
    before = Night(night.work, night.number - 1).folder if night.number else None
    sizes = {
        "known_pairs": len(read_known(night.folder)),
        "known_users": len(own_ids(night.folder, "users")),
        "known_items": len(items),
    }
    came = turnover(items, own_ids(before, "items") if before else None)
    return {**sizes, **window_facts(arrived, known), **came}


def _judgement(
    night: Night, arrived: pa.Table | None, config: Config, *, standing: Standing
) -> dict[str, Any]:
    """What the window says of the lines and of the champion; nothing if its data are refused."""
    serving, lines = standing.champion, dict[str, float]()
    decisions = [] if night.number else [Decision("first", 0, "there is no other")]
    users = 0
    if arrived is not None:
        found = night.judge(arrived, config)
        users = len(found[CHALLENGER])
        lines = {line: float(values.mean()) for line, values in found.items() if users}
        since = night.since(serving)
        more, standing = decide(standing, night.number, window=found, since=since)
        decisions += more
    return {
        "judged_users": users,
        "served_by": serving,
        "lines": lines,
        "decisions": [vars(decision) for decision in decisions],
        "champion": standing.champion,
        "former": standing.former,
    }
