"""A pickle runs code when it is read; nothing here reads or writes one.

Processes that evaluate side by side are the exception: multiprocessing sends them functions and
settings as pickles through a pipe, between processes of one program.
"""

from __future__ import annotations

import ast
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.conftest import REPO
from tests.security.watched import WatchedRun

MODULES = {
    "pickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "jsonpickle",
}  # fmt: skip
CALLS = {
    "torch.load", "torch.save", "read_pickle", "to_pickle", "yaml.load", "yaml.unsafe_load",
    "yaml.full_load",
}  # fmt: skip
FLAGS = {"allow_pickle", "trust_remote_code", "shell"}
"""Arguments that must never be anything but False."""
SUFFIXES = {".pkl", ".pickle", ".joblib", ".pt", ".pth", ".bin", ".ckpt"}
CODE = sorted(
    path for name in ("llm4idrec", "steps", "pipelines", "benchmarks", ".ci")
    for path in (REPO / name).rglob("*.py")
)  # fmt: skip


def faults(code: str) -> Iterator[str]:
    """What of the above is in the code."""
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Import(names=names):
                yield from (n.name for n in names if n.name.partition(".")[0] in MODULES)
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in MODULES:
                yield module
            case ast.Call(func=func, keywords=keywords):
                called = ast.unparse(func)
                yield from (c for c in CALLS if called == c or called.endswith(f".{c}"))
                yield from {called} & {"eval", "exec"}
                for keyword in keywords:
                    if keyword.arg in FLAGS and ast.unparse(keyword.value) != "False":
                        yield f"{keyword.arg}={ast.unparse(keyword.value)}"


def is_pickle(path: Path) -> bool:
    """By its name, its first bytes, or, as torch saves, in a zip archive."""
    if path.suffix in SUFFIXES:
        return True
    with path.open("rb") as stream:
        start = stream.read(2)
    if len(start) == 2 and start[0] == 0x80 and start[1] in range(2, pickle.HIGHEST_PROTOCOL + 1):
        return True
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith(".pkl") for name in archive.namelist())


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(REPO)))
def test_the_code_has_none(path: Path) -> None:
    assert list(faults(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from joblib.parallel import x",
        "torch.load(path)",
        "frame.to_pickle(path)",
        "np.load(path, allow_pickle=True)",
        "Model.from_pretrained(name, trust_remote_code=flag)",
        "yaml.load(text)",
        "eval(text)",
    ],
)
def test_what_the_scan_finds(code: str) -> None:
    assert len(list(faults(code))) == 1
    assert list(faults("np.load(path, allow_pickle=False); model.eval(); torch.no_grad()")) == []


def test_what_counts_as_a_pickle(tmp_path: Path) -> None:
    (tmp_path / "own").write_bytes(pickle.dumps({1}))
    torch.save({}, tmp_path / "of torch")
    (tmp_path / "weights.bin").write_bytes(b"")
    assert [is_pickle(path) for path in tmp_path.iterdir()] == [True] * 3
    (tmp_path / "text").write_text("text")
    assert not is_pickle(tmp_path / "text")


@pytest.mark.slow
def test_the_whole_flow_reads_and_writes_none(watched: WatchedRun) -> None:
    """From data to a champion's recommendations, ZenML's and MLflow's own files included."""
    assert watched.pickles == ""
    files = watched.files()
    assert len(files) > 200
    assert [path for path in files if is_pickle(path)] == []


@pytest.mark.slow
def test_the_registered_model_is_safetensors_and_code(watched: WatchedRun) -> None:
    (described,) = (path for path in watched.files() if path.name == "MLmodel")
    logged = [path for path in described.parent.rglob("*") if path.is_file()]
    weights = [path.name for path in logged if path.suffix == ".safetensors"]
    # The base model stands there as such, and beside its adapter.
    assert sorted(set(weights)) == ["adapter_model.safetensors", "model.safetensors"]
    text = described.read_text()
    assert "adapter_model.py" in text
    assert "python_model: " not in text  # where MLflow names a pickled one
