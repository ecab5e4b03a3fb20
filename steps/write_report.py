"""Step: the comparison of original and augmented data, and with controls, over all recommenders."""

from pathlib import Path
from typing import Annotated

from llm4idrec import stages
from llm4idrec.config import Config
from steps.step import step
from steps.workspace import workspace


@step
def write_report(
    source: Path,
    raw: Path,
    train: Path,
    heldout: Path,
    prompts: Path,
    base_model: Path,
    adapter: Path,
    generations: Path,
    controls: Path,
    candidates: Path,
    augmented: Path,
    evaluation: Path,
    config: Config,
    code: str,
) -> tuple[
    Annotated[Path, "comparison"],
    Annotated[Path, "control_comparison"],
    Annotated[Path, "metrics"],
    Annotated[Path, "figures"],
]:
    out = workspace("reports")
    model = prompts, base_model, adapter, generations
    folders = [evaluation / name for name in config.recommenders]
    stages.report(
        *(raw, train, heldout, *model, controls, candidates, augmented, folders, out),
        config=config,
        source=source,
        code=code,
    )
    return (
        out / "comparison.json",
        out / "controls.json",
        out / "metrics.json",
        out / "comparison.html",
    )
