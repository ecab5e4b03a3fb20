"""How the stages without a language model grow: seconds, memory, bytes from 1 to 20 million pairs.

    python -m benchmarks.scale --pairs 1 5 20 --folder /tmp/scale

Users have log-normal history lengths, 20 items on average, and items Zipf popularity. Each stage
runs in a fresh process on what the stage before it wrote. The candidates of the language model and
of a control, in two replicates, are drawn by popularity. The ranking is of 20,000 users, by random
vectors, which cost what trained ones do; its seconds are to be multiplied by the users there are.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from benchmarks.pipe import ROOT, peak_mb
from llm4idrec.artifacts import INTERACTIONS, Files
from llm4idrec.augmentation.arms import SELECTION, final
from llm4idrec.config import Config
from llm4idrec.config.yaml_file import read_yaml
from llm4idrec.data.candidates import SCHEMA
from llm4idrec.data.interactions import Interactions
from llm4idrec.stages import augment, prepare, prompts
from llm4idrec.stages.stage import Stage

IntArray = npt.NDArray[np.integer]
DATA = "interactions.csv"
ITEMS = 100_000
HISTORY = 20
"""Mean interactions of a user."""
CANDIDATES = 30
"""Of each user, from the language model and from a control."""
RANKED = 20_000
"""Users of whom the ranking is measured."""


def draw_pairs(
    users: int, items: int, pairs: int, *, rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Distinct pairs in random order, about `pairs` of them: log-normal histories, Zipf items."""
    length = rng.lognormal(0, 0.8, users)
    length = np.clip(length * (pairs / length.sum()), 5, items / 4).astype(np.int64)
    share = 1 / np.arange(1, items + 1) ** 0.8
    bounds = np.cumsum(share / share.sum())
    user = np.repeat(np.arange(users), length)
    item = np.minimum(np.searchsorted(bounds, rng.random(len(user))), items - 1)
    key = np.unique(user * items + item)
    rng.shuffle(key)
    return key // items, key % items


def write_interactions(at: Path, pairs: int, items: int = ITEMS) -> None:
    """A CSV file with the columns user, item and time in `at`, unless there is that folder."""
    if at.exists():
        return
    at.mkdir(parents=True)
    rng = np.random.default_rng(0)
    user, item = draw_pairs(pairs // HISTORY, items, pairs, rng=rng)
    columns = {"user": user, "item": item, "time": rng.integers(1 << 30, size=len(user))}
    pyarrow.csv.write_csv(pa.table(columns), at / DATA)


def write_candidates(
    folder: Path, train: Interactions, *, per_user: int, shard_users: int, seed: int = 0
) -> None:
    """Write `shard-*.parquet` of `candidates.SCHEMA` into `folder`, of `shard_users` users each.

    Up to `per_user` items a user are drawn, by their popularity in `train`, from `seed`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    bounds = np.cumsum(train.item_counts / len(train))
    for number, first in enumerate(range(0, train.n_users, shard_users)):
        user = np.repeat(np.arange(first, min(first + shard_users, train.n_users)), per_user)
        item = np.minimum(np.searchsorted(bounds, rng.random(len(user))), train.n_items - 1)
        user, item = np.divmod(np.unique(user * train.n_items + item), train.n_items)
        order = np.lexsort((rng.random(len(user)), user))
        user, item = user[order], pa.array(item[order], pa.int32())
        votes = pa.array(rng.integers(1, 9, len(user)))
        table = {
            "user": user,
            "text": pc.binary_join_element_wise("i", item.cast(pa.string()), ""),
            "item": item,
            "votes": votes,
            "mentions": votes,
            "mean_log_probability": -rng.random(len(user)),
            "rank": np.arange(len(user)) - np.searchsorted(user, user) + 1,
        }
        pq.write_table(pa.table(table).cast(SCHEMA), folder / f"shard-{number:05d}.parquet")


def parameters(at: Path, memory: float) -> Config:
    """The repository's, for the file of `write_interactions`."""
    params = read_yaml(ROOT / "params.yaml")
    params["data"] |= {"path": str(at / DATA), "format": "csv", "user": "user", "item": "item"}
    params["data"] |= {"timestamp": "time", "min_history": 1}
    params["prompts"]["per_user"] = 2
    params["replicates"]["runs"] = 1
    params["controls"] = ["language_model+ease", "random"]
    params["memory"] = memory
    return Config.parse(params)


def rank(config: Config, at: Path) -> None:
    """The best 20 unseen items of `RANKED` users, by vectors of 64 dimensions."""
    import torch

    from llm4idrec.metrics.ranking import user_metrics
    from llm4idrec.recommenders.graph.mf import MF
    from llm4idrec.runtime.threads import fixed_threads

    train = Interactions.read(at / "train/interactions.parquet")
    test = Interactions.read(at / "heldout/test.parquet")
    draw = torch.Generator().manual_seed(0)
    model = MF(config.mf)
    sizes = {"users": train.n_users, "items": train.n_items}
    model.restore({name: torch.randn(n, 64, generator=draw) for name, n in sizes.items()})
    users = np.flatnonzero(test.history_lengths)[:RANKED].astype(np.int32)
    with fixed_threads(1):
        user_metrics(model.recommend(users, 20, train), users, test, cutoffs=(10, 20))


def of(stage: Stage, run: Callable[[Files, Config], None]) -> Callable[[Config, Path], None]:
    """A part of a stage, on the folder of the files."""
    return lambda config, at: run(stage.files(config, at), config)


STAGES: dict[str, tuple[Callable[[Config, Path], None], tuple[str, ...]]] = {
    "read": (lambda config, at: prepare.read(at / "raw", config.data), ("raw",)),
    "split": (of(prepare.STAGE, prepare.split), ("train", "heldout", "identifiers")),
    "know": (of(prepare.STAGE, prepare.know), ("known",)),
    "prompts": (of(prompts.STAGE, prompts.prompts), ("prompts",)),
    "filter": (of(augment.STAGE, augment.filter), ("candidates",)),
    "merge": (of(augment.STAGE, augment.merge), ("augmented",)),
    "rank": (rank, ()),
}


def measured(stage: str, at: Path, memory: float) -> dict[str, float]:
    """Run one stage in this process on the folder `at`; what it took."""
    config = parameters(at, memory)
    run, folders = STAGES[stage]
    started = time.process_time()
    run(config, at)
    seconds = time.process_time() - started
    files = [file for folder in folders for file in (at / folder).rglob("*") if file.is_file()]
    written = sum(file.stat().st_size for file in files)
    return {"seconds": seconds, "peak_mb": peak_mb() * 1.048576, "written": written}


def in_fresh_process(stage: str, at: Path, memory: float) -> dict[str, Any]:
    """CPU seconds, the most memory (MB) and bytes written by one stage on the folder `at`."""
    put_in_place(stage, at)
    command = [sys.executable, "-m", "benchmarks.scale", "--stage", stage, "--folder", str(at)]
    command += ["--memory", str(memory)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def put_in_place(stage: str, at: Path) -> None:
    """Put in place what a language model and a control would have left for `stage`."""
    if stage != "filter" or (at / "replicates").exists():
        return
    (at / "settings").mkdir()  # as params.yaml has them
    for name, folder in ((SELECTION, "train"), (final(0), "known")):
        known, its = Interactions.read(at / folder / INTERACTIONS), at / "replicates" / name
        write_candidates(its / "generations", known, per_user=CANDIDATES, shard_users=256)
        everyone = known.n_users
        write_candidates(its / "drawn", known, per_user=CANDIDATES, shard_users=everyone, seed=1)
        (its / "controls").mkdir()
        (its / "drawn/shard-00000.parquet").rename(its / "controls/random.parquet")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pairs", type=float, nargs="+", default=[1], help="millions")
    parser.add_argument("--items", type=int, default=ITEMS)
    parser.add_argument("--memory", type=float, default=4.0, help="GB, as in params.yaml (4)")
    parser.add_argument("--folder", type=Path, default=Path("/tmp/scale"))
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        print(json.dumps(measured(options.stage, options.folder, options.memory)))
        return
    for millions in options.pairs:
        at = options.folder / f"{millions:g}M"
        write_interactions(at, int(millions * 1e6), options.items)
        for stage in options.stages:
            took = in_fresh_process(stage, at, options.memory)
            print(
                f"{millions:>3g} M  {stage:8}{took['seconds']:8.1f} CPU s "
                f"{took['seconds'] / millions:7.2f} us a pair  {took['peak_mb']:6.0f} MB peak "
                f"{took['written'] / 1e6:8.1f} MB written",
                flush=True,
            )


if __name__ == "__main__":
    main()
