"""`python -m tests.kill`: kill the flow at every point of the table, and compare the end."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.kill.chain import Kill, Moment, Place, complete, moments
from tests.kill.points import ALL

SEED = 2026


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="kill-") as folder:
        whole, killed = Place(Path(folder) / "whole"), Place(Path(folder) / "killed")
        for place in (whole, killed):
            place.root.mkdir()
            place.prepare()
        started = time.monotonic()
        complete(whole)
        print(f"not killed: {time.monotonic() - started:.0f} s", flush=True)
        points: list[Kill | Moment] = [*ALL]
        for moment in moments(SEED):  # in their places in the flow
            ends = [n for n, p in enumerate(points) if moment.stage.split()[0] in str(p)]
            points.insert(ends[0], moment)
        for number, point in enumerate(points, 1):
            left = killed.die(point)
            print(f"{number:2}  {point!s:62}  kept: {left}", flush=True)
        complete(killed)
        one, two = whole.result(), killed.result()
        differing = sorted(name for name in one.keys() | two.keys() if one.get(name) != two.get(name))
        print(f"files: {len(one)}; not bit-equal: {differing or 'none'}")
        records = whole.records(), killed.records()
        print(f"MLflow: {'consistent' if records[0] == records[1] else records}")
        return int(bool(differing) or records[0] != records[1])


if __name__ == "__main__":
    sys.exit(main())
