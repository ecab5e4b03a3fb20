"""The history of a replay in MLflow's registry, as it really went: a version for each night.

These are registered models of their own, so that what serves is never touched by a replay of the
past.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm4idrec.artifacts import ADAPTER
from llm4idrec.replay.night import Night
from llm4idrec.replay.promotion import NEW_BASE
from llm4idrec.replay.replay import read_reports
from llm4idrec.runtime.files import fingerprint
from pipelines.registry.registry import CHALLENGER, CHAMPION
from pipelines.tracking.stage_runs import StageRun

MODEL, BASES = "llm4idrec-replay", "llm4idrec-base"
CURRENT = "current"
"""Alias of the base that adapters are tuned on."""
IDENTITY = "identity"
"""Tag: a hash of what a version holds and of its night."""


def register_nights(run: StageRun, served: str, replay: Path) -> None:
    """A version of `MODEL` for each night's adapter, and of `BASES` for each base that stayed, with
    what became of it as tags and the description; the aliases stand where they stood at the end.
    What is registered already is not again."""
    reports = read_reports(replay)
    nights = [Night(replay, number) for number in range(len(reports))]
    story = [{"recommender": served, **tags} for tags in _story(reports)]
    adapters, bases = Registered(run, MODEL), Registered(run, BASES)
    numbers = [
        adapters.version(night.adapted / ADAPTER.name, f"nights/{night.folder.name}", tags)
        for night, tags in zip(nights, story, strict=True)
    ]
    adapters.point(CHAMPION, numbers[reports[-1]["champion"]])
    adapters.point(CHALLENGER, numbers[-1])
    for night, tags in zip(nights, _story_of_bases(reports, served), strict=True):
        if night.base.is_dir():
            number = bases.version(night.base, f"bases/{night.folder.name}", tags)
            if night.number == reports[-1]["base"]:
                bases.point(CURRENT, number)


def _story(reports: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """The tags of each night's version: what was decided of its adapter, when, and why."""
    story = _windows(reports)
    for number, report in enumerate(reports):
        for decision in report["decisions"]:
            if decision["kind"] != NEW_BASE:
                story[decision["night"]] |= _told(decision, number)
        if report["refused"]:
            story[number]["data_refused"] = report["refused"]
    return story


def _story_of_bases(reports: Sequence[dict[str, Any]], served: str) -> list[dict[str, str]]:
    """The same of a base, if the night has one that stayed."""
    story = [{"recommender": served, **tags} for tags in _windows(reports)]
    for number, report in enumerate(reports):
        for decision in report["decisions"]:
            if decision["kind"] == NEW_BASE:
                story[decision["night"]] |= _told(decision, number)
    return story


def _windows(reports: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    return [
        {"night": str(number), "window": report["window"]}
        for number, report in enumerate(reports, start=1)
    ]


def _told(decision: dict[str, Any], night: int) -> dict[str, str]:
    kind = decision["kind"].replace(" ", "_")
    return {f"{kind}.after_night": str(night + 1), f"{kind}.reason": decision["reason"]}


@dataclass(frozen=True)
class Registered:
    """A registered model, which is made if there is none."""

    run: StageRun
    name: str

    def __post_init__(self) -> None:
        if not self.run.client.search_registered_models(f"name = '{self.name}'"):
            self.run.client.create_registered_model(self.name)

    def version(self, folder: Path, place: str, tags: dict[str, str]) -> str:
        """Number of the one that holds the files of `folder`, which go to the run's `place` if
        there is none; `tags`, which its description tells too, are what is now known of it."""
        client, told = self.run.client, "; ".join(f"{key}: {text}" for key, text in tags.items())
        named = {key: tags[key] for key in ("recommender", "night", "window")}
        identity = fingerprint(folder, **named)
        asked = f"name = '{self.name}' AND tags.{IDENTITY} = '{identity}'"
        if found := client.search_model_versions(asked):
            number = str(found[0].version)
            for key in found[0].tags.keys() - tags.keys() - {IDENTITY}:
                client.delete_model_version_tag(self.name, number, key)  # it was taken back
            for key, text in tags.items():
                client.set_model_version_tag(self.name, number, key, text)
            client.update_model_version(self.name, number, told)
            return number
        client.log_artifacts(self.run.run_id, str(folder), place)
        version = client.create_model_version(
            self.name,
            f"{client.get_run(self.run.run_id).info.artifact_uri}/{place}",
            self.run.run_id,
            tags={**tags, IDENTITY: identity},
            description=told,
        )
        return str(version.version)

    def point(self, alias: str, number: str) -> None:
        self.run.client.set_registered_model_alias(self.name, alias, number)
