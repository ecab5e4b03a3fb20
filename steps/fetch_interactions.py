"""Step: the interaction file as it is now, at an address that the run reaches."""

from pathlib import Path, PurePosixPath
from typing import Annotated
from urllib.parse import urlsplit

from zenml.io import fileio

from llm4idrec.errors import InputError
from steps.step import step
from steps.workspace import temporary


@step
def fetch_interactions(address: str) -> Annotated[Path, "source"]:
    check(address)
    out = temporary() / PurePosixPath(address).name
    copy(address.rstrip("/"), out)
    return out


def check(address: str) -> None:
    """`InputError` if there is nothing, or if the active stack has no way to read it.

    An address with a password is refused: ZenML keeps a step's parameters with the run.
    """
    if urlsplit(address).password:
        remedy = "give the stack's artifact store its credentials, or set them in the environment"
        raise InputError("holds a password", "an address without one", remedy, file=address)
    try:
        there = fileio.exists(address)
    except (OSError, ValueError, NotImplementedError) as error:
        remedy = "use one below the artifact store's path, or a path that the run has mounted"
        reason = " ".join(str(error).split())
        raise InputError(f"cannot be read ({reason})", remedy=remedy, file=address) from error
    if not there:
        raise InputError("there is no such file", "what `--source` names", file=address)


def copy(address: str, target: Path) -> None:
    """A file, or a folder with all below it, from any file system that the stack brings."""
    if not fileio.isdir(address):
        fileio.copy(address, str(target))
        return
    target.mkdir()
    for name in fileio.listdir(address):
        copy(f"{address}/{name}", target / str(name))
