"""The interactions, as far as a night may look at them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from llm4idrec.replay.arrivals import Arrivals, measured
from llm4idrec.replay.measure import Measure
from llm4idrec.replay.windows import Window


class Rows:
    """Columns user, item and timestamp among others, cut into `windows`."""

    def __init__(self, rows: pa.Table, windows: Sequence[Window]) -> None:
        by_time = np.argsort(rows["timestamp"].to_numpy(), kind="stable")
        self._rows, self._windows = rows.take(pa.array(by_time)), windows
        self._time = self._rows["timestamp"].to_numpy()

    @cached_property
    def first(self) -> str:
        """A hash of what is known before the first window, which the base is made of."""
        return rows_hash(self.known(self._windows[0], ()))

    def known(self, window: Window, refused: Sequence[int]) -> pa.Table:
        """Before a window, without the windows that were `refused`, by their numbers."""
        kept = self._time < window.begin
        for number in refused:
            kept &= ~self._inside(self._windows[number])
        return self._rows.filter(pa.array(kept))

    def of(self, window: Window) -> pa.Table:
        begin, end = np.searchsorted(self._time, (window.begin, window.end))
        return self._rows.slice(begin, end - begin)

    def measures(self, window: Window, refused: Sequence[int]) -> list[Measure]:
        """The numbers of a window, and what they may be by the windows before it that were not
        `refused`; its times are in it, for it was cut by them."""
        earlier = [w for w in self._windows[: window.number] if w.number not in refused]
        *before, tonight = [Arrivals(self.of(w), w.begin, w.end) for w in (*earlier, window)]
        return measured(tonight, before, self.known(self._windows[0], ()))

    def _inside(self, window: Window) -> npt.NDArray[np.bool_]:
        inside: npt.NDArray[np.bool_] = (self._time >= window.begin) & (self._time < window.end)
        return inside


def rows_hash(rows: pa.Table) -> str:
    """Hex SHA-256 of who took what and when, in the order of the rows."""
    digest = hashlib.sha256()
    for name, kind in (("user", pa.string()), ("item", pa.string()), ("timestamp", pa.int64())):
        column = rows[name].cast(kind).combine_chunks()
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, pa.schema({name: column.type})) as writer:
            writer.write_batch(pa.record_batch({name: column}))
        digest.update(sink.getvalue())
    return digest.hexdigest()
