from __future__ import annotations

from pathlib import Path

import pytest
from zenml.client import Client

from llm4idrec.runtime.files import content_hash
from steps.materializer import PathMaterializer, StaleArtifactError
from steps.workspace import IN_PLACE, SCRATCH


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {"a.txt": "one", "below/b.txt": "two"}.items():
        file = tmp_path / "train" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path / "train"


@pytest.fixture
def materializer() -> PathMaterializer:
    store = Client().active_stack.artifact_store
    uri = Path(store.path, "test")
    return PathMaterializer(uri=str(uri), artifact_store=store)


@pytest.fixture(autouse=True)
def _fresh(materializer: PathMaterializer) -> None:
    import shutil

    shutil.rmtree(materializer.uri, ignore_errors=True)
    Path(materializer.uri).mkdir(parents=True)


def load(materializer: PathMaterializer, content: str) -> Path:
    materializer.expected_content_hash = content
    return materializer.load(Path)


def test_a_folder_is_copied_and_then_read_where_it_is_stored(
    materializer: PathMaterializer, folder: Path
) -> None:
    materializer.save(folder)
    loaded = load(materializer, content_hash(folder))
    assert loaded == Path(materializer.uri, "content", "train")
    assert materializer.compute_content_hash(loaded) == materializer.compute_content_hash(folder)


def test_a_file_keeps_its_name(materializer: PathMaterializer, folder: Path) -> None:
    materializer.save(folder / "a.txt")
    loaded = load(materializer, content_hash(folder / "a.txt"))
    assert loaded.name == "a.txt"
    assert loaded.read_text() == "one"


def test_from_a_remote_store_the_files_are_fetched(
    materializer: PathMaterializer,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(SCRATCH, str(tmp_path))
    materializer.save(folder)
    fetched = materializer._copy_out(f"{materializer.uri}/content") / "train"
    assert content_hash(fetched) == content_hash(folder)
    assert Path(materializer.uri) not in fetched.parents


def test_in_place_only_a_reference_is_kept(
    materializer: PathMaterializer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(IN_PLACE, "1")
    content = content_hash(folder)
    materializer.save(folder)
    assert [file.name for file in Path(materializer.uri).iterdir()] == ["reference.json"]
    assert load(materializer, content) == folder
    (folder / "a.txt").write_text("changed")
    with pytest.raises(StaleArtifactError, match="train: changed since"):
        load(materializer, content)
