"""The stages of the method, each from files to files; the order of the functions is the flow.

A folder that a stage writes may hold, beside its data, `summary.json` (one flat dictionary of
numbers), `history.parquet` (columns `series`, `step`, then numbers) and `cost.json` (seconds), for
any tracker to log.
Modules are imported inside the functions, so that a stage loads only what it uses.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import pyarrow.parquet as pq

from llm4idrec.config import (
    AdapterConfig,
    BaseModelConfig,
    Config,
    DataConfig,
    EvaluationConfig,
    FilterConfig,
    GenerationConfig,
    ListsConfig,
    PromptsConfig,
    SplitConfig,
)
from llm4idrec.config.recommenders import EASEConfig, RecommenderConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.runtime.files import costing, replacing_folder, write_json
from llm4idrec.runtime.threads import fixed_threads

TRAIN = "interactions.parquet"


def read(out: Path, *, data: DataConfig) -> None:
    """Interaction file -> `train.parquet`, perhaps `test.parquet`: string IDs with line numbers."""
    from llm4idrec.data.formats import read_file

    with costing(out), replacing_folder(out) as folder:
        pq.write_table(read_file(data.train_file, data), folder / "train.parquet")
        if data.test_file:
            pq.write_table(read_file(data.test_file, data), folder / "test.parquet")


def split(
    raw: Path,
    train: Path,
    heldout: Path,
    identifiers: Path,
    *,
    data: DataConfig,
    split: SplitConfig,
    seed: int,
) -> None:
    """Raw tables -> train, held-out (`valid.parquet`, `test.parquet`) and identifiers folders."""
    from llm4idrec.data.rows import read_rows
    from llm4idrec.data.split import split_raw
    from llm4idrec.metrics.ranking import evaluated_users, require_several

    test = raw / "test.parquet"
    parts = split_raw(
        read_rows(raw / "train.parquet"),
        read_rows(test) if test.is_file() else None,
        data,
        split,
        seed,
    )
    for name, part in (("valid", parts.valid), ("test", parts.test)):
        require_several(evaluated_users(parts.train, part), heldout / f"{name}.parquet")
    with replacing_folder(identifiers) as folder:
        pq.write_table(parts.users, folder / "users.parquet")
        pq.write_table(parts.items, folder / "items.parquet")
    with replacing_folder(heldout) as folder:
        parts.valid.write(folder / "valid.parquet")
        parts.test.write(folder / "test.parquet")
    with replacing_folder(train) as folder:
        parts.train.write(folder / TRAIN)
        write_json(folder / "summary.json", parts.summary)


def prompts(
    train: Path, out: Path, *, prompts: PromptsConfig, lists: ListsConfig, seed: int
) -> None:
    """Train interactions -> `prompts.jsonl`."""
    from llm4idrec.language_model.prompt_files import write_prompts
    from llm4idrec.language_model.prompts import build_prompts

    with costing(out), replacing_folder(out) as folder:
        built = build_prompts(Interactions.read(train / TRAIN), prompts, lists, seed)
        write_prompts(folder / "prompts.jsonl", built)


def base_model(
    train: Path,
    out: Path,
    *,
    base_model: BaseModelConfig,
    lists: ListsConfig,
    seed: int,
    device: str,
    threads: int,
) -> None:
    """Train interactions -> a Hugging Face model folder, or a reference to a pretrained one."""
    from llm4idrec.language_model.base_model import make_base_model

    with costing(out), fixed_threads(threads):
        make_base_model(train / TRAIN, out, base_model, lists, seed, device)


def adapter(
    base_model: Path,
    prompts: Path,
    out: Path,
    *,
    adapter: AdapterConfig,
    seed: int,
    device: str,
    threads: int,
) -> None:
    """Base model and prompts -> a PEFT adapter folder.

    `LLM4IDREC_ACCELERATE` has it made by the processes that `accelerate launch` starts.
    """
    from llm4idrec.language_model.adapter import tune_adapter
    from llm4idrec.language_model.launch import ARGUMENTS, launch_tuning
    from llm4idrec.language_model.processes import is_main, joined

    given = (base_model, prompts / "prompts.jsonl", out, adapter, seed, device)
    arguments = os.environ.get(ARGUMENTS)
    with costing(out) if is_main() else nullcontext(), fixed_threads(threads):
        if arguments and not joined():
            launch_tuning(arguments, *given, threads)
        else:
            tune_adapter(*given)


def generate(
    train: Path,
    base_model: Path,
    adapter: Path,
    out: Path,
    *,
    generation: GenerationConfig,
    lists: ListsConfig,
    seed: int,
    device: str,
    threads: int,
) -> None:
    """Tuned model -> shards of candidates with votes, mean log-probability and rank."""
    from llm4idrec.generation.generator import generate_candidates

    with costing(out):
        generate_candidates(
            train / TRAIN, base_model, adapter, out, generation, lists, seed, device, threads
        )


def controls(
    train: Path,
    out: Path,
    *,
    controls: Sequence[str],
    items: int,
    settings: Mapping[str, RecommenderConfig],
    seed: int,
    device: str,
    threads: int,
    memory: float,
) -> None:
    """Train interactions -> candidates of who stands in the model's place, `<control>.parquet`."""
    from llm4idrec.augmentation.controls import write_controls

    with costing(out), replacing_folder(out) as folder, fixed_threads(threads):
        interactions = Interactions.read(train / TRAIN)
        write_controls(interactions, folder, controls, items, settings, seed, device, memory)


def filter(
    train: Path,
    generations: Path,
    controls: Path,
    out: Path,
    *,
    filter: FilterConfig,
    ease: EASEConfig,
    memory: float,
) -> None:
    """Candidates -> the accepted ones, `candidates.parquet` and `controls.parquet`, and
    `summary.json` (counts of the language model's by reason)."""
    from llm4idrec.augmentation.candidate_files import CandidateFiles
    from llm4idrec.augmentation.filter_files import filter_files
    from llm4idrec.augmentation.filtering import PROPOSED, CandidateFilter
    from llm4idrec.data.candidates import shards

    # One thread, as in the workers of tuning, whose candidates are to be the same.
    with costing(out), replacing_folder(out) as folder, fixed_threads(1):
        summary = filter_files(
            CandidateFiles(shards(generations), PROPOSED),
            {f.stem: CandidateFiles([f], PROPOSED) for f in sorted(controls.glob("*.parquet"))},
            CandidateFilter(Interactions.read(train / TRAIN), filter, ease),
            folder=folder,
            memory=memory,
        )
        write_json(folder / "summary.json", summary)


def merge(train: Path, identifiers: Path, candidates: Path, out: Path, *, memory: float) -> None:
    """Train and accepted candidates -> `interactions.parquet` and, in the user's IDs, a CSV; the
    controls' candidates with their relative ranks -> `controls.parquet`."""
    from llm4idrec.augmentation.merge_files import merge_files

    with costing(out), replacing_folder(out) as folder:
        original = Interactions.read(train / TRAIN)
        merge_files(original, identifiers, candidates, folder=folder, memory=memory)


def evaluate(
    train: Path,
    heldout: Path,
    augmented: Path,
    out: Path,
    *,
    recommender: str,
    settings: RecommenderConfig,
    evaluation: EvaluationConfig,
    filter: FilterConfig,
    ease: EASEConfig,
    controls: Sequence[str],
    seed: int,
    device: str,
) -> None:
    """Original against augmented data, and that against the controls', for one recommender ->
    `per_user.parquet` and summaries."""
    from llm4idrec.evaluation.evaluate import evaluate_recommender

    with costing(out):
        evaluate_recommender(
            train / TRAIN,
            heldout,
            augmented,
            out,
            recommender,
            settings,
            evaluation,
            filter,
            ease,
            controls,
            seed,
            device,
        )


def plots(evaluations: Sequence[Path], out: Path) -> None:
    """Evaluations -> `curves.csv` and `amounts.csv`, lines for `dvc plots`."""
    from llm4idrec.verdict.digest import write_lines

    with replacing_folder(out) as folder:
        write_lines(evaluations, folder)


def report(
    raw: Path,
    train: Path,
    heldout: Path,
    prompts: Path,
    base_model: Path,
    adapter: Path,
    generations: Path,
    controls: Path,
    candidates: Path,
    augmented: Path,
    evaluations: list[Path],
    out: Path,
    *,
    config: Config,
    source: Path,
    code: str = "",
) -> None:
    """Evaluations, and what led to them -> `comparison.json`, `controls.json`, `metrics.json` and
    `comparison.html`, which also says where they come from."""
    from llm4idrec.report.report import Artifacts, write_report

    artifacts = Artifacts(
        raw,
        train,
        heldout,
        prompts,
        base_model,
        adapter,
        generations,
        controls,
        candidates,
        augmented,
        evaluations,
    )
    write_report(artifacts, out, config=config, source=source, code=code)
