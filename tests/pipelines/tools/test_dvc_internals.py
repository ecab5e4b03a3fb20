"""Whether DVC, as it is installed, is as `pipelines/tools/dvc_internals.py` takes it to be."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from llm4idrec.config import Config
from pipelines.tools import dvc_internals
from pipelines.tools.dvc_internals import dvc_hash

HERE = f"DVC {version('dvc')} (see pipelines/tools/dvc_internals.py)"


@pytest.mark.slow
def test_hashes_are_those_of_dvc(workplace: Callable[..., Config]) -> None:
    folder = Path("artifacts/adapter/a b")
    folder.mkdir(parents=True)
    (folder / "weights").write_bytes(bytes(range(256)))
    Path("artifacts/ä.json").write_text("{}")
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "init", "--no-scm", "--quiet"], check=True)
    subprocess.run([*dvc, "add", "--quiet", "ratings.csv", "artifacts"], check=True)
    for name in ("ratings.csv", "artifacts"):
        pinned = Path(f"{name}.dvc").read_text()
        said = f"{HERE} hashes {name} in another way than dvc_hash: {pinned}"
        assert f"md5: {dvc_hash(Path(name))}\n" in pinned, said


def test_the_queue_copies_the_repository_where_it_did(tmp_path: Path) -> None:
    from dvc.repo import Repo
    from dvc.repo.experiments import utils

    with Repo.init(str(tmp_path), no_scm=True) as repo:
        copies = f"{repo.tmp_dir}/{utils.EXEC_TMP_DIR}/"
    expected = f"{tmp_path}{dvc_internals.COPIES}"
    assert copies == expected, f"{HERE} copies a repository below {copies}, not {expected}"
    assert dvc_internals.original_of(Path(copies, "tmp1")) == tmp_path
    assert dvc_internals.original_of(tmp_path) == tmp_path
