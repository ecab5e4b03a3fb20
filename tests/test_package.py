"""The package as pip installs it: what the wheel holds and needs, and its command."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import llm4idrec
from tests.conftest import REPO

PROJECT: dict[str, Any] = tomllib.loads((REPO / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
MADE = ("pipelines", "docs", "dev")
"""Extras that `make` installs all of."""
OF_OTHERS = {"pydantic_core"}
"""Imported, and part of a declared package that pins it."""


def pinned(name: str) -> dict[str, str]:
    """Versions by name in a file of requirements."""
    found = re.findall(r"^([\w.-]+)(?:\[\w+\])?==(\S+)", (REPO / name).read_text("utf-8"), re.M)
    return {canonicalize_name(package): version for package, version in found}


def declared(lines: list[str]) -> dict[str, Requirement]:
    found = (Requirement(line) for line in lines)
    return {canonicalize_name(requirement.name): requirement for requirement in found}


def imported() -> dict[str, Path]:
    """The first file that imports it, by module."""
    modules: dict[str, Path] = {}
    for path in sorted((REPO / "llm4idrec").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                modules.setdefault(name.partition(".")[0], path)
    return {name: path for name, path in modules.items() if name not in sys.stdlib_module_names}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run([*command, "--directory", out], cwd=REPO, check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That of an environment where pip has installed the wheel, beside the packages of this one."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder)
    base = {"base": str(folder), "platbase": str(folder)}
    packages = Path(sysconfig.get_path("purelib", "venv", base))
    (packages / "those_of_the_tests.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    made = folder / "bin" / "python"
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([made, *install, wheel], check=True, cwd=folder)
    return made


def test_the_wheel_holds_the_package_with_its_data_and_nothing_else(wheel: Path) -> None:
    names = ZipFile(wheel).namelist()
    metadata = f"llm4idrec-{llm4idrec.__version__}.dist-info"
    assert {name.partition("/")[0] for name in names} == {"llm4idrec", metadata}
    tracked = {
        path.relative_to(REPO).as_posix()
        for path in (REPO / "llm4idrec").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert {name for name in names if name.startswith("llm4idrec/")} == tracked
    assert {"llm4idrec/config/params.yaml", "llm4idrec/report/report.html"} < tracked
    assert {"llm4idrec/py.typed", f"{metadata}/licenses/LICENSE"} < set(names)


def test_the_command_works_in_an_empty_folder(python: Path, tmp_path: Path) -> None:
    def run(*command: Path | str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    shown = run(python.with_name("llm4idrec"), "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith("usage: llm4idrec [-h] COMMAND")
    assert run(python, "-m", "llm4idrec", "-h").stdout.startswith("usage: python -m llm4idrec [-h]")
    refused = run(python.with_name("llm4idrec"), "run")
    assert refused.returncode == 2
    assert "params.yaml" in refused.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("module", ["llm4idrec", "llm4idrec.__main__"])
def test_an_import_loads_no_torch(python: Path, tmp_path: Path, module: str) -> None:
    code = f"import sys, {module}; print(llm4idrec.__file__, 'torch' in sys.modules)"
    shown = subprocess.run(
        [python, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    file, loaded = shown.stdout.split()
    assert Path(file).is_relative_to(python.parents[1])
    assert loaded == "False"


def test_the_library_declares_what_it_imports() -> None:
    base = declared(PROJECT["dependencies"]).keys()
    optional = {name for extra in EXTRAS.values() for name in declared(extra)}
    distributions = packages_distributions()
    for module, path in imported().items():
        names = {canonicalize_name(name) for name in distributions.get(module, [module])}
        if module not in {"llm4idrec", *OF_OTHERS}:
            assert names & (base | optional), f"{path} imports {module}"
    of_imports = {
        canonicalize_name(name) for module in imported() for name in distributions.get(module, [])
    }
    assert base <= of_imports


def test_what_make_installs_suits_what_the_package_asks_for() -> None:
    extras = [line for extra in MADE for line in EXTRAS[extra]]
    for file, lines in {
        "requirements.txt": [*PROJECT["dependencies"], *extras],
        "requirements-ray.txt": EXTRAS["ray"],
        "requirements-smollm2.txt": EXTRAS["smollm2"],
    }.items():
        wanted, versions = declared(lines), pinned(file)
        assert wanted.keys() == versions.keys()
        for name, requirement in wanted.items():
            assert requirement.specifier.contains(versions[name]), requirement
    told = (REPO / "llm4idrec/language_model/smollm2.py").read_text("utf-8")
    assert EXTRAS["smollm2"][-1] in told


def test_versions_are_told_alike() -> None:
    assert f"version: {llm4idrec.__version__}\n" in (REPO / "CITATION.cff").read_text("utf-8")
    begins = "Programming Language :: Python :: "
    pythons = [c.removeprefix(begins) for c in PROJECT["classifiers"] if c.startswith(begins)]
    assert f"python: {pythons}".replace("'", '"') in (REPO / ".github/workflows/ci.yml").read_text(
        "utf-8"
    )
    assert f"Python {', '.join(pythons)}" in (REPO / "requirements.lock").read_text("utf-8")
