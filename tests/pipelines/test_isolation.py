from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]

IMPORT_ALL = """
import importlib, pkgutil, sys
import llm4idrec
searches = {f"llm4idrec.tuning.{name}" for name in ("study", "settings_study", "settings_search")}
for module in pkgutil.walk_packages(llm4idrec.__path__, "llm4idrec."):
    if module.name not in searches:  # these are imported where something is tuned
        importlib.import_module(module.name)
tools = {"zenml", "mlflow", "dvc", "optuna", "great_expectations"}
print(len([name for name in sys.modules if name.startswith("llm4idrec.")]))
print(*sorted(tools & {name.split(".")[0] for name in sys.modules}))
"""


@pytest.mark.slow
def test_the_library_loads_none_of_the_mlops_tools() -> None:
    command = [sys.executable, "-c", IMPORT_ALL]
    output = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=True).stdout
    modules, tools = output.split("\n")[:2]
    assert int(modules) > 20
    assert tools == ""
