"""The folder of the project, which commands find from any folder below it, as git does."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

PARAMS = Path("params.yaml")


def enter_project(options: argparse.Namespace) -> None:
    """Work in the nearest folder from here upwards that has `params.yaml`, if there is one.

    The paths among `options` are those given on the command line: they stay what they are from
    here.
    """
    here = Path.cwd()
    # Unlike pathlib's, this answers for a folder that may not be looked into too.
    folders = (f for f in (here, *here.parents) if os.path.isfile(f / PARAMS))  # noqa: PTH113
    root = next(folders, here)
    if root == here:
        return
    for name, value in vars(options).items():
        if isinstance(value, Path):
            setattr(options, name, here / value)
    os.chdir(root)
