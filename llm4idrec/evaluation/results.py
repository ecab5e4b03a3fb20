"""What the fits of an experiment left, gathered into the tables and models that outlive them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from llm4idrec.augmentation.arms import LANGUAGE_MODEL, ORIGINAL, fused
from llm4idrec.augmentation.choice import ORIGINAL_DATA
from llm4idrec.evaluation.experiment import FUSED_ARMS, Experiment, Fit
from llm4idrec.evaluation.selection import ArmChoice
from llm4idrec.runtime.files import write_json


class Variant(NamedTuple):
    """What a table of results names: rankings of the recommender after training on some data."""

    name: str
    judged: Sequence[Fit]
    """By validation, a fit a seed; equal ones where the seed means nothing."""
    tested: Sequence[Fit]
    fused: bool = False
    """Whether the rankings are fused with EASE's own."""


def write_results(
    experiment: Experiment, choices: Mapping[str, ArmChoice], folder: Path
) -> dict[str, float]:
    """Write the files of `evaluate_recommender` into `folder`; the numbers of `summary.json`."""
    variants = list(_variants(experiment, choices))
    write_json(folder / "selection.json", _selection(experiment, choices))
    per_user = pa.concat_tables(
        labelled(experiment.measures(fit, fused=v.fused).by_user, v.name, seed)
        for v in variants
        for seed, fit in enumerate(v.tested)
    )
    pq.write_table(per_user, folder / "per_user.parquet")
    pq.write_table(_validation(experiment, variants), folder / "validation.parquet")
    pq.write_table(_history(experiment, choices), folder / "history.parquet")
    numbers = _choices(choices) | {"n_users": len(pc.unique(per_user["user"]))}
    for variant in variants:
        numbers |= _means(experiment, variant, per_user)
    numbers["generated_pairs"] = numbers[f"{LANGUAGE_MODEL}_generated_pairs"]
    write_json(folder / "summary.json", numbers)
    for variant in variants:
        if variant.name in FUSED_ARMS:
            model = experiment.model(variant.tested[0])
            shutil.copytree(model, folder / "models" / variant.name)
    return numbers


def _variants(experiment: Experiment, choices: Mapping[str, ArmChoice]) -> list[Variant]:
    """The original, every arm that chose something, and what is fused with EASE."""
    chosen = {ORIGINAL: ORIGINAL_DATA}
    chosen |= {arm: choice.chosen for arm, choice in choices.items() if choice.chosen.amount}
    plain = [
        Variant(arm, experiment.selecting(arm, its), experiment.comparing(arm, its))
        for arm, its in chosen.items()
    ]
    both = [v for v in plain if v.name in FUSED_ARMS] if experiment.fuses else []
    return plain + [v._replace(name=fused(v.name), fused=True) for v in both]


def _selection(experiment: Experiment, choices: Mapping[str, ArmChoice]) -> dict[str, object]:
    arms = {
        arm: {
            "scores": [{**a._asdict(), "by_seed": by_seed} for a, by_seed in choice.scores.items()],
            "chosen": choice.chosen._asdict(),
        }
        for arm, choice in choices.items()
    }
    return {"metric": experiment.metric, "runs": experiment.runs, "arms": arms}


def _validation(experiment: Experiment, variants: Sequence[Variant]) -> pa.Table:
    users = experiment.inputs.read_data().at_validation.users
    tables = []
    for variant in variants:
        column = "fused" if variant.fused else experiment.metric
        for seed, fit in enumerate(variant.judged):
            values = pq.read_table(experiment.valid_file(fit), columns=[column])[column]
            table = pa.table({"user": users, experiment.metric: values})
            tables.append(labelled(table, variant.name, seed))
    return pa.concat_tables(tables)


def labelled(table: pa.Table, variant: str, seed: int) -> pa.Table:
    """The rows of a fit behind the columns variant and seed."""
    seeds = pa.array(np.full(len(table), seed, np.int32))
    names = pa.repeat(variant, len(table))
    return table.add_column(0, "seed", seeds).add_column(0, "variant", names)


def _history(experiment: Experiment, choices: Mapping[str, ArmChoice]) -> pa.Table:
    """A row a validation of every fit there is: series, step (epoch), loss and the means."""
    fits = dict.fromkeys(
        fit
        for arm, choice in choices.items()
        for augmentation, by_seed in choice.scores.items()
        for fit in experiment.selecting(arm, augmentation)[: len(by_seed)]
    )
    rows = [
        {"series": str(fit), "step": record["epoch"], "loss": record["loss"], **record["scores"]}
        for fit in fits
        for record in experiment.training(fit)["records"]
    ]
    return pa.Table.from_pylist(rows)


def _choices(choices: Mapping[str, ArmChoice]) -> dict[str, float]:
    """What each arm chose, the language model's as `chosen_` too."""
    own = choices[LANGUAGE_MODEL].chosen._asdict()
    numbers: dict[str, float] = {f"chosen_{name}": value for name, value in own.items()}
    for arm, choice in choices.items():
        numbers |= {f"{arm}_{name}": value for name, value in choice.chosen._asdict().items()}
        numbers[f"{arm}_generated_pairs"] = 0
    return numbers


def _means(experiment: Experiment, variant: Variant, per_user: pa.Table) -> dict[str, float]:
    """Of a variant over users and seeds, and over its fits of what has no value for a user."""
    rows = per_user.filter(pc.equal(per_user["variant"], variant.name))
    means = {metric: pc.mean(rows[metric]).as_py() for metric in per_user.column_names[3:]}
    measured = [experiment.measures(fit, fused=variant.fused).numbers for fit in variant.tested]
    means |= {key: float(np.mean([m[key] for m in measured])) for key in measured[0]}
    if not variant.fused:
        epochs = [experiment.training(fit)["best_epoch"] for fit in variant.judged]
        means["best_epoch"] = float(np.mean(epochs))
        if variant.name != ORIGINAL:
            means["generated_pairs"] = float(np.mean([experiment.added(f) for f in variant.tested]))
    return {f"{variant.name}_{key}": value for key, value in means.items()}
