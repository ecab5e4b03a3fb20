"""Step: the comparison of original and augmented data, and with controls, over all recommenders."""

from pathlib import Path
from typing import Annotated

from llm4idrec import stages
from steps.step import step
from steps.workspace import workspace


@step
def write_report(
    train: Path,
    heldout: Path,
    base_model: Path,
    adapter: Path,
    generations: Path,
    candidates: Path,
    augmented: Path,
    evaluation: Path,
    recommenders: list[str],
    dataset: str,
    protocol: str,
) -> tuple[
    Annotated[Path, "comparison"],
    Annotated[Path, "control_comparison"],
    Annotated[Path, "metrics"],
    Annotated[Path, "figures"],
]:
    out = workspace("reports")
    folders = [evaluation / name for name in recommenders]
    made = train, heldout, base_model, adapter, generations, candidates, augmented
    stages.report(*made, folders, out, dataset=dataset, protocol=protocol)
    return (
        out / "comparison.json",
        out / "controls.json",
        out / "metrics.json",
        out / "comparison.html",
    )
