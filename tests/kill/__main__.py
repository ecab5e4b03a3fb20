"""`python -m tests.kill`: kill the flow at every point of the table, and compare the end."""

from __future__ import annotations

import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.kill.chain import Place, complete
from tests.kill.points import ALL


def main() -> int:
    with (
        tempfile.TemporaryDirectory(prefix="kill-", ignore_cleanup_errors=True) as folder,
        ThreadPoolExecutor(1) as beside,
    ):
        whole, killed = Place(Path(folder) / "whole"), Place(Path(folder) / "killed")
        for place in (whole, killed):
            place.root.mkdir()
            place.prepare()
        undisturbed = beside.submit(complete, whole)
        missed = 0
        for number, point in enumerate(ALL, 1):
            started = time.monotonic()
            try:
                left = killed.die(point)
            except AssertionError as error:
                left, missed = f"NOT KILLED: {error}", missed + 1
            seconds = time.monotonic() - started
            print(f"{number:2}  {point!s:66} {seconds:4.0f} s  kept: {left}", flush=True)
        complete(killed)
        undisturbed.result()
        one, two = whole.result(), killed.result()
        differing = [name for name in one.keys() | two.keys() if one.get(name) != two.get(name)]
        print(f"files: {len(one)}; not bit-equal: {sorted(differing) or 'none'}")
        records = whole.records(), killed.records()
        consistent = records[0] == records[1] and not records[1]["running"]
        print(f"MLflow, {records[1]['versions']} version: {consistent or records}")
        return int(bool(differing) or not consistent or missed > 0)


if __name__ == "__main__":
    sys.exit(main())
