"""One night: what is made of what is known, and what the window that begins then says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from llm4idrec.artifacts import ADAPTER, IDENTIFIERS
from llm4idrec.config import Config
from llm4idrec.data.identifiers import Identifiers
from llm4idrec.data.interactions import IntArray
from llm4idrec.data.protocol import GLOBAL_TIME
from llm4idrec.data.whole import write_whole
from llm4idrec.metrics.ranking import FloatArray, user_metrics
from llm4idrec.recommenders.ranking import as_rows
from llm4idrec.replay.generators import SERVED, USERS, Generators, keep_base, seconds
from llm4idrec.replay.known import brought, own_ids, read_known
from llm4idrec.replay.lines import ALONE, CHALLENGER, CHAMPION, FORMER, RETRAINED
from llm4idrec.replay.promotion import Since, Standing
from llm4idrec.replay.rankings import rankings
from llm4idrec.runtime.files import read_json, remove, replacing_file, write_json

BASE = "base"
MARK, REPORT = "mark.json", "night.json"
"""What a night is made of, and all that is told of it."""
CHECKS = "checks"
"""Key in `REPORT`: the measures of the window that are checked, the fields of each."""
RANKED, PER_USER, COSTS = "rankings.parquet", "per_user.parquet", "costs/cost.json"


class Night(NamedTuple):
    """One, by its number from 0, in the folder of the replay."""

    work: Path
    number: int

    @property
    def folder(self) -> Path:
        return self.work / f"night-{self.number + 1:03d}"  # people count from 1

    @property
    def base(self) -> Path:
        """The base model that this night has trained, if later nights tune adapters on it."""
        return self.folder / BASE

    @property
    def adapted(self) -> Path:
        """The adapter of this night, with the model that it makes."""
        return self.folder / Generators.ADAPTED

    @property
    def is_ranked(self) -> bool:
        """Whether everything is made that a window then judges."""
        return (self.folder / RANKED).is_file()

    def begin(self, mark: str) -> None:
        """Make anew, from nothing, what `mark` stands for."""
        remove(self.folder / MARK)  # first: what is half removed is nothing to go on from
        remove(self.folder)
        self.folder.mkdir(parents=True)
        write_json(self.folder / MARK, mark)

    def is_of(self, mark: str) -> bool:
        file = self.folder / MARK
        return file.is_file() and bool(read_json(file) == mark)

    def costs(self) -> dict[str, float]:
        """Seconds of each generator; nothing where they were left behind, as DVC does."""
        file = self.folder / COSTS
        return dict(read_json(file)) if file.is_file() else {}

    def make(self, known: pa.Table, standing: Standing, config: Config) -> None:
        """Everything that can be made before the window begins: `RANKED`, the best items of all
        users for each line. A night whose base stays also keeps that."""
        if self.is_ranked:
            return
        write_whole(known, config.data, self.folder, seed=config.seed, protocol=GLOBAL_TIME)
        generators = Generators(self.folder, config)
        made = {RETRAINED: generators.retrain()}
        is_first = standing.base == self.number
        if is_first and not self.base.is_dir():
            keep_base(self.folder, self.base)
        former = None if is_first else Night(self.work, self.number - 1).adapted
        made[CHALLENGER] = generators.adapt(Night(self.work, standing.base).base, former)
        for name, number in ((CHAMPION, standing.champion), (FORMER, standing.former)):
            if number == self.number:
                made[name] = made[CHALLENGER]
            elif number is not None:
                served = Night(self.work, number).adapted / SERVED
                made[name] = generators.ask(served, name.replace(" ", "_"))
        self._write_costs(made)
        self._write_rankings(dict(rankings(read_known(self.folder), made, config)))

    def judge(self, rows: pa.Table, config: Config) -> dict[str, FloatArray]:
        """The selection metric of each line over those known users to whom the window's `rows`
        brought something, (n,), ascending; `PER_USER` has it by their own IDs."""
        heldout = brought(rows, self.folder)
        users = np.flatnonzero(heldout.history_lengths).astype(np.int32)
        metric, cutoffs = config.evaluation.metric, config.evaluation.cutoffs
        found = {
            line: user_metrics(ranked[users], users, heldout, cutoffs=cutoffs)[metric]
            for line, ranked in self._read_rankings().items()
        }
        ids = own_ids(self.folder, "users").take(pa.array(users))
        with replacing_file(self.folder / PER_USER) as partial:
            pq.write_table(pa.table({"user": ids, **found}), partial)
        return found

    def serves(self, line: str) -> pa.Table:
        """What a line shows to everybody: columns user and item, own IDs, and rank, from 1."""
        ids = Identifiers.read(self.folder / IDENTIFIERS.name)
        return ids.own(as_rows(self._read_rankings()[line]))

    def since_champion(self, champion: int) -> Since:
        """The windows in which that adapter was the champion, up to this night's, which has been
        judged: the champion's line, and that of tonight's adapter."""
        nights: list[Night] = []
        for number in range(self.number - 1, champion, -1):
            night = Night(self.work, number)
            served_by = night.served_by()
            if served_by not in (None, champion):
                break  # it was champion before; that counted for what came between
            nights += [night] if served_by is not None else []
        return _pooled([*reversed(nights), self], (CHALLENGER, CHAMPION))

    def since_base(self, base: int) -> Since:
        """The windows since the night of that base, up to this night's, which has been judged: the
        models by themselves, of tonight's adapter and trained anew."""
        earlier = [Night(self.work, number) for number in range(base, self.number)]
        nights = [night for night in earlier if night.served_by() is not None]
        return _pooled([*nights, self], (CHALLENGER + ALONE, RETRAINED + ALONE))

    def served_by(self) -> int | None:
        """The night of the adapter that served in this night's window; None where nobody was judged
        by it."""
        report = read_json(self.folder / REPORT)
        return int(report["served_by"]) if report["lines"] else None

    def tidy(self) -> None:
        """Keep the adapter, the model that it makes, a base that stays, the own IDs and what was
        found."""
        kept = {ADAPTER.name, SERVED, USERS}
        remove(*(path for path in self.adapted.iterdir() if path.name not in kept))
        names = {Generators.ADAPTED, BASE, IDENTIFIERS.name, "costs"}
        remove(*(p for p in self.folder.iterdir() if p.is_dir() and p.name not in names))
        remove(self.folder / RANKED)

    def _write_costs(self, made: Mapping[str, Path]) -> None:
        costs = {name: seconds(folder) for name, folder in made.items()}
        (self.folder / COSTS).parent.mkdir(exist_ok=True)
        write_json(self.folder / COSTS, costs)

    def _write_rankings(self, ranked: Mapping[str, IntArray]) -> None:
        columns = {
            line: pa.FixedSizeListArray.from_arrays(pa.array(best.ravel()), best.shape[1])
            for line, best in ranked.items()
        }
        with replacing_file(self.folder / RANKED) as partial:
            pq.write_table(pa.table(columns), partial)

    def _read_rankings(self) -> dict[str, IntArray]:
        table = pq.read_table(self.folder / RANKED)
        return {
            line: np.stack(table[line].combine_chunks().to_numpy(zero_copy_only=False))
            for line in table.column_names
        }


def _pooled(nights: Sequence[Night], lines: Sequence[str]) -> Since:
    """Those lines, over the windows of `nights`."""
    columns = ["user", *lines]
    tables = [pq.read_table(night.folder / PER_USER, columns=columns) for night in nights]
    by_user = pa.concat_tables(tables).group_by("user", use_threads=False)
    means = by_user.aggregate([(line, "mean") for line in lines]).sort_by("user")
    return Since(len(tables), {line: means[f"{line}_mean"].to_numpy() for line in lines})
