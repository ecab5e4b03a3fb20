"""The code that writes a stage's outputs: what its steps reach by imports."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
PACKAGES = ("llm4idrec", "steps")
GLUE = "llm4idrec/stages.py"
"""Of this file only the functions that a step uses are followed."""
# Parameters are dependencies by value, and the rest here shapes no output.
LEFT_OUT = {
    "llm4idrec/__init__.py",
    "llm4idrec/config/__init__.py",
    "llm4idrec/config/comparison.py",
    "llm4idrec/config/data.py",
    "llm4idrec/config/language_model.py",
    "llm4idrec/errors.py",
    "llm4idrec/runtime/faults.py",
    "llm4idrec/runtime/interruption.py",
    "llm4idrec/config/recommenders.py",
    "llm4idrec/config/section.py",
    "steps/step.py",
    "steps/workspace.py",
}
# Values that stand in for keys which `params.yaml` does not give; reached through `config/` only.
PRESETS = {"adapter": {"llm4idrec/config/presets.py"}}


def code_of_stage(stage: str) -> list[str]:
    """Paths relative to the repository, sorted."""
    reached = set().union(*(_files_of_step(step) for step in steps_of_stage(stage)))
    return sorted(reached | PRESETS.get(stage, set()))


def steps_of_stage(stage: str) -> list[str]:
    """Names of the steps that the stage's wiring calls, sorted."""
    wiring = next(
        node
        for node in _tree("pipelines/wiring.py").body
        if isinstance(node, ast.FunctionDef) and node.name == stage
    )
    names = {node.id for node in ast.walk(wiring) if isinstance(node, ast.Name)}
    return sorted(name for name in names if (REPO / f"steps/{name}.py").is_file())


def _files_of_step(name: str) -> set[str]:
    found: set[str] = set()
    pending = [f"steps/{name}.py"]
    while pending:
        file = pending.pop()
        if file in found or file in LEFT_OUT:
            continue
        found.add(file)
        template = str(Path(file).with_suffix(".html"))
        if (REPO / template).is_file():
            found.add(template)
        tree = _tree(file)
        used = _only(tree, _glue_functions(f"steps/{name}.py")) if file == GLUE else tree
        pending += _imports(used)
    return found


@cache
def _tree(file: str) -> ast.Module:
    return ast.parse((REPO / file).read_text(encoding="utf-8"))


def _imports(tree: ast.AST) -> list[str]:
    modules: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [file for module in modules for file in _files_of_module(module)]


def _files_of_module(module: str) -> list[str]:
    """The file of a module of ours and the non-empty `__init__.py` of the packages above it."""
    if module.partition(".")[0] not in PACKAGES:
        return []
    path = Path(*module.split("."))
    candidates = [path.with_suffix(".py")]
    candidates += [folder / "__init__.py" for folder in (path, *path.parents)]
    return [str(file) for file in candidates if (REPO / file).is_file() and _has_code(str(file))]


def _has_code(file: str) -> bool:
    """Whether there is more than a docstring."""
    return any(not isinstance(node, ast.Expr) for node in _tree(file).body)


def _only(tree: ast.Module, functions: set[str]) -> ast.Module:
    body = [n for n in tree.body if not isinstance(n, ast.FunctionDef) or n.name in functions]
    return ast.Module(body, [])


def _glue_functions(step: str) -> set[str]:
    """The names X in `stages.X` of a step's file."""
    return {
        node.attr
        for node in ast.walk(_tree(step))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "stages"
    }
