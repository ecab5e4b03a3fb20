"""What the environment names beside files: servers, databases and arguments, tried before a run.

Each would fail later otherwise, after minutes of tries or hours of work.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from llm4idrec.errors import InputError, LLM4IDRecError
from pipelines.relocation import EXPERIMENT
from pipelines.tools import mlflow_internals, zenml_internals

WAIT = 5
"""Seconds that a server has to answer."""
_DATABASES = {"sqlite", "postgresql", "mysql", "mssql"}
_RAY = re.compile(r"local|auto|(?:ray://)?(?P<host>[^\s/:]+):(?P<port>\d{1,5})")
_MLFLOW_KEYS = "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
_ZENML_KEYS = ("ZENML_STORE_API_KEY", "ZENML_STORE_API_TOKEN", "ZENML_STORE_USERNAME")


def check(stores: Iterable[str]) -> None:
    """`InputError` for a variable whose value cannot be used.

    `stores` are those of MLFLOW_TRACKING_URI and ZENML_STORE_URL that the user has set.
    """
    checks: dict[str, Callable[[str, str], None]] = {
        "MLFLOW_TRACKING_URI": _mlflow,
        "ZENML_STORE_URL": _zenml,
        "LLM4IDREC_STUDIES": _studies,
        "LLM4IDREC_RAY": _ray,
        "LLM4IDREC_ACCELERATE": _accelerate,
    }
    own = {"MLFLOW_TRACKING_URI", "ZENML_STORE_URL"}.difference(stores)
    for name, check_value in checks.items():
        if name not in own and (value := os.environ.get(name)):
            check_value(name, value)


def _mlflow(name: str, address: str) -> None:
    scheme = _scheme(address)
    if scheme in _DATABASES:
        _database(name, address)
    elif scheme in ("http", "https"):
        with _reaching(name, "MLflow server"):
            answer = mlflow_internals.ask_for_experiment(address, EXPERIMENT, WAIT)
        keys = {"experiment", "error_code"}
        _require(answer, keys, name, kind="MLflow server", credentials=_MLFLOW_KEYS)
    elif scheme not in ("databricks", "databricks-uc", "uc"):
        _refuse(name, address, "a server as in http://HOST:5000, or a database")


def _zenml(name: str, address: str) -> None:
    scheme = _scheme(address)
    if scheme in ("sqlite", "mysql"):
        _database(name, re.sub("^mysql:", "mysql+pymysql:", address))
        return
    if scheme not in ("http", "https"):
        _refuse(name, address, "a server as in https://HOST, or a database: sqlite, mysql")
    import requests

    with _reaching(name, "ZenML server"):
        answer = requests.get(f"{address.rstrip('/')}{zenml_internals.INFO}", timeout=WAIT)
    _require(answer, {"version"}, name, kind="ZenML server", credentials=_ZENML_KEYS[0])
    has_key = any(os.environ.get(key) for key in _ZENML_KEYS)
    if not has_key and not zenml_internals.login_file().is_file():
        remedy = f"set {_ZENML_KEYS[0]}"
        raise InputError(f"{name} is set, and no key of that server", remedy=remedy)


def _studies(name: str, address: str) -> None:
    if _scheme(address) in _DATABASES:
        _database(name, address)
    elif _scheme(address) != "redis":
        _refuse(name, address, "a database as in postgresql://HOST/NAME")


def _ray(name: str, address: str) -> None:
    found = _RAY.fullmatch(address)
    if not found:
        _refuse(name, address, "`local`, `auto`, or the address of a cluster: ray://HOST:10001")
    elif find_spec("ray") is None:
        raise InputError(f"{name} is set, and ray is not installed", remedy="run `make ray`")
    elif found["host"]:
        with _reaching(name, "Ray cluster"):
            socket.create_connection((found["host"], int(found["port"])), WAIT).close()


def _accelerate(name: str, arguments: str) -> None:
    from llm4idrec.language_model.launch import checked

    checked(arguments)


def _database(name: str, address: str) -> None:
    """One that is a file is made where it is missing."""
    import sqlalchemy

    try:
        url = sqlalchemy.make_url(address)
        if (kind := url.get_backend_name()) != "sqlite":
            options = {} if kind == "mssql" else {"connect_timeout": WAIT}
            if kind == "mysql":  # whose drivers wait for the greeting apart
                options["read_timeout"] = WAIT
            sqlalchemy.create_engine(url, connect_args=options).connect().close()
    except ImportError as error:
        found = f"{name} names a database whose driver is not installed ({error})"
        raise InputError(found, remedy="install it with pip") from error
    except (sqlalchemy.exc.SQLAlchemyError, ValueError) as error:
        reason = " ".join(str(error).partition("\n")[0].split())
        raise InputError(f"the database that {name} names cannot be opened ({reason})") from error


@contextmanager
def _reaching(name: str, kind: str) -> Iterator[None]:
    try:
        yield
    except (LLM4IDRecError, ImportError):
        raise
    except Exception as error:  # each package has its own, and wraps those of others
        raise InputError(
            f"no {kind} answers where {name} says ({_reason(error)})",
            remedy="start it, or correct the address",
        ) from error


def _reason(error: BaseException | None) -> str:
    """What the system or the protocol said, behind what packages made of it."""
    reason = ""
    while error is not None:
        reason = getattr(error, "strerror", None) or reason
        if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
            reason = f"not within {WAIT} s"
        error = error.__cause__ or error.__context__
    return reason or "not by HTTP"


def _require(answer: Any, keys: set[str], name: str, *, kind: str, credentials: str) -> None:
    """That the `answer` is one of that `kind` of server, with one of the `keys`, and no refusal.

    The address is in the variable `name`; `credentials` are the variables to set for access.
    """
    if answer.status_code in (401, 403):
        found = f"the {kind} of {name} refuses access ({answer.status_code})"
        raise InputError(found, remedy=f"set {credentials}")
    try:
        is_one = not keys.isdisjoint(answer.json())
    except (ValueError, TypeError):
        is_one = False
    if not is_one or answer.status_code >= 500:
        raise InputError(
            f"what answers where {name} says is no {kind} that works ({answer.status_code})",
            remedy="correct the address",
        )


def _scheme(address: str) -> str:
    """`postgresql` of `postgresql+psycopg2://...`."""
    scheme, mark, _ = address.partition("://")
    return scheme.partition("+")[0] if mark else address if address == "databricks" else ""


def _refuse(name: str, value: str, expected: str) -> None:
    raise InputError(f"{name} is {value!r}", expected)
