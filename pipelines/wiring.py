"""How steps make up each stage: the wiring of `dvc.yaml`'s stages and of the whole flow.

A wiring takes the files there are so far, by their path in the repository, and returns the ones it
adds. In a ZenML pipeline the values are artifacts, typed as what the steps return.
"""

from __future__ import annotations

from collections.abc import Mapping

from llm4idrec.config import Config
from pipelines.git import git_tags
from pipelines.stages import (
    ADAPTER,
    AUGMENTED,
    AUGMENTED_VALIDATION,
    BASE_MODEL,
    CANDIDATES,
    COMPARISON,
    CONTROL_COMPARISON,
    CONTROLS,
    EVALUATION,
    EVALUATIONS,
    FIGURES,
    GENERATIONS,
    HELDOUT,
    IDENTIFIERS,
    METRICS,
    PLOTS,
    PROMPTS,
    RAW,
    RAW_VALIDATION,
    SOURCE,
    TRAIN,
    TUNING,
    TUNING_PAGE,
    Files,
)
from steps.build_prompts import build_prompts
from steps.evaluate_recommender import evaluate_recommender
from steps.filter_candidates import filter_candidates
from steps.fit_controls import fit_controls
from steps.gather_evaluations import gather_evaluations
from steps.generate_candidates import generate_candidates
from steps.make_base_model import make_base_model
from steps.merge_candidates import merge_candidates
from steps.read_interactions import read_interactions
from steps.split_interactions import split_interactions
from steps.tune_adapter import tune_adapter
from steps.tune_filter import tune_filter
from steps.validate_augmented import validate_augmented
from steps.validate_interactions import validate_interactions
from steps.write_plots import write_plots
from steps.write_report import write_report


def prepare(config: Config, files: Files) -> Files:
    raw = read_interactions(files[SOURCE], config.data)
    validation = validate_interactions(raw, config.data)
    train, heldout, identifiers = split_interactions(
        raw, config.data, config.split, config.seed, after=validation
    )
    return {
        RAW: raw,
        RAW_VALIDATION: validation,
        TRAIN: train,
        HELDOUT: heldout,
        IDENTIFIERS: identifiers,
    }


def base_model(config: Config, files: Files) -> Files:
    model = make_base_model(
        files[TRAIN],
        config.base_model,
        config.lists,
        config.seed,
        config.device,
        config.threads,
    )
    return {BASE_MODEL: model}


def adapter(config: Config, files: Files) -> Files:
    prompts = build_prompts(files[TRAIN], config.prompts, config.lists, config.seed)
    tuned = tune_adapter(
        files[BASE_MODEL], prompts, config.adapter, config.seed, config.device, config.threads
    )
    return {PROMPTS: prompts, ADAPTER: tuned}


def generate(config: Config, files: Files) -> Files:
    generations = generate_candidates(
        files[TRAIN],
        files[BASE_MODEL],
        files[ADAPTER],
        config.generation,
        config.lists,
        config.seed,
        config.device,
        config.threads,
    )
    return {GENERATIONS: generations}


def controls(config: Config, files: Files) -> Files:
    settings = {
        name: section.model_dump(mode="json") for name, section in config.control_settings.items()
    }
    candidates = fit_controls(
        files[TRAIN],
        list(config.controls),
        config.generation.items,
        settings,
        config.seed,
        config.device,
        config.threads,
        config.memory,
    )
    return {CONTROLS: candidates}


def tune(config: Config, files: Files) -> Files:
    tuned: Files = {}
    for name in config.recommenders:
        tuning, page = tune_filter(
            files[TRAIN],
            files[HELDOUT],
            files[GENERATIONS],
            name,
            config.settings(name).model_dump(mode="json"),
            config.evaluation,
            config.filter,
            config.ease,
            config.tune,
            config.seed,
            config.device,
            config.dataset,
            id=f"tune_{name}",
        )
        tuned[TUNING.format(recommender=name)] = tuning
        tuned[TUNING_PAGE.format(recommender=name)] = page
    return tuned


def augment(config: Config, files: Files) -> Files:
    candidates = filter_candidates(
        files[TRAIN],
        files[GENERATIONS],
        files[CONTROLS],
        config.filter,
        config.ease,
        config.memory,
    )
    augmented = merge_candidates(files[TRAIN], files[IDENTIFIERS], candidates, config.memory)
    validation = validate_augmented(augmented, files[TRAIN])
    return {CANDIDATES: candidates, AUGMENTED: augmented, AUGMENTED_VALIDATION: validation}


def evaluate(config: Config, files: Files) -> Files:
    return {
        EVALUATION.format(recommender=name): evaluate_recommender(
            files[TRAIN],
            files[HELDOUT],
            files[AUGMENTED],
            name,
            config.settings(name).model_dump(mode="json"),
            config.evaluation,
            config.filter,
            config.ease,
            list(config.controls),
            config.seed,
            config.device,
            id=f"evaluate_{name}",
        )
        for name in config.recommenders
    }


def report(config: Config, files: Files) -> Files:
    evaluations = files.get(EVALUATIONS) or gather_evaluations(
        [files[EVALUATION.format(recommender=name)] for name in config.recommenders]
    )
    comparison, versus_controls, metrics, figures = write_report(
        files[SOURCE],
        files[RAW],
        files[TRAIN],
        files[HELDOUT],
        files[PROMPTS],
        files[BASE_MODEL],
        files[ADAPTER],
        files[GENERATIONS],
        files[CONTROLS],
        files[CANDIDATES],
        files[AUGMENTED],
        evaluations,
        config,
        code_version(git_tags()),
    )
    return {
        EVALUATIONS: evaluations,
        COMPARISON: comparison,
        CONTROL_COMPARISON: versus_controls,
        METRICS: metrics,
        PLOTS: write_plots(evaluations, list(config.recommenders)),
        FIGURES: figures,
    }


def code_version(git: Mapping[str, str]) -> str:
    """The commit, for the report; empty outside a repository."""
    if git["git.commit"] == "none":
        return ""
    changes = ", with changes that are not committed" if git["git.dirty"] == str(True) else ""
    return f"commit {git['git.commit']}{changes}"


FLOW = (prepare, base_model, adapter, generate, controls, augment, evaluate, report)
WIRINGS = {wiring.__name__: wiring for wiring in (*FLOW, tune)}
