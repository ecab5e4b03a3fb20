"""Who is champion, and who was before: the moves of the alias.

Each leaves tags: on the version (`promotion.*`, `rollback.*`), and on the registered model one for
each move, `champion.<time>`.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime

from mlflow.tracking import MlflowClient

from llm4idrec.errors import LLM4IDRecError
from pipelines.registry.challenge import Challenge, challenge, lead_table
from pipelines.registry.registry import (
    CHALLENGER,
    CHAMPION,
    MODEL,
    Version,
    alias_version,
    numbered_version,
)

LINE = "promotion.line"
"""Tag of a champion: the versions that were champion before it, the latest last."""
ROLLED_BACK = "rollback.at"
ORIGINAL = "original data"


class NotMovedError(LLM4IDRecError):
    """The alias `champion` stays where it is; the message says why."""


def promote(client: MlflowClient, number: str | None, force: bool) -> str:
    """Make a version (the challenger) champion if it is better, or by `force`; what was done.

    Prints the figures. Raises `NotMovedError` if the version is not there or not better.
    """
    version, champion = _candidate(client, number), alias_version(client, CHAMPION)
    if champion and champion.number == version.number:
        _complete(client, version.number)
        return f"Version {version.number} is the champion already."
    over = f"version {champion.number}" if champion else ORIGINAL
    result = challenge(version, champion)
    if result.leads:
        print(lead_table(result.leads, f"version {version.number}", over), flush=True)
    against = "; ".join((*_past(version), *result.objections))
    if against and not force:
        sentences = (f"Version {version.number} is not promoted: {against}.", result.remedy)
        raise NotMovedError(" ".join((*filter(None, sentences), "--force promotes it anyway.")))
    _require_champion(client, champion)
    _record(client, version, champion, result=result, against=against)
    client.set_registered_model_alias(MODEL, CHAMPION, version.number)
    _complete(client, version.number)
    forced = _by_force(against)
    return f"Version {version.number} is the champion now, over {over}{forced}."


def rollback(client: MlflowClient) -> str:
    """Give the alias back to the version that the champion replaced; what was done.

    Raises `NotMovedError` if there is no champion, or none before it.
    """
    champion = alias_version(client, CHAMPION)
    if champion is None:
        raise NotMovedError("There is no champion to roll back; `promote` makes one.")
    line = [number for number in _line(champion) if numbered_version(client, number)]
    if not line:
        raise NotMovedError(
            f"Version {champion.number} is not rolled back: it replaced no version that is still "
            "there; `promote --version N` makes another the champion."
        )
    *before, number = line
    # A version that was champion twice goes back to who stood before it this time.
    client.set_model_version_tag(MODEL, number, LINE, " ".join(before))
    client.set_model_version_tag(MODEL, champion.number, ROLLED_BACK, _now())
    client.set_model_version_tag(MODEL, champion.number, "rollback.to", number)
    client.set_registered_model_alias(MODEL, CHAMPION, number)
    _note(client, _now(), f"version {champion.number} rolled back to version {number}")
    return f"Version {number} is the champion again, in place of version {champion.number}."


def _candidate(client: MlflowClient, number: str | None) -> Version:
    version = numbered_version(client, number) if number else alias_version(client, CHALLENGER)
    if version is None:
        missing = f"version {number}" if number else CHALLENGER
        raise NotMovedError(
            f"There is no {missing} of {MODEL}; `python -m pipelines.run report` registers one."
        )
    return version


def _require_champion(client: MlflowClient, compared: Version | None) -> None:
    """That nobody else has moved the alias since; MLflow has no move on condition, so this leaves
    no more than the moment before the tags and the alias are written."""
    now = alias_version(client, CHAMPION)
    if (now and now.number) != (compared and compared.number):
        raise NotMovedError(
            f"The champion has changed meanwhile, to {f'version {now.number}' if now else 'none'}; "
            "`promote` again compares with that one."
        )


def _past(version: Version) -> tuple[str, ...]:
    """The figures that made it champion have not changed since it was rolled back."""
    at = version.tags.get(ROLLED_BACK)
    return (f"it was rolled back at {at}",) if at else ()


def _line(champion: Version) -> list[str]:
    return str(champion.tags.get(LINE, "")).split()


def _record(
    client: MlflowClient,
    version: Version,
    champion: Version | None,
    *,
    result: Challenge,
    against: str,
) -> None:
    """When, over whom, by which figures, and what was overruled, as tags of the new champion, which
    `client` sets.

    `version` takes the place of `champion`, of none where there was none; `result` is how they
    compared, and `against` what spoke against it, empty if nothing did.
    """
    tags = {
        "promotion.at": _now(),
        "promotion.over": champion.number if champion else ORIGINAL,
        "promotion.figures": json.dumps({name: asdict(le) for name, le in result.leads.items()}),
        "promotion.forced": "true" if against else "false",
        "promotion.against": against,
        LINE: " ".join([*_line(champion), champion.number]) if champion else "",
    }
    for key, text in tags.items():
        client.set_model_version_tag(MODEL, version.number, key, text)


def _complete(client: MlflowClient, number: str) -> None:
    """What follows the move of the alias, if a promotion that was killed has not done it."""
    tags = client.get_model_version(MODEL, number).tags
    for key in {ROLLED_BACK, "rollback.to"} & set(tags):
        client.delete_model_version_tag(MODEL, number, key)
    at, over = tags.get("promotion.at"), tags.get("promotion.over")
    if at and f"{CHAMPION}.{at}" not in client.get_registered_model(MODEL).tags:
        over = over if over == ORIGINAL else f"version {over}"
        forced = _by_force(tags.get("promotion.against", ""))
        _note(client, at, f"version {number} promoted over {over}{forced}")


def _by_force(against: str) -> str:
    return f", by force: {against}" if against else ""


def _note(client: MlflowClient, at: str, text: str) -> None:
    client.set_registered_model_tag(MODEL, f"{CHAMPION}.{at}", text)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
