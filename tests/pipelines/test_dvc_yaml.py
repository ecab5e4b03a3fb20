"""`dvc.yaml` says the same as the table of stages, the wiring and the imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from llm4idrec.config import Config
from pipelines.stages import SOURCE, STAGES

REPO = Path(__file__).resolve().parents[2]
DVC = {
    name: stage.get("do", stage)  # of a stage for each recommender
    for name, stage in yaml.safe_load((REPO / "dvc.yaml").read_text())["stages"].items()
}
CONFIG = Config.read(REPO / "params.yaml")
HELD_OUT = {"artifacts/raw", "artifacts/heldout", "${data.path}"}
CODE = ("llm4idrec/", "steps/")
GLUE = "llm4idrec/stages.py"
# Parameters are DVC params, and the rest here shapes no output.
LEFT_OUT = {
    "llm4idrec/__init__.py",
    "llm4idrec/config/__init__.py",
    "llm4idrec/config/comparison.py",
    "llm4idrec/config/data.py",
    "llm4idrec/config/language_model.py",
    "llm4idrec/errors.py",
    "llm4idrec/faults.py",
    "llm4idrec/recommenders/config.py",
    "llm4idrec/section.py",
    "steps/step.py",
    "steps/workspace.py",
}
# Values that stand in for keys which `params.yaml` does not give; reached through `config/` only.
PRESETS = {"adapter": {"llm4idrec/presets.py"}}


def test_the_stages_are_those_of_the_table() -> None:
    assert list(DVC) == list(STAGES)


@pytest.mark.parametrize("name", STAGES)
def test_code_deps_are_the_import_closure(name: str) -> None:
    reached = set().union(*(files_of_step(step) for step in steps_wired_in(name)))
    code = {dep for dep in DVC[name]["deps"] if dep.startswith(CODE)}
    assert code == reached | PRESETS.get(name, set())


@pytest.mark.parametrize("name", STAGES)
def test_data_deps_outs_and_params_are_those_of_the_table(name: str) -> None:
    stage = STAGES[name]
    data = [dep for dep in DVC[name]["deps"] if not dep.startswith(CODE)]
    reads = ["${data.path}" if read == SOURCE else spelled(read) for read in stage.reads]
    assert sorted(data) == sorted(reads)
    outs = [path(out) for kind in ("outs", "metrics") for out in DVC[name].get(kind, [])]
    assert sorted(outs) == sorted(spelled(write) for write in stage.writes)
    own = [key for key in DVC[name]["params"] if isinstance(key, str)]
    assert sorted(own) == sorted(spelled(key) for key in stage.params)
    tuned = [key for key in DVC[name]["params"] if not isinstance(key, str)]
    assert tuned == ([{"${filter.source}": list(stage.tuned)}] if stage.tuned else [])


@pytest.mark.parametrize("name", ["base_model", "adapter", "generate", "controls", "augment"])
def test_what_shapes_the_augmentation_reads_nothing_held_out(name: str) -> None:
    assert not HELD_OUT & set(DVC[name]["deps"])


def steps_wired_in(stage: str) -> set[str]:
    """Names of the steps that the stage's wiring calls."""
    tree = ast.parse((REPO / "pipelines/wiring.py").read_text(encoding="utf-8"))
    wiring = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == stage)
    names = {node.id for node in ast.walk(wiring) if isinstance(node, ast.Name)}
    return {name for name in names if (REPO / f"steps/{name}.py").is_file()}


def spelled(name: str) -> str:
    """A name of the table as `dvc.yaml` spells it; `report` depends on all evaluations at once."""
    return name.replace("{recommender}", "${item}")


def path(out: str | dict[str, Any]) -> str:
    return out if isinstance(out, str) else next(iter(out))


def files_of_step(name: str) -> set[str]:
    """Paths relative to the repository; of `stages.py`, only the functions used are followed."""
    found: set[str] = set()
    pending = [f"steps/{name}.py"]
    while pending:
        file = pending.pop()
        if file in found or file in LEFT_OUT:
            continue
        found.add(file)
        template = Path(file).with_suffix(".html")
        if (REPO / template).is_file():
            found.add(str(template))
        tree = ast.parse((REPO / file).read_text(encoding="utf-8"))
        if file == GLUE:
            pending += _imports(_only(tree, _glue_functions(f"steps/{name}.py")))
        else:
            pending += _imports(tree)
    return found


def _imports(tree: ast.AST) -> list[str]:
    modules: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [file for module in modules for file in _files(module)]


def _files(module: str) -> list[str]:
    """The file of a module of ours and the non-empty `__init__.py` of the packages above it."""
    if module.split(".", maxsplit=1)[0] not in ("llm4idrec", "steps"):
        return []
    path = Path(*module.split("."))
    candidates = [path.with_suffix(".py")]
    candidates += [folder / "__init__.py" for folder in (path, *path.parents)]
    return [
        str(file)
        for file in candidates
        if (REPO / file).is_file() and _statements((REPO / file).read_text(encoding="utf-8"))
    ]


def _statements(code: str) -> bool:
    """Whether there is more than a docstring."""
    return any(not isinstance(node, ast.Expr) for node in ast.parse(code).body)


def _only(tree: ast.Module, functions: set[str]) -> ast.Module:
    body = [n for n in tree.body if not isinstance(n, ast.FunctionDef) or n.name in functions]
    return ast.Module(body, [])


def _glue_functions(step: str) -> set[str]:
    """The names X in `stages.X` of a step's file."""
    tree = ast.parse((REPO / step).read_text(encoding="utf-8"))
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "stages"
    }


@pytest.mark.parametrize(
    ("recommenders", "said"),
    [
        ("[mf, mf, ease]", "evaluate@mf\nevaluate@ease\n"),
        ("mf", "'stages.evaluate.foreach' in 'dvc.yaml': expected list/dictionary, got str"),
    ],
)
def test_dvc_takes_each_recommender_once_and_refuses_a_word(
    recommenders: str, said: str, tmp_path: Path
) -> None:
    for name in ("dvc.yaml", "params.yaml"):
        text = (REPO / name).read_text(encoding="utf-8")
        text = text.replace("recommenders: [mf, lightgcn]", f"recommenders: {recommenders}")
        (tmp_path / name).write_text(text, encoding="utf-8")
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "init", "-q", "--no-scm"], cwd=tmp_path, check=True)
    listed = subprocess.run(
        [*dvc, "stage", "list", "--name-only"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said in listed.stdout + listed.stderr
