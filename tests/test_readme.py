"""What README.md says about settings and files; `.ci/readme.py` runs its commands."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

from llm4idrec.config import Config

REPO = Path(__file__).resolve().parents[1]
README = (REPO / "README.md").read_text(encoding="utf-8")
MAP = README.split("## Map")[1].split("## ")[0]
SETTINGS = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("block", SETTINGS)
def test_settings_are_accepted_beside_the_others(block: str) -> None:
    params = yaml.safe_load((REPO / "params.yaml").read_text())
    for section, values in yaml.safe_load(block).items():
        own = params.get(section, {})
        params[section] = own | values if isinstance(values, dict) else values
    Config.parse(params)


@pytest.mark.parametrize("package", ["llm4idrec", "pipelines"])
def test_the_map_says_of_every_folder_what_its_docstring_says(package: str) -> None:
    for file in (REPO / package).rglob("*/__init__.py"):
        said = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
        assert said is not None
        line = said.partition("\n")[0].removesuffix(".")
        assert f"`{file.parent.name}/` | {line} |" in MAP


@pytest.mark.parametrize("package", ["llm4idrec", "pipelines"])
def test_the_map_names_what_lies_in_no_folder(package: str) -> None:
    words = set(re.findall(r"\w+", MAP))
    modules = {path.stem for path in (REPO / package).glob("*.py")} - {"__init__", "__main__"}
    assert modules <= words


def test_the_files_it_speaks_of_are_there() -> None:
    files = re.findall(r"`((?:docs|stacks|data|llm4idrec|steps|pipelines|tests)/[\w./-]*)`", README)
    files += re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert files
    assert [name for name in files if not (REPO / name).exists()] == []
