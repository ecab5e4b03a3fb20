"""Step: the raw interactions meet the expectations, or the run stops."""

from pathlib import Path
from typing import Annotated

from llm4idrec.config import DataConfig
from steps.step import step
from steps.workspace import workspace


@step
def validate_interactions(raw: Path, data: DataConfig) -> Annotated[Path, "raw_validation"]:
    from steps.expectations import validate_raw

    out = workspace("reports/validation/raw")
    validate_raw(raw, out, data)
    return out
