"""One night as it goes: made, checked, judged, and what stands after its window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa

from llm4idrec.config import Config
from llm4idrec.replay.facts import turnover, window_facts
from llm4idrec.replay.known import own_ids, read_known
from llm4idrec.replay.night import REPORT, Night
from llm4idrec.replay.promotion import CHALLENGER, Decision, Standing, decide
from llm4idrec.replay.rows import Rows, rows_hash
from llm4idrec.replay.windows import Window
from llm4idrec.runtime.files import fingerprint, read_json, replacing_file, write_json

_MARK = "mark.json"
"""What a night is made of."""


class State(NamedTuple):
    """After a night."""

    refused: tuple[int, ...]
    """Numbers of the windows whose data were refused."""
    standing: Standing


@dataclass(frozen=True)
class Life:
    """A night, and the window that begins then."""

    night: Night
    rows: Rows
    window: Window
    config: Config
    is_over: bool
    """Whether the window is; else nobody is judged by it yet."""

    def live(self, state: State, shaped: dict[str, Any]) -> State:
        """What is not done yet; `shaped` are the parameters that shape it."""
        known = self.rows.known(self.window, state.refused)
        made = fingerprint(known=rows_hash(known), standing=state.standing, shaped=shaped)
        brought = rows_hash(self.rows.of(self.window)) if self.is_over else ""
        mark, report = self.night.folder / _MARK, self.night.folder / REPORT
        told = read_json(report) if report.is_file() else None
        as_made = mark.is_file() and read_json(mark) == made
        if not (as_made and told and told["brought"] == brought):
            if not as_made or (told and not self.night.is_ranked):
                self.night.forget()
                self.night.folder.mkdir(parents=True)
                write_json(mark, made)
            self.night.make(known, state.standing, self.config)
            told = self._tell(known, state) | {"brought": brought}
            with replacing_file(report) as partial:
                write_json(partial, told)
        if self.is_over:
            self.night.tidy()
        refused = (*state.refused, self.night.number) if told["refused"] else state.refused
        return State(refused, Standing(told["champion"], told["former"]))

    def _tell(self, known: pa.Table, state: State) -> dict[str, Any]:
        """Of the window: what it is like, what is wrong with it, and what it says of the lines."""
        arrived = self.rows.of(self.window)
        fault = self.rows.fault(self.window, state.refused) if self.is_over else None
        is_judged = self.is_over and not fault
        return {
            "window": self.window.name,
            "is_over": self.is_over,
            "refused": fault,
            **self._facts(arrived if self.is_over else arrived.slice(0, 0), known),
            **self._judgement(arrived if is_judged else None, state.standing),
        }

    def _facts(self, arrived: pa.Table, known: pa.Table) -> dict[str, Any]:
        folder, number = self.night.folder, self.night.number
        items = own_ids(folder, "items")
        before = Night(self.night.work, number - 1).folder if number else None
        sizes = {
            "known_pairs": len(read_known(folder)),
            "known_users": len(own_ids(folder, "users")),
            "known_items": len(items),
        }
        came = turnover(items, own_ids(before, "items") if before else None)
        return {**sizes, **window_facts(arrived, known), **came}

    def _judgement(self, arrived: pa.Table | None, standing: Standing) -> dict[str, Any]:
        """Of the lines and of the champion, by what the window brought, if anybody is judged."""
        serving, lines, users = standing.champion, dict[str, float](), 0
        decisions = [] if self.night.number else [Decision("first", 0, "there is no other")]
        if arrived is not None:
            found = self.night.judge(arrived, self.config)
            users = len(found[CHALLENGER])
            lines = {line: float(values.mean()) for line, values in found.items() if users}
            since = self.night.since(serving)
            more, standing = decide(standing, self.night.number, window=found, since=since)
            decisions += more
        return {
            "judged_users": users,
            "served_by": serving,
            "lines": lines,
            "decisions": [vars(decision) for decision in decisions],
            "champion": standing.champion,
            "former": standing.former,
        }
