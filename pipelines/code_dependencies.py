"""The code that writes a stage's outputs: what its module reaches by imports."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from llm4idrec.stages.stage import Stage

REPO = Path(__file__).resolve().parents[1]
PACKAGES = ("llm4idrec", "steps")
VALIDATION = "steps/validation.py"
"""What checks what is expected of a stage's files."""
# Parameters are dependencies by value, and the rest here shapes no output.
LEFT_OUT = {
    "llm4idrec/__init__.py",
    "llm4idrec/artifacts.py",
    "llm4idrec/config/__init__.py",
    "llm4idrec/config/comparison.py",
    "llm4idrec/config/data.py",
    "llm4idrec/config/language_model.py",
    "llm4idrec/errors.py",
    "llm4idrec/runtime/faults.py",
    "llm4idrec/runtime/interruption.py",
    "llm4idrec/config/own.py",
    "llm4idrec/config/recommenders/__init__.py",
    "llm4idrec/config/section.py",
    "llm4idrec/stages/__init__.py",
    "llm4idrec/stages/stage.py",
}
# Values that stand in for keys which `params.yaml` does not give; reached through `config/` only.
PRESETS = {name: {"llm4idrec/config/presets.py"} for name in ("adapter", "replicate")}


def code_of_stage(stage: Stage) -> list[str]:
    """Paths relative to the repository, sorted."""
    found: set[str] = set()
    pending = [f"llm4idrec/stages/{stage.name}.py"] + [VALIDATION] * bool(stage.expectations)
    while pending:
        file = pending.pop()
        if file in found or file in LEFT_OUT:
            continue
        found.add(file)
        template = str(Path(file).with_suffix(".html"))
        if (REPO / template).is_file():
            found.add(template)
        pending += _imports(_tree(file))
    return sorted(found | PRESETS.get(stage.name, set()))


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
