"""The adapter as a model in MLflow's registry: `models:/llm4idrec-adapter@champion`.

A version is registered when the report says what it is worth, as `challenger`.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import mlflow
import pyarrow as pa
import pyarrow.parquet as pq
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.tracking import MlflowClient
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import AnyType, Array, ParamSchema, ParamSpec

from llm4idrec.artifacts import (
    ADAPTER,
    BASE_MODEL,
    EVALUATIONS,
    HELDOUT,
    IDENTIFIERS,
    KNOWN,
    TRAIN,
    Files,
)
from llm4idrec.config import Config
from llm4idrec.data.interactions import Interactions
from llm4idrec.data.protocol import lists_taken, protocol_name
from llm4idrec.errors import InputError
from llm4idrec.language_model.pretrained import REFERENCE
from llm4idrec.runtime.files import fingerprint, read_json
from llm4idrec.verdict.comparison import compare_recommenders
from llm4idrec.verdict.result_files import read_comparison
from pipelines.environment import REPO
from pipelines.registry.model_card import model_card
from pipelines.tools.dvc_internals import dvc_hash
from pipelines.tracking.stage_runs import StageRun

MODEL = "llm4idrec-adapter"
CHALLENGER, CHAMPION = "challenger", "champion"
IDENTITY = "identity"
"""Tag of every version that was registered here: a hash of all that makes it up."""
SETTINGS = "settings."
"""Prefix of the tags that hold a recommender's parameters."""
VALIDATION = "validation.parquet"
FORMAT = 3
"""Of what a version holds and how it answers; 1 knew no counts of items, 2 gave a server's clients
NaN and tracebacks."""
LONGEST_DESCRIPTION = 5000  # that MLflow's store has room for

SIGNATURE = ModelSignature(
    inputs=Schema([ColSpec(AnyType(), "user"), ColSpec(Array(DataType.string), "items")]),
    params=ParamSchema([ParamSpec("unknown", DataType.string, "skip")]),
)


@dataclass(frozen=True)
class Version:
    """A registered version; MLflow gives the number as text or not, by the kind of store."""

    number: str
    tags: dict[str, str]

    @classmethod
    def of(cls, version: ModelVersion) -> Self:
        return cls(str(version.version), dict(version.tags))


def register(run: StageRun, config: Config, inputs: Files, *, comparison: Path) -> Version:
    """The version that these files of the stage `report` make up, now the challenger.

    It is the version of an earlier run if nothing that makes it up is different. A new one holds
    the adapter, the base model (of a pretrained one a reference only: its weights are never
    copied), the IDs that it answers in, its figures on validation and a model card.
    """
    evaluations = {name: inputs[EVALUATIONS] / name for name in config.recommenders}
    config = config.model_copy(update={"lists": lists_taken(config.lists, inputs[TRAIN])})
    facts = _facts(config, inputs, evaluations)
    version = _existing(run.client, facts[IDENTITY])
    if version is None:
        folders = list(evaluations.values())
        protocol = facts["protocol"]
        rows = compare_recommenders(folders, config.dataset, protocol, file=VALIDATION)
        items = _items(inputs).slice(0, 2)["id"].to_pylist()
        test = read_comparison(comparison)
        card = model_card(MODEL, config, facts, validation=rows, test=test, items=items)
        version = _create(run, config, inputs, evaluations=evaluations, facts=facts, card=card)
    run.client.set_registered_model_alias(MODEL, CHALLENGER, version.number)
    run.tag(**{"registered.version": version.number})
    return version


def _facts(config: Config, inputs: Files, evaluations: Mapping[str, Path]) -> dict[str, str]:
    """The tags of a version; one stands for all that makes it up."""
    name, base_hash = _base_model(inputs[BASE_MODEL])
    generation, lists = (
        _json(s.model_dump(mode="json")) for s in (config.generation, config.lists)
    )
    hashed = {"train": TRAIN, "heldout": HELDOUT, "adapter": ADAPTER}
    md5 = {f"md5.{key}": dvc_hash(inputs[file]) for key, file in hashed.items()}
    evaluated = {name: dvc_hash(folder) for name, folder in evaluations.items()}
    identity = fingerprint(
        **md5,
        base=base_hash,
        generation=generation,
        lists=lists,
        evaluations=evaluated,
        format=FORMAT,
    )
    return {
        **md5,
        IDENTITY: identity,
        "base_model.name": name,
        "base_model.hash": base_hash,
        "generation": generation,
        "lists": lists,
        "dataset": config.dataset,
        "protocol": protocol_name(config, inputs[TRAIN]),
        "selection_metric": _selection_metric(evaluations.values()),
        **{
            SETTINGS + name: _json(config.settings(name).model_dump(mode="json"))
            for name in evaluations
        },
    }


def _base_model(folder: Path) -> tuple[str, str]:
    """Its name, and what pins it: a hash of its files, or the revision of a hub name."""
    if not (folder / REFERENCE).is_file():
        return "compact, trained on the same data", f"md5 {dvc_hash(folder)}"
    reference = read_json(folder / REFERENCE)
    if reference["sha256"]:
        return Path(reference["name"]).name, f"sha256 {reference['sha256']}"
    return reference["name"], f"revision {reference['revision'] or 'not pinned'}"


def _selection_metric(evaluations: Iterable[Path]) -> str:
    """The column of each `validation.parquet` that chose the amount."""
    metrics = set()
    for folder in evaluations:
        file = folder / VALIDATION
        if not file.is_file():
            remedy = "run the stage `evaluate` again"
            raise InputError("there is no such file", "figures on validation", remedy, file=file)
        metrics.add(str(pq.read_schema(file).names[3]))
    if len(metrics) > 1:
        raise InputError(
            f"recommenders were evaluated by {', '.join(sorted(metrics))}",
            "one selection metric",
            "run `dvc repro`, which evaluates them alike",
        )
    return metrics.pop()


def _json(values: object) -> str:
    return json.dumps(values, sort_keys=True)


def _existing(client: MlflowClient, identity: str) -> Version | None:
    found = client.search_model_versions(f"name = '{MODEL}' AND tags.{IDENTITY} = '{identity}'")
    return Version.of(found[0]) if found else None


def _create(
    run: StageRun,
    config: Config,
    inputs: Files,
    *,
    evaluations: Mapping[str, Path],
    facts: Mapping[str, str],
    card: str,
) -> Version:
    """A new version, from `run`: the files of `inputs` and what `config` says of them, the folder
    of each recommender in `evaluations`, `facts` as its tags and `card` as its description."""
    with tempfile.TemporaryDirectory(prefix="llm4idrec-") as scratch:
        own = _own_files(Path(scratch), config, inputs, evaluations=evaluations, card=card)
        files = {"base_model": inputs[BASE_MODEL], "adapter": inputs[ADAPTER], **own}
        logged = _log(run, config, files)
    if not run.client.search_registered_models(f"name = '{MODEL}'"):
        run.client.create_registered_model(MODEL)
    version = run.client.create_model_version(
        MODEL,
        logged.model_uri,
        run.run_id,
        tags=dict(facts),
        description=card[:LONGEST_DESCRIPTION],
        model_id=logged.model_id,
    )
    return Version.of(version)


def _own_files(
    scratch: Path, config: Config, inputs: Files, *, evaluations: Mapping[str, Path], card: str
) -> dict[str, Path]:
    """What a version holds beside the two models, written into `scratch`: the IDs in `inputs`, of
    users only where the prompts of `config` name them; what each recommender in `evaluations` gave
    on validation; the `card`."""
    identifiers, validation = scratch / "identifiers", scratch / "validation"
    identifiers.mkdir()
    validation.mkdir()
    pq.write_table(_items(inputs), identifiers / "items.parquet")
    if config.lists.users:
        users = pq.read_table(inputs[IDENTIFIERS] / "users.parquet")
        pq.write_table(users, identifiers / "users.parquet")
    for name, folder in evaluations.items():
        table = pq.read_table(folder / VALIDATION)
        pq.write_table(table, validation / f"{name}.parquet")
    (scratch / "README.md").write_text(card, encoding="utf-8")
    names = ("identifiers", "validation", "README.md")
    return {name: scratch / name for name in names}


def _items(inputs: Files) -> pa.Table:
    """The own IDs of the catalogue, and how many users are known to have each; what was only held
    out comes behind it."""
    known = Interactions.read(inputs[KNOWN] / "interactions.parquet")
    ids = pq.read_table(inputs[IDENTIFIERS] / "items.parquet").slice(0, known.n_items)
    return ids.append_column("count", pa.array(known.item_counts))


def _log(run: StageRun, config: Config, files: dict[str, Path]) -> mlflow.models.model.ModelInfo:
    """Log `adapter_model.py` with its files: no weights are pickled, or loaded here."""
    settings = {
        "generation": config.generation.model_dump(mode="json"),
        "lists": config.lists.model_dump(mode="json"),
        "seed": config.seed,
    }
    with (
        warnings.catch_warnings(),
        mlflow.start_run(run_id=run.run_id, log_system_metrics=False),
    ):
        # An example would make it load the model here.
        warnings.filterwarnings("ignore", ".*input example was not provided", UserWarning)
        return mlflow.pyfunc.log_model(
            name="adapter",
            python_model=str(Path(__file__).with_name("adapter_model.py")),
            artifacts={name: str(path) for name, path in files.items()},
            code_paths=[str(REPO / "llm4idrec")],
            pip_requirements=str(REPO / "requirements.txt"),
            signature=SIGNATURE,
            model_config=settings,
        )


def alias_version(client: MlflowClient, alias: str) -> Version | None:
    """The version that an alias stands for; None if there is no such alias, or no version yet."""
    models = client.search_registered_models(f"name = '{MODEL}'")
    number = models[0].aliases.get(alias) if models else None
    return numbered_version(client, str(number)) if number else None


def numbered_version(client: MlflowClient, number: str) -> Version | None:
    """None if there is no such version, or no more."""
    try:
        return Version.of(client.get_model_version(MODEL, number))
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def validation_tables(version: Version) -> dict[str, pa.Table]:
    """Figures of each recommender on validation: columns variant, seed, user, metric."""
    with tempfile.TemporaryDirectory(prefix="llm4idrec-") as scratch:
        folder = mlflow.artifacts.download_artifacts(
            f"models:/{MODEL}/{version.number}/artifacts/validation", dst_path=scratch
        )
        return {file.stem: pq.read_table(file) for file in sorted(Path(folder).glob("*.parquet"))}
