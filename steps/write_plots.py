"""Step: tables of the lines that `dvc plots` draws."""

from pathlib import Path
from typing import Annotated

from llm4idrec import stages
from steps.step import step
from steps.workspace import workspace


@step
def write_plots(evaluation: Path, recommenders: list[str]) -> Annotated[Path, "plots"]:
    out = workspace("reports/plots")
    stages.plots([evaluation / name for name in recommenders], out)
    return out
