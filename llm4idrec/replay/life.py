"""One night as it goes: made, checked, judged, and what stands after its window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa

from llm4idrec.config import Config
from llm4idrec.replay.facts import turnover, window_facts
from llm4idrec.replay.known import own_ids, read_known
from llm4idrec.replay.lines import CHALLENGER
from llm4idrec.replay.measure import Measure, fault
from llm4idrec.replay.night import CHECKS, REPORT, Night
from llm4idrec.replay.promotion import Decision, Standing, decide, renew
from llm4idrec.replay.rows import Rows, rows_hash
from llm4idrec.replay.windows import Window
from llm4idrec.runtime.files import fingerprint, read_json, write_json
from llm4idrec.runtime.threads import fixed_threads


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
        known, accepted = self.rows.known(self.window, state.refused), self._is_accepted
        made = fingerprint(
            first=self.rows.first, known=rows_hash(known), standing=state.standing, shaped=shaped
        )
        brought = f"{rows_hash(self.rows.of(self.window))} {accepted}" if self.is_over else ""
        report, is_of = self.night.folder / REPORT, self.night.is_of(made)
        told = read_json(report) if report.is_file() else None
        if not (is_of and told and told["brought"] == brought):
            if not is_of or (told and not self.night.is_ranked):
                self.night.begin(made)
            self.night.make(known, state.standing, self.config)
            told = self._tell(known, state) | {"brought": brought}
            write_json(report, told)
        elif CHECKS not in told:  # of a night that was lived before they were kept
            write_json(report, told | {CHECKS: self._checks(state)})
        if self.is_over:
            self.night.tidy()
        refused = (*state.refused, self.night.number) if told["refused"] else state.refused
        return State(refused, Standing(told["champion"], told["former"], told["base"]))

    @property
    def _is_accepted(self) -> bool:
        return self.window.name in self.config.replay.accept

    def _tell(self, known: pa.Table, state: State) -> dict[str, Any]:
        """Of the window: what it is like, what is wrong with it, and what it says of the lines."""
        arrived, checks = self.rows.of(self.window), self._checks(state)
        error = None if self._is_accepted else fault([Measure(**check) for check in checks])
        is_judged = self.is_over and not error
        return {
            "window": self.window.name,
            "is_over": self.is_over,
            CHECKS: checks,
            "refused": error and str(error),
            **self._facts(arrived if self.is_over else arrived.slice(0, 0), known),
            **self._judgement(arrived if is_judged else None, state.standing),
        }

    def _checks(self, state: State) -> list[dict[str, Any]]:
        """The measures of the window that are checked, once it is over."""
        if not self.is_over:
            return []
        with fixed_threads(self.config.threads):
            measures = self.rows.measures(self.window, state.refused)
        return [vars(measure) for measure in measures if measure.is_checked]

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
            if users:
                number, since = self.night.number, self.night.since_champion(serving)
                more, standing = decide(standing, number, window=found, since=since)
                later, standing = renew(standing, number, self.night.since_base(standing.base))
                decisions += more + later
        return {
            "judged_users": users,
            "served_by": serving,
            "lines": lines,
            "decisions": [vars(decision) for decision in decisions],
            "champion": standing.champion,
            "former": standing.former,
            "base": standing.base,
        }
