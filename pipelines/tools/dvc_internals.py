"""What is relied on of DVC's insides: how it hashes, and where its queue copies the repository to.

Written for DVC 3.67.1 with dvc-data 3.18.3. `tests/pipelines/tools/test_dvc_internals.py` holds it
against what is installed. Where it no longer fits, hashes in MLflow's tags are none of `dvc.lock`,
and queued experiments keep run records of their own.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from llm4idrec.runtime.files import COST

COPIES = "/.dvc/tmp/exps/"
"""Below it `dvc exp run --queue` and `--temp` copy the repository; nothing public names it."""


def dvc_hash(path: Path) -> str:
    """The MD5 that `dvc.lock` holds for a file or folder."""
    if path.is_file():
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "md5").hexdigest()
    files = {
        f.relative_to(path).as_posix(): f for f in path.rglob("*") if f.is_file() and f.name != COST
    }
    listing = [{"md5": dvc_hash(files[name]), "relpath": name} for name in sorted(files)]
    return hashlib.md5(json.dumps(listing, sort_keys=True).encode()).hexdigest() + ".dir"


def original_of(repository: Path) -> Path:
    """The repository that DVC copied this one from; itself if it is no such copy.

    >>> original_of(Path("/home/me/repo/.dvc/tmp/exps/tmp1"))
    PosixPath('/home/me/repo')
    """
    return Path(str(repository).partition(COPIES)[0])
