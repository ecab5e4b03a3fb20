"""Ready views of the runs for MLflow's user interface, and the experiment's description.

A view says which runs, columns and charts. It is a tag of the experiment, as MLflow 3 keeps the
views that its users save; its address holds the tag's key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from llm4idrec.config import Config
from llm4idrec.tuning.filter_tuning import FilterChoice
from llm4idrec.verdict.wording import recommender_name
from pipelines.tracking.search import equal
from pipelines.tracking.stage_runs import NOTE, VERSION, StageRun
from pipelines.tracking.variants import TRIAL

VIEW = "mlflow.sharedViewState."
COMPARED = f"tags.data != '{TRIAL}'"
COMPARISON, CHARTS, VERSIONS, TRIALS = "comparison", "charts-", "versions", "trials"
ORDER = (COMPARISON, CHARTS[:-1], VERSIONS, TRIALS)
START = "**Ready views**: "
NEWEST = "tags.`mlflow.user`"
"""No run has it, and of equal ones the newest is first; sorted by the start itself, the UI would
hide nested runs in their parents."""
WIDEST, WIDE, NARROW = 320, 150, 110


def write_views(run: StageRun, config: Config) -> None:
    """Set the tags that are not as they should be, after an evaluation or a tuning of the
    recommenders of `config`; a description that somebody else wrote stays."""
    its = run.client.get_experiment(run.experiment_id).tags
    tags = {f"{VIEW}{key}": _envelope(*view) for key, view in _views(run, config).items()}
    if its.get(NOTE, START).startswith(START):
        tags[NOTE] = _description(run.experiment_id, its | tags)
    for key, text in tags.items():
        if its.get(key) != text:
            run.client.set_experiment_tag(run.experiment_id, key, text)


def address(experiment_id: str, key: str) -> str:
    """Of a view, below the server's own address. Its workflow keeps MLflow from opening its pages
    for traces of language models."""
    mode = "CHART" if key.startswith(CHARTS) else "TABLE"
    query = f"workflowType=machine_learning&compareRunsMode={mode}&viewStateShareKey={key}"
    return f"#/experiments/{experiment_id}/runs?{query}"


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
        "tags": ["dataset", "filter", "verdict"],
        " tags": ["version", "git.commit", "git.dirty"],
    }
    trials = {
        "tags": ["recommender", "outcome"],
        "metrics": ["trial/value", "trial/gain"],
        "params": list(FilterChoice._fields),
        " tags": ["dataset", "version"],
    }
    return {
        COMPARISON: ("Original, augmented, controls", _table(COMPARED, compared)),
        **{
            f"{CHARTS}{name}": (
                f"Charts: {recommender_name(name)}",
                _charts(f"{COMPARED} and tags.recommender = '{name}' and {newest}", metric),
            )
            for name in config.recommenders
        },
        VERSIONS: ("Versions and their verdicts", _table(f"tags.`{VERSION}` LIKE '%'", versions)),
        TRIALS: (
            "Trials of a tuning",
            _table(f"tags.data = '{TRIAL}'", trials, "metrics.`trial/value`"),
        ),
    }


def _table(runs: str, columns: Mapping[str, Sequence[str]], order: str = NEWEST) -> dict[str, Any]:
    """Those runs with those columns, in their order; those with the largest `order` first."""
    keys = [f"{kind.strip()}.`{name}`" for kind, names in columns.items() for name in names]
    name = "attributes.`Run Name`"
    widths = {key: WIDE if key.startswith("metrics.") else NARROW for key in keys}
    widths |= dict.fromkeys((name, "tags.`verdict`"), WIDEST)
    return {
        "searchFilter": runs,
        "orderByKey": order,
        "orderByAsc": False,
        "selectedColumns": keys,
        "columnOrder": [name, *keys],
        "columnWidths": widths,
        "runsHiddenMode": "FIRST_20_RUNS",
    }


def _charts(runs: str, metric: str) -> dict[str, Any]:
    """Validation by epoch, the test's value and gain; MLflow adds the other metrics below."""
    section = {"uuid": "first", "name": "Compared", "display": True, "isReordered": True}
    keys = {f"validation/{metric}": "LINE", f"test/{metric}": "BAR", f"test/gain_{metric}": "BAR"}
    charts = [
        {
            "uuid": key,
            "type": kind,
            "metricKey": key,
            "metricSectionId": section["uuid"],
            "displayName": key,
            "runsCountToCompare": 20,
            "deleted": False,
            "isGenerated": False,
            **(_LINE if kind == "LINE" else {}),
        }
        for key, kind in keys.items()
    ]
    return {
        "searchFilter": runs,
        "orderByKey": NEWEST,
        "orderByAsc": False,
        "runsHiddenMode": "FIRST_20_RUNS",
        "compareRunCharts": charts,
        "compareRunSections": [section],
        "isAccordionReordered": True,
    }


_LINE: dict[str, Any] = {
    "selectedMetricKeys": None,
    "lineSmoothness": 0,
    "xAxisScaleType": "linear",
    "scaleType": "linear",
    "range": {},
    "xAxisKey": "step",
    "selectedXAxisMetricKey": "",
    "yAxisKey": "metric",
    "yAxisExpressions": [],
    "ignoreOutliers": False,
    "useGlobalXaxisKey": True,
    "useGlobalLineSmoothing": True,
}


def _envelope(name: str, state: Mapping[str, Any]) -> str:
    """As MLflow keeps a saved view; with a time that stays, for the tag to stay as it is."""
    return json.dumps({"name": name, "createdAt": 0, "updatedAt": 0, "state": json.dumps(state)})


def _description(experiment_id: str, tags: Mapping[str, str]) -> str:
    """The first line, which MLflow shows unasked, has a link to every view among `tags`."""
    views = {k.removeprefix(VIEW): text for k, text in tags.items() if k.startswith(VIEW)}
    links = " · ".join(
        f"[{json.loads(views[key])['name']}]({address(experiment_id, key)})"
        for key in sorted(views, key=lambda key: (ORDER.index(key.partition("-")[0]), key))
    )
    return f"""{START}{links}

A run `DATA SET · FILTER · VERSION` stands for a version of code, parameters and data; its
description is the verdict. In it are the stages; in `evaluate` a run for each data set that a
recommender was trained on (tag `data`: original, augmented or control); in `tune` one for each
trial.
"""
