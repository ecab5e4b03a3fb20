"""Ready views of the runs for MLflow's user interface, and the experiment's description.

A view says which runs, columns and charts. It is a tag of the experiment, as MLflow keeps the views
that its users save; its address holds the tag's key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llm4idrec.config import Config
from llm4idrec.config.search import search_space
from llm4idrec.tuning.filter_tuning import FilterChoice
from llm4idrec.verdict.wording import recommender_name
from pipelines.tools import mlflow_internals
from pipelines.tools.mlflow_internals import NEWEST, NOTE, VIEW
from pipelines.tracking.search import equal
from pipelines.tracking.stage_runs import VERSION, StageRun
from pipelines.tracking.trial_runs import FILTER, SETTINGS
from pipelines.tracking.variants import TRIAL

COMPARED = f"tags.data != '{TRIAL}'"
COMPARISON, CHARTS, VERSIONS = "comparison", "charts-", "versions"
TRIALS, SETTINGS_TRIALS = "trials", "settings"
ORDER = (COMPARISON, CHARTS[:-1], VERSIONS, TRIALS, SETTINGS_TRIALS)
START = "**Ready views**: "
WIDEST, WIDE, NARROW = 320, 150, 110


def write_views(run: StageRun, config: Config) -> None:
    """Set the tags that are not as they should be, after an evaluation or a tuning of the
    recommenders of `config`; a description that somebody else wrote stays."""
    its = run.client.get_experiment(run.experiment_id).tags
    tags = {
        f"{VIEW}{key}": mlflow_internals.saved_view(*view)
        for key, view in _views(run, config).items()
    }
    if its.get(NOTE, START).startswith(START):
        tags[NOTE] = _description(run.experiment_id, its | tags)
    for key, text in tags.items():
        if its.get(key) != text:
            run.client.set_experiment_tag(run.experiment_id, key, text)


def address(experiment_id: str, key: str) -> str:
    """Of a view, below the server's own address."""
    return mlflow_internals.view_address(experiment_id, key, charts=key.startswith(CHARTS))


def _views(run: StageRun, config: Config) -> dict[str, tuple[str, dict[str, Any]]]:
    """Name and state by key; charts are of this version, tables of all."""
    metric, cutoff = config.evaluation.metric, max(config.evaluation.cutoffs)
    figures = [f"test/{metric}", f"test/gain_{metric}", f"test/recall_at_{cutoff}"]
    newest = equal("version", run.about["version"])
    compared = {
        "tags": ["dataset"],
        "metrics": list(dict.fromkeys(figures)),
        "params": ["amount", "popularity_exponent", "seeds"],
        " tags": ["filter", "data", "source", "recommender", "version"],
    }
    versions = {
        "tags": ["dataset", "filter", "serve", "verdict"],
        " tags": ["version", "git.commit", "git.dirty"],
    }
    return {
        COMPARISON: ("Original, language model, others", _table(COMPARED, compared)),
        **{
            f"{CHARTS}{name}": (
                f"Charts: {recommender_name(name)}",
                _charts(f"{COMPARED} and tags.recommender = '{name}' and {newest}", metric),
            )
            for name in config.recommenders
        },
        VERSIONS: ("Versions and their verdicts", _table(f"tags.`{VERSION}` LIKE '%'", versions)),
        TRIALS: ("Trials of the filter", _trials(FILTER, FilterChoice._fields)),
        SETTINGS_TRIALS: ("Trials of settings", _trials(SETTINGS, _searched(config))),
    }


def _trials(search: str, params: Iterable[str]) -> dict[str, Any]:
    """Those of a search, whose parameters they are, the best first."""
    columns = {
        "tags": ["recommender", "outcome"],
        "metrics": ["trial/value", "trial/gain"],
        "params": list(params),
        " tags": ["dataset", "version"],
    }
    runs = f"tags.data = '{TRIAL}' and tags.search = '{search}'"
    return _table(runs, columns, "metrics.`trial/value`")


def _searched(config: Config) -> list[str]:
    """The settings that are searched for any of the recommenders that are named for it."""
    names = config.tune_recommenders.names
    return list(dict.fromkeys(key for n in names for key in search_space(n, config.settings(n))))


def _table(runs: str, columns: Mapping[str, Sequence[str]], order: str = NEWEST) -> dict[str, Any]:
    """Those runs with those columns, in their order; those with the largest `order` first."""
    keys = [f"{kind.strip()}.`{name}`" for kind, names in columns.items() for name in names]
    widths = {key: WIDE if key.startswith("metrics.") else NARROW for key in keys}
    widths |= dict.fromkeys((mlflow_internals.NAME, "tags.`verdict`"), WIDEST)
    return mlflow_internals.table_state(runs, keys, order, widths=widths)


def _charts(runs: str, metric: str) -> dict[str, Any]:
    """Validation by epoch, the test's value and gain; MLflow adds the other metrics below."""
    kinds = {f"validation/{metric}": "LINE", f"test/{metric}": "BAR", f"test/gain_{metric}": "BAR"}
    return mlflow_internals.charts_state(runs, kinds)


def _description(experiment_id: str, tags: Mapping[str, str]) -> str:
    """The first line, which MLflow shows unasked, has a link to every view among `tags`."""
    views = {k.removeprefix(VIEW): text for k, text in tags.items() if k.startswith(VIEW)}
    links = " · ".join(
        f"[{mlflow_internals.view_name(views[key])}]({address(experiment_id, key)})"
        for key in sorted(views, key=lambda key: (ORDER.index(key.partition("-")[0]), key))
    )
    return f"""{START}{links}

A run `DATA SET · FILTER · VERSION` stands for a version of code, parameters and data; its
description is the verdict. In it are the stages; in `evaluate` a run for each data set that a
recommender was trained on (tag `data`: original, language_model or control) and for what is fused
with EASE (fused); in `rank` one for each of what generates (by itself); in `tune` and
`tune_recommenders` one for each trial.
"""
