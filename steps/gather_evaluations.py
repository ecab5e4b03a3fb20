"""Step: the evaluations of all recommenders in one folder, as DVC has them."""

import shutil
from pathlib import Path
from typing import Annotated

from llm4idrec.artifacts import EVALUATIONS
from steps.step import step
from steps.workspace import Workspace


@step
def gather_evaluations(evaluations: list[Path]) -> Annotated[Path, "evaluations"]:
    out = Workspace().place(EVALUATIONS)
    for evaluation in evaluations:
        shutil.copytree(evaluation, out / evaluation.name)
    return out
