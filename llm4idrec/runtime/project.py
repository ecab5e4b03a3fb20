"""The folder of the project, which commands find from any folder below it, as git does."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

PARAMS, STAGES = Path("params.yaml"), Path("dvc.yaml")
CODE = "LLM4IDREC_CODE"
"""Environment variable: the version of the code, in words for the report."""
_SCHEME = re.compile("[A-Za-z][A-Za-z0-9+.-]*:/")


def enter_project(options: argparse.Namespace) -> None:
    """Work in the nearest folder from here upwards that is a project, if there is one.

    It has `params.yaml` and, unless there is none such, `dvc.yaml`: tuning leaves parameters too.

    The paths among `options` are those given on the command line: they stay what they are from
    here.
    """
    here = Path.cwd()
    # Unlike pathlib's, this answers for a folder that may not be looked into too.
    folders = [f for f in (here, *here.parents) if os.path.isfile(f / PARAMS)]  # noqa: PTH113
    whole = (f for f in folders if os.path.isfile(f / STAGES))  # noqa: PTH113
    root = next(whole, next(iter(folders), here))
    if root == here:
        return
    for name, value in vars(options).items():
        if isinstance(value, Path):
            setattr(options, name, here / value)
        elif isinstance(value, list):
            setattr(options, name, [here / v if isinstance(v, Path) else v for v in value])
    os.chdir(root)


def path_or_address(text: str) -> Path | str:
    """The type of an option: a path, which `enter_project` takes care of, if it is no address.

    >>> path_or_address("models:/mine@champion"), path_or_address("deep/a.csv")
    ('models:/mine@champion', PosixPath('deep/a.csv'))
    """
    return Path(text) if text and not _SCHEME.match(text) else text
