"""The environment of ZenML and MLflow, which must stand before the first import of either.

`python -m pipelines.environment` prints it as shell exports, for the `zenml` and `mlflow` commands.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from hashlib import sha256
from pathlib import Path

from llm4idrec.errors import InputError
from llm4idrec.runtime.faults import exit_code
from llm4idrec.runtime.files import locked
from pipelines import addresses
from pipelines.relocation import MLFLOW_FILES, relocate
from pipelines.tools import dvc_internals, mlflow_internals, zenml_internals

REPO = Path(__file__).resolve().parents[1]
STORES = {"MLFLOW_TRACKING_URI": "mlflow.db", "ZENML_STORE_URL": "zenml.db"}
"""The variables that name a store, and the file that is one where they are not set."""
OURS = ("LLM4IDREC_", "MLFLOW_", "ZENML_")
"""How variables begin that mean nothing where they are empty."""
_UNNAMEABLE = re.compile(f"{zenml_internals.UNNAMEABLE}|{mlflow_internals.UNNAMEABLE}")


def state() -> Path:
    """The folder of all run records: `.state` in the repository, ignored by git and DVC.

    `dvc exp run --queue` works in a copy; its records belong to the original, which is also what a
    relative LLM4IDREC_STATE starts from. `InputError` if that names the home of nobody.
    """
    home = dvc_internals.original_of(REPO)
    place = os.environ.get("LLM4IDREC_STATE") or ".state"
    try:
        return home / Path(place).expanduser()
    except RuntimeError as error:
        found = f"LLM4IDREC_STATE is {place!r}, and there is no such home"
        raise InputError(found, "a folder that this user may write") from error


def variables() -> dict[str, str]:
    """Names and values; a variable that is set already keeps its value."""
    folder = state()
    served = os.environ.get("ZENML_STORE_URL", "").startswith("http")
    return {
        "LLM4IDREC_STATE": str(folder),
        "ZENML_CONFIG_PATH": str(folder / "zenml"),
        "ZENML_STORE_TYPE": "rest" if served else "sql",
        **{name: f"sqlite:///{folder / file}" for name, file in STORES.items()},
        "ZENML_CUSTOM_SOURCE_ROOT": str(REPO),
        "ZENML_ANALYTICS_OPT_IN": "false",
        "ZENML_LOGGING_VERBOSITY": "WARN",
        "ZENML_ENABLE_RICH_TRACEBACK": "false",
        "AUTO_OPEN_DASHBOARD": "false",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # which may hold a password
        "DO_NOT_TRACK": "true",
        "GX_ANALYTICS_ENABLED": "false",
        "DVC_NO_ANALYTICS": "true",
    }


def set_variables() -> None:
    """Those that are not set, or empty; the state folder's becomes absolute."""
    for name in [name for name, value in os.environ.items() if not value]:
        if name.startswith(OURS):
            del os.environ[name]
    os.environ["LLM4IDREC_STATE"] = str(state())
    try:
        Path.home()
    except RuntimeError:  # a container's user may have no name; MLflow cannot be without a home
        os.environ["HOME"] = str(state())
    for name, value in variables().items():
        os.environ.setdefault(name, value)


def prepare(*, debug: bool = False) -> None:
    """Set the variables, make the state folder and mend it if it was moved here.

    Raises `InputError` for what a variable names and cannot be used, within seconds.
    """
    if sys.flags.optimize > 1:
        found = "Python runs without docstrings (-OO, PYTHONOPTIMIZE=2), which packages here need"
        raise InputError(found, remedy="run it without")
    set_variables()
    folder = state()
    _check_names(folder)
    # ZenML logs a step's exception with its traceback; the driver shows the sentence itself.
    os.environ["ZENML_LOGGING_VERBOSITY"] = "WARN" if debug else "CRITICAL"
    addresses.check([name for name in STORES if not _is_own(name)])
    try:
        # Its owner's only: ZenML keeps the key of a server here.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(folder / ".lock"):
            old = relocate(folder)
    except (
        FileExistsError,
        NotADirectoryError,
        FileNotFoundError,  # as in /proc
        PermissionError,
    ) as error:
        found = f"the run records cannot be kept here ({error.strerror})"
        remedy = "set LLM4IDREC_STATE to another"
        raise InputError(found, "a folder that this user may write", remedy, file=folder) from error
    if old:
        print(
            f"{folder}: moved here from {old}; its absolute paths were rewritten", file=sys.stderr
        )


def create_stores() -> None:
    """Create the databases of ZenML and MLflow if they are not there, one process at a time.

    Those that a killed process was creating are made anew: neither tool goes on with a half one.
    """
    folder = state()
    creating = folder / "creating"
    own = [file for name, file in STORES.items() if _is_own(name)]
    if all((folder / name).is_file() for name in own) and not creating.is_file():
        return
    with locked(folder / ".lock"):
        if creating.is_file():
            for name in creating.read_text(encoding="utf-8").split():
                (folder / name).unlink(missing_ok=True)
        missing = [name for name in own if not (folder / name).is_file()]
        if not missing:  # another process was faster
            creating.unlink(missing_ok=True)
            return
        print(f"{folder}: creating the run records", flush=True)
        creating.write_text(" ".join(missing), encoding="utf-8")
        if "mlflow.db" in missing:
            address = os.environ["MLFLOW_TRACKING_URI"]
            mlflow_internals.create_store(address, folder / MLFLOW_FILES)
        if "zenml.db" in missing:
            zenml_internals.create_store()
        creating.unlink()


def _is_own(name: str) -> bool:
    """Whether the store that a variable names is the one in the state folder."""
    return os.environ[name] == variables()[name]


def _check_names(folder: Path) -> None:
    """Refuse what MLflow and ZenML cannot have in the name of a folder."""
    if package := mlflow_internals.misplaced_package():
        raise InputError(
            "MLflow cannot be installed below a folder whose name has '%'",
            remedy="rename the folder, and make .venv anew",
            file=package,
        )
    try:
        found = _UNNAMEABLE.search(str(folder))
        str(folder).encode()
        bad = found and repr(found[0])
    except UnicodeEncodeError:
        bad = "bytes that are not UTF-8"
    if bad:
        raise InputError(
            f"the databases of run records cannot lie below a folder whose name has {bad}",
            remedy="rename it, or set LLM4IDREC_STATE to a folder elsewhere",
            file=str(folder).encode(errors="backslashreplace").decode(),
        )


def lock_of(label: str) -> Path:
    """The lock file of a stage in this working directory: experiments that DVC runs side by side
    share the state folder, but not that."""
    folder = state() / "locks"
    folder.mkdir(exist_ok=True)
    return folder / f"{label} {sha256(str(Path.cwd()).encode()).hexdigest()[:12]}"


def _export() -> None:
    set_variables()
    for name in variables():
        print(f"export {name}={shlex.quote(os.environ[name])}")


if __name__ == "__main__":
    sys.exit(exit_code(_export, debug=False))
