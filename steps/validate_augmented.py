"""Step: the augmented interactions meet the expectations, or the run stops."""

from pathlib import Path
from typing import Annotated

from steps.step import step
from steps.workspace import workspace


@step
def validate_augmented(augmented: Path, train: Path) -> Annotated[Path, "augmented_validation"]:
    from steps import expectations

    out = workspace("reports/validation/augmented")
    expectations.validate_augmented(augmented, train, out)
    return out
