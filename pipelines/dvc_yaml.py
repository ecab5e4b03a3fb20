"""The text of `dvc.yaml`, from the declarations of the stages and the code that they reach.

`make dvc.yaml` writes it; a test compares.
"""

from __future__ import annotations

from typing import Any

import yaml

from llm4idrec.artifacts import METRICS, PLOTS, SOURCE, Artifact
from llm4idrec.config.recommenders import SETTINGS
from llm4idrec.runtime.files import replacing_file
from llm4idrec.runtime.project import PARAMS
from llm4idrec.stages import STAGES
from llm4idrec.stages.stage import Stage
from pipelines import own_recommenders
from pipelines.code_dependencies import REPO, code_of_stage

HEAD = """\
# The flow from files to files; `dvc repro` runs what changed. Made from llm4idrec/stages/ and
# the imports of the code by `make dvc.yaml`: do not edit it. Each stage's `deps` are the files it
# reads and the code that writes its outputs. What shapes the augmentation (base_model, prompts,
# adapter, generate, controls, replicate, augment) reads nothing held out, but for the validation
# pairs that `prepare` puts into artifacts/known with `evaluation.refit`.
"""
OWN = "own_recommenders"
DRAWINGS = {
    "curves": ("epoch", "Validation by epoch, mean over seeds"),
    "amounts": ("amount", "Validation by amount of generated items, mean over seeds"),
}
"""Files of `PLOTS` and templates in `.dvc/plots`: what is across, and the title."""


def dvc_yaml() -> str:
    plots = [
        {f"{PLOTS.path}/{name}.csv": {"template": name, "x": across, "y": "value", "title": title}}
        for name, (across, title) in DRAWINGS.items()
    ]
    stages = [_text({OWN: _own_recommenders()}, 2)]
    stages += [_text({name: _stage(stage)}, 2) for name, stage in STAGES.items()]
    return "\n".join([f"{HEAD}stages:\n", *stages, _text({"plots": plots})])


def _own_recommenders() -> dict[str, Any]:
    """It runs when anything in `params.yaml` changes, for a second."""
    return {
        "cmd": f"python -m {own_recommenders.__name__}",
        "params": [{PARAMS.name: None}],
        "outs": [str(own_recommenders.SECTIONS)],
    }


def _stage(stage: Stage) -> dict[str, Any]:
    params: list[Any] = [*SETTINGS] if stage.sections else []
    params += [_spelled(key) for key in stage.params]
    if stage.tuned:
        params.append({"${filter.source}": list(stage.tuned)})
    made = {
        "cmd": f"python -m pipelines.run {stage.name}"
        + " --recommender ${item}" * bool(stage.each),
        "deps": [
            *map(_place, stage.reads),
            *([str(own_recommenders.SECTIONS)] if stage.sections else []),
            *code_of_stage(stage),
        ],
        "params": params,
        "outs": [_out(written) for written in stage.outputs if written != METRICS],
    }
    if METRICS in stage.writes:
        made["metrics"] = [METRICS.path]
    # Not `matrix`, which says nothing useful of a word in place of a list.
    return {"foreach": f"${{{stage.each}}}", "do": made} if stage.each else made


def _spelled(name: str) -> str:
    return name.replace("{recommender}", "${item}")


def _place(artifact: Artifact) -> str:
    return f"${{{SOURCE.path}}}" if artifact == SOURCE else _spelled(artifact.path)


def _out(artifact: Artifact) -> str | dict[str, Any]:
    """Pages and what `git` could show are made again where they are missing, not kept twice."""
    if artifact.grows:
        return {_place(artifact): {"persist": True}}
    kept = not artifact.path.startswith("reports/") or artifact == PLOTS
    return _place(artifact) if kept else {_place(artifact): {"cache": False}}


class _Indented(yaml.SafeDumper):
    """Lists are indented below their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(value: dict[str, Any], indent: int = 0) -> str:
    text = yaml.dump(value, Dumper=_Indented, sort_keys=False, width=1000)
    return "".join(f"{' ' * indent}{line}" for line in text.splitlines(keepends=True))


if __name__ == "__main__":
    with replacing_file(REPO / "dvc.yaml") as partial:
        partial.write_text(dvc_yaml(), encoding="utf-8")
