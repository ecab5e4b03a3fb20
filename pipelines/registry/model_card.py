"""The text beside a registered version: what it is, what it was worth, how to load it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from llm4idrec.config import Config
from llm4idrec.verdict.comparison import Row
from llm4idrec.verdict.judgement import judge
from llm4idrec.verdict.wording import interval, metric_name, p_cell, percent, recommender_name

LOAD = """\
import mlflow, pandas
model = mlflow.pyfunc.load_model("models:/{name}@champion")
model.predict(pandas.DataFrame({{"user": ["anna"], "items": [{items}]}}))
"""
LIMITS = (
    "An ID is known if it is in the train data; others are left out of a history.",
    "Validation chose the amount of generated items, so gains there are somewhat too large; those "
    "on the test are not.",
    "What it proposes is learnt from who took what with what: it follows what was popular then, "
    "and knows nothing of items beyond their IDs.",
)
NAMED = "Its prompts name the user, so it answers for the users that it was tuned on only."
PRETRAINED = "The base model is not in here, only its name, under which it must be reachable."


def model_card(
    name: str,
    config: Config,
    facts: Mapping[str, str],
    *,
    validation: Sequence[Row],
    test: Iterable[Row],
    items: Sequence[str],
) -> str:
    """Markdown; `name` is that of the registered model, `config` what the version was made with and
    `facts` its tags, `validation` what its recommenders gave there, `test` the rows of
    `comparison.json`, of which those of the selection metric are shown, and `items` the own IDs of
    some items, for the example."""
    metric = validation[0]["metric"]
    of_test = [row for row in test if row["metric"] == metric]
    return "\n".join(
        [
            f"# {name}: {config.dataset}\n",
            "A LoRA adapter on a causal language model that proposes further items for a history "
            f"of item IDs. It was tuned on {_known(config)}, never on the test part.\n",
            *_facts(config, facts),
            f"\n## Figures\n\n{metric_name(metric)} of recommenders trained on original data and "
            "on data with generated items; p and interval are of a paired "
            "test in which users and seeds vary, p Holm-corrected.\n",
            *_figures({"validation": validation, "test": of_test}),
            f"\n## Use\n\n```python\n{LOAD.format(name=name, items=json.dumps(items))}```\n",
            "## Limits\n",
            *(f"- {limit}" for limit in _limits(config)),
        ]
    )


def _known(config: Config) -> str:
    if not config.evaluation.refit:
        return "the train part only"
    return (
        "train and validation; the figures on validation are of one that was tuned alike on the "
        "train part only"
    )


def _limits(config: Config) -> tuple[str, ...]:
    named = (NAMED,) if config.lists.users else ()
    return LIMITS + named + ((PRETRAINED,) if config.base_model.kind == "pretrained" else ())


def _facts(config: Config, facts: Mapping[str, str]) -> list[str]:
    lora, prompts = config.adapter, config.prompts
    return [
        f"- Base model: {facts['base_model.name']}, {facts['base_model.hash']}",
        f"- LoRA: rank {lora.rank}, alpha {lora.alpha:g}, dropout {lora.dropout:g} on "
        f"{', '.join(lora.target_modules)}; {lora.steps} steps of "
        f"{lora.batch_size * lora.accumulation} prompts, loss on {lora.loss_on}",
        f"- Prompts: {prompts.per_user} a user, {prompts.fully_share:g} of them of the whole list, "
        f"the rest of {prompts.subset_length} items; `{facts['lists']}`",
        f"- Generation: `{facts['generation']}`",
        f"- Data: {config.dataset}, {facts['protocol']} split, seed {config.seed}; md5 of train "
        f"`{facts['md5.train']}`, of what is held out `{facts['md5.heldout']}`",
        f"- md5 of the adapter: `{facts['md5.adapter']}`",
    ]


def _figures(parts: Mapping[str, Sequence[Row]]) -> list[str]:
    head = "| recommender | set | original | augmented | gain | 95 % interval | p | verdict |"
    lines = [
        f"| {recommender_name(row['recommender'])} | {part} | {row['original']:.4f} "
        f"| {row['augmented']:.4f} | {percent(row['relative_gain'])} "
        f"| {interval(row['ci_low'], row['ci_high'])} | {p_cell(row['p_value'])} "
        f"| {judge(row)} |"
        for part, rows in parts.items()
        for row in rows
    ]
    return [head, "|---|---|--:|--:|--:|--:|--:|---|", *lines]
