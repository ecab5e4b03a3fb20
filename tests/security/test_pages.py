"""IDs and names of the data on pages: text, whatever they look like."""

from __future__ import annotations

from pathlib import Path

import pytest

from llm4idrec.config import Config
from llm4idrec.errors import InputError
from tests.conftest import tiny_params
from tests.llm4idrec.small_run import make, small_run
from tests.security.watched import SCRIPT, WatchedRun


@pytest.mark.slow
def test_no_page_has_an_id_as_markup(watched: WatchedRun) -> None:
    """The report and Great Expectations' Data Docs on items that are called `<script>...`."""
    pages = [path for path in watched.files() if path.suffix == ".html"]
    assert len(pages) > 3
    assert [page for page in pages if SCRIPT in page.read_text(encoding="utf-8")] == []


def test_a_data_sets_name_could_be_a_file_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    values = tiny_params().model_dump(mode="json")
    for name in (SCRIPT, "../secret", "a/b", ""):
        with pytest.raises(InputError, match="dataset"):
            Config.parse(values | {"dataset": name})


def test_names_of_files_are_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folders = small_run(tmp_path)
    source = Path("<img src=x onerror=alert(1)>.csv")
    source.write_text("user,item,time\n")
    config = folders["config"]
    config = config.model_copy(update={"data": config.data.model_copy(update={"path": source})})
    page = make(folders, config=config, source=source)
    assert "img" not in page.tags
    assert "onerror=alert(1)" in page.text
