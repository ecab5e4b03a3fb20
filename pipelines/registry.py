"""The adapter as a model in MLflow's registry: `models:/llm4idrec-adapter@challenger`."""

from __future__ import annotations

import warnings
from pathlib import Path

import mlflow
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import Array

from llm4idrec.config import Config
from llm4idrec.interactions import Interactions
from pipelines.environment import REPO
from pipelines.tracking import StageRun

MODEL = "llm4idrec-adapter"
NEWEST = "challenger"

SIGNATURE = ModelSignature(
    inputs=Schema([ColSpec(DataType.long, "user"), ColSpec(Array(DataType.long), "items")])
)


def log_adapter(
    run: StageRun, config: Config, train: Path, base_model: Path, adapter: Path
) -> None:
    """Log and register `adapter_model.py` with the adapter's safetensors and the base model.

    The base model's folder is the small compact model, or for a pretrained one a reference to it:
    its weights are never copied.
    """
    settings = {
        "n_items": Interactions.read(train / "interactions.parquet").n_items,
        "generation": config.generation.model_dump(mode="json"),
        "lists": config.lists.model_dump(mode="json"),
        "seed": config.seed,
    }
    with (
        warnings.catch_warnings(),
        mlflow.start_run(run_id=run.run_id, log_system_metrics=False),
    ):
        # Advice to give type hints and an example, which would make it load the model here.
        warnings.filterwarnings("ignore", category=UserWarning, module=r"mlflow\.")
        logged = mlflow.pyfunc.log_model(
            name="adapter",
            python_model=str(REPO / "pipelines" / "adapter_model.py"),
            artifacts={"base_model": str(base_model), "adapter": str(adapter)},
            code_paths=[str(REPO / "llm4idrec")],
            pip_requirements=str(REPO / "requirements.txt"),
            signature=SIGNATURE,
            model_config=settings,
        )
    if not run.client.search_registered_models(f"name = '{MODEL}'"):
        run.client.create_registered_model(MODEL)
    version = run.client.create_model_version(
        MODEL, logged.model_uri, run.run_id, model_id=logged.model_id
    )
    run.client.set_registered_model_alias(MODEL, NEWEST, version.version)
