"""The history of a replay in MLflow's registry, as it really went: a version for each night.

It is a registered model of its own, so that what serves is never touched by a replay of the past.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llm4idrec.artifacts import ADAPTER
from llm4idrec.replay.generators import Generators
from llm4idrec.replay.night import Night
from llm4idrec.replay.replay import read_reports
from llm4idrec.runtime.files import fingerprint
from pipelines.registry.registry import CHALLENGER, CHAMPION
from pipelines.tracking.stage_runs import StageRun

MODEL = "llm4idrec-replay"
IDENTITY = "identity"
"""Tag: a hash of the adapter and of its night."""


def register_nights(run: StageRun, served: str, replay: Path) -> None:
    """A version for each night's adapter, with what became of it as tags and the description; the
    aliases stand where they stood at the end. Nights that are registered already are not again."""
    client, reports = run.client, read_reports(replay)
    if not client.search_registered_models(f"name = '{MODEL}'"):
        client.create_registered_model(MODEL)
    story = [{"recommender": served, **tags} for tags in _story(reports)]
    numbers = [_version(run, Night(replay, night).folder, tags) for night, tags in enumerate(story)]
    client.set_registered_model_alias(MODEL, CHAMPION, numbers[reports[-1]["champion"]])
    client.set_registered_model_alias(MODEL, CHALLENGER, numbers[-1])


def _story(reports: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The tags of each night's version: what was decided of its adapter, when, and why."""
    story: list[dict[str, str]] = [
        {"night": str(number + 1), "window": report["window"]}
        for number, report in enumerate(reports)
    ]
    for number, report in enumerate(reports):
        for decision in report["decisions"]:
            kind = decision["kind"].replace(" ", "_")
            story[decision["night"]][f"{kind}.after_night"] = str(number + 1)
            story[decision["night"]][f"{kind}.reason"] = decision["reason"]
        if report["refused"]:
            story[number]["data_refused"] = report["refused"]
    return story


def _version(run: StageRun, night: Path, tags: dict[str, str]) -> str:
    adapter = night / Generators.ADAPTED / ADAPTER.name
    identity = fingerprint(
        adapter, **{key: tags[key] for key in ("recommender", "night", "window")}
    )
    told = "; ".join(f"{key}: {text}" for key, text in tags.items())
    found = run.client.search_model_versions(f"name = '{MODEL}' AND tags.{IDENTITY} = '{identity}'")
    if found:
        number = str(found[0].version)
        for key, text in tags.items():
            run.client.set_model_version_tag(MODEL, number, key, text)
        run.client.update_model_version(MODEL, number, told)
        return number
    place = f"nights/{night.name}"
    run.client.log_artifacts(run.run_id, str(adapter), place)
    version = run.client.create_model_version(
        MODEL,
        f"{run.client.get_run(run.run_id).info.artifact_uri}/{place}",
        run.run_id,
        tags={**tags, IDENTITY: identity},
        description=told,
    )
    return str(version.version)
