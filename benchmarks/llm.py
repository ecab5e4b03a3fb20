r"""The language model's part beside the authors' way of doing it: tuning, then generation.

    python -m benchmarks.llm                    # the compact model and SmolLM2 (`make smollm2`)
    python -m benchmarks.llm --models compact

Both sides have the same base model, the same adapter, the same lists (20 cuts of every user's
shuffled list of at most 30 items, from a part of the bundled data) and as many CPU seconds, each in
a process of its own with one thread. *authors* is `benchmarks/authors.py`. *ours, their prompts*
tunes with our loop on the very same texts; *ours* shows the lists without words and users, and
SmolLM2 gets a token for each item. Our loop multiplies SmolLM2's matrices in bfloat16. The loss is
that of items of validation among the catalogue, in nats each. Memory is the most the process ever
had.

Generation is by the model that our loop tuned on their prompts, so that both write from the same
weights; *ours* is by the one of that row. *Accepted* are distinct items of the catalogue that the
user has not seen. *A pass* is one of the model over the whole batch: what the restriction to
unseen items costs is the difference between *sample* and *free text*, which is the same without it,
and as many tokens.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.llm_side import WORDS, Job
from benchmarks.pipe import ONE_THREAD, ROOT
from llm4idrec.artifacts import INTERACTIONS
from llm4idrec.config import BaseModelConfig, Config
from llm4idrec.flow import run_stage
from llm4idrec.language_model.base_model import make_base_model
from llm4idrec.stages import STAGES

SEED, USERS, LONGEST, ITEMS = 0, 16, 30, 40
Outcome = dict[str, Any]
COMMON = {"preset": "paper", "loss_on": "answer", "precision": "float32", "max_length": 1024}
TUNING: dict[str, dict[str, Any]] = {
    "compact": {"preset": "compact", "max_length": 1024},
    "smollm2": COMMON | {"batch_size": 8, "accumulation": 1},
}
OURS: dict[str, dict[str, Any]] = {"compact": {}, "smollm2": {"precision": "bfloat16"}}
SECONDS = {"compact": 15.0, "smollm2": 60.0}
SHARE = {"compact": 0.4, "smollm2": 0.13}
"""Of the data's users."""
SIDES = {
    "authors": ("authors", True),
    "ours, their prompts": ("ours", True),
    "ours": ("ours", False),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.llm",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--models", nargs="+", choices=TUNING, default=list(TUNING))
    for model in parser.parse_args().models:
        with tempfile.TemporaryDirectory(prefix="llm-") as folder:
            for line in _tables(model, Path(folder)):
                print(line, flush=True)


def _tables(model: str, at: Path) -> Iterator[str]:
    config = Config.read(ROOT / "params.yaml")
    changes = {"sample_users": SHARE[model], "path": ROOT / config.data.path}
    data = config.data.model_copy(update=changes)
    run_stage(STAGES["prepare"], config.model_copy(update={"data": data}), at)
    summary = json.loads((at / "train/summary.json").read_text(encoding="utf-8"))
    yield "{users} users, {catalogue_items} items, {train_pairs} pairs".format(**summary)
    jobs = dict(_jobs(model, config.base_model, at))
    yield from _tuning_table(model, jobs)
    yield from _generation_table(model, jobs)


def _jobs(model: str, compact: BaseModelConfig, at: Path) -> Iterator[tuple[str, Job]]:
    """The job of each side, with its base model made."""
    train = at / "train" / INTERACTIONS
    for side, (loop, words) in SIDES.items():
        base = at / model / ("spelt" if words or model == "compact" else "owned")
        settings = compact
        if model != "compact":
            settings = BaseModelConfig(kind="pretrained", name=model, id_tokens=not words)
        if not base.exists():
            make_base_model(train, base, settings, lists=WORDS[True], seed=SEED, device="cpu")
        yield (
            side,
            Job(
                train=str(train),
                valid=str(at / "heldout/valid.parquet"),
                base_model=str(base),
                adapter=str(at / model / side),
                tuning=TUNING[model] | (OURS[model] if loop == "ours" else {}),
                loop=loop,
                words=words,
                seconds=SECONDS[model],
                longest=LONGEST,
                users=USERS,
                items=ITEMS,
            ),
        )


def _run(task: str, job: Job) -> Outcome:
    command = [sys.executable, "-m", "benchmarks.llm_side", task, json.dumps(asdict(job))]
    environment = os.environ | ONE_THREAD | {"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    )
    outcome: Outcome = json.loads(done.stdout.splitlines()[-1])
    return outcome


def _tuning_table(model: str, jobs: dict[str, Job]) -> Iterator[str]:
    yield f"\n| {model}: tuning | prompts a second | times | updates | loss | peak MB |"
    yield "|---|---|---|---|---|---|"
    first = 0.0
    for side, job in jobs.items():
        found = _run("tune", job)
        pace = found["prompts"] / found["cpu"]
        first = first or pace
        yield (
            f"| {side} | {pace:.2f} | {pace / first:.1f} | {found['updates']} "
            f"| {found['loss']:.3f} | {found['peak_mb']:.0f} |"
        )


def _generation_table(model: str, jobs: dict[str, Job]) -> Iterator[str]:
    yield (
        f"\n| {model}: generation | accepted a second | times | said | not an item | accepted "
        "| CPU seconds | ms a pass |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    ways = _run("generate", jobs["ours, their prompts"])
    ways |= {f"ours, {name}": way for name, way in _run("generate", jobs["ours"]).items()}
    first = ways["authors"]["accepted"] / ways["authors"]["cpu"]
    for name, way in sorted(ways.items()):
        pace = way["accepted"] / way["cpu"]
        times = pace / first if first else float("inf")
        yield (
            f"| {name} | {pace:.2f} | {times:.1f} | {way['said']} | {way['invalid']} "
            f"| {way['accepted']} | {way['cpu']:.1f} | {1e3 * way['cpu'] / way['passes']:.3g} |"
        )


if __name__ == "__main__":
    main()
