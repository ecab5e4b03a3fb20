"""Names that lead nowhere, in circles, or to what is no file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from llm4idrec.config import Config, DataConfig
from llm4idrec.data.formats import read_file
from llm4idrec.stages.prepare import read
from pipelines.run import main as driver
from tests.hostile.refusal import COLUMNS, FILE, refused, write_parameters

TEXT = "user,item,time\nanna,x,5\n"
NO_FILE = "there is no such file; expected the interactions"
FORMATS = ["csv", "parquet", "selfrec_graph", "selfrec_sequential"]


def loop() -> None:
    Path("given/a").symlink_to("b")
    Path("given/b").symlink_to("a")
    FILE.symlink_to("a")


MADE: dict[str, tuple[Callable[[], object], str]] = {
    "nothing": (lambda: None, NO_FILE),
    "folder": (FILE.mkdir, "is a folder without a file; expected files that are one"),
    "link to a folder": (lambda: FILE.symlink_to("/"), "is a folder "),
    "pipe": (lambda: os.mkfifo(FILE), "is a pipe or a device; expected a file"),
    "link to a device": (lambda: FILE.symlink_to("/dev/zero"), "is a pipe or a device"),
    "dangling link": (lambda: FILE.symlink_to("gone"), NO_FILE),
    "link to itself": (lambda: FILE.symlink_to("interactions"), NO_FILE),
    "links in a circle": (loop, NO_FILE),
}
PATHS = {
    "no folder": "gone/file",
    "a file for a folder": "params.yaml/file",
    "too long": "x" * 300,
    "too deep": "/".join(["x"] * 3000),
    "absolute": "/gone/file",
    "above": "../../../../../../../../../../gone",
    "home": "~/gone",
    "address": "https://example.com/ratings.csv",
    "bucket": "s3://bucket/ratings.csv",
    "template": "{user}",
    "empty": "",
}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", MADE)
def test_data_that_are_no_file(name: str, format: str, capsys: pytest.CaptureFixture[str]) -> None:
    make, found = MADE[name]
    make()
    write_parameters(format=format, **(COLUMNS if format in ("csv", "parquet") else {}))
    refused(capsys, f"{FILE}: {found}")


@pytest.mark.parametrize("name", PATHS)
def test_paths_that_lead_nowhere(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_parameters(path=PATHS[name], **COLUMNS)
    sentence = " is a folder" if name == "empty" else NO_FILE
    shown = str(Path(PATHS[name]).expanduser())
    refused(capsys, f"{shown}: ", sentence, longest=2 * len(shown) + 1000)


@pytest.mark.parametrize("name", MADE)
def test_parameters_that_are_no_file(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    MADE[name][0]()
    refused(
        capsys, f"{FILE}: cannot be read as YAML (", arguments=("prepare", "--params", str(FILE))
    )


@pytest.mark.parametrize("name", [*MADE, "too long"])
def test_tuned_filters_that_are_no_file(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    source = Path("x" * 300) if name == "too long" else FILE
    if name in MADE:
        MADE[name][0]()
    write_parameters(**COLUMNS)
    text = (
        Path("params.yaml").read_text().replace("min_votes: 1", f"min_votes: 1\n  source: {source}")
    )
    Path("params.yaml").write_text(text)
    refused(capsys, f"{source}: there is no such file; expected what `filter.source` names")


@pytest.mark.parametrize("name", ["train", "test"])
@pytest.mark.parametrize("value", ["gone.csv", "", ".", "sub", "sub/gone.csv", "x" * 300])
def test_files_of_a_split_that_are_none(
    name: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("given/sub").mkdir()
    Path("given/train.csv").write_text(TEXT)
    names = {"train": "train.csv", "test": "train.csv", name: value}
    write_parameters(path="given", **names, **COLUMNS)
    if value:
        if value == ".":  # the folder itself, whose files are one table
            read(Path("out/raw"), Config.read(Path("params.yaml")).data)
        else:
            refused(capsys, f"{Path('given', value)}: ")
    elif name == "train":  # no name is given: the same as null
        refused(capsys, "params.yaml: `data`: `test` is given without `train`")


@pytest.mark.parametrize("stage", ["prompts", "base_model", "generate", "controls"])
def test_a_stage_before_the_one_that_it_reads_from(
    stage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree("out")
    write_parameters(**COLUMNS)
    Path("out/settings").mkdir(parents=True)
    found = "out/known/interactions.parquet: there is no such file"
    refused(
        capsys, f"{found}; run the stage that writes it first", arguments=(stage, "--out", "out")
    )


def test_a_name_too_long_for_the_file_system(capsys: pytest.CaptureFixture[str]) -> None:
    write_parameters(path="x" * 300, **COLUMNS)
    refused(capsys, f"{'x' * 300}: there is no such file", arguments=("prepare",), run=driver)


@pytest.mark.parametrize("made", [FILE, Path("link"), Path("ünï cöde, {user}.csv"), Path("-x")])
def test_files_and_links_to_them_are_read(made: Path) -> None:
    FILE.write_text(TEXT)
    if made.name == "link":
        made.symlink_to(FILE)
    elif made != FILE:
        made.write_text(TEXT)
    table = read_file(made, DataConfig.model_validate({"path": made, "format": "csv", **COLUMNS}))
    assert table["user"].to_pylist() == ["anna"]


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("locked", ["given", "given/interactions"])
def test_what_may_not_be_read(locked: str, capsys: pytest.CaptureFixture[str]) -> None:
    FILE.write_text(TEXT)
    write_parameters(**COLUMNS)
    Path(locked).chmod(0)
    try:
        refused(capsys, f"{FILE}: ")
    finally:
        Path(locked).chmod(0o700)


@pytest.mark.parametrize("out", ["params.yaml", "params.yaml/deep"])
def test_an_output_below_a_file(out: str, capsys: pytest.CaptureFixture[str]) -> None:
    FILE.write_text(TEXT)
    write_parameters(**COLUMNS)
    found = "cannot be made; expected folders above it, not files"
    refused(capsys, f"{out}/raw: {found}", arguments=("prepare", "--out", out))


@pytest.mark.slow
@pytest.mark.parametrize("debug", [False, True])
def test_a_real_command(debug: bool) -> None:
    FILE.write_bytes(b"user,item,time\nanna,x,5\nbert,\xff,6\n")
    write_parameters(**COLUMNS)
    command = [sys.executable, "-m", "llm4idrec", "prepare", *(["--debug"] if debug else [])]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    found = "byte 0xff is not UTF-8; expected UTF-8 text; save the file in that encoding, or set "
    found += "data.encoding to its own, such as cp1252 or latin-1"
    sentence = f"{FILE}, line 3: {found}\n"
    assert done.stderr.endswith(sentence)
    assert done.stderr.startswith("Traceback") is debug
    assert debug or (done.returncode, done.stderr) == (2, sentence)
    assert not Path("artifacts").exists()


@pytest.mark.parametrize("name", ["../mf", "slim", "", "mf/../../x", "mf\n", "--debug"])
def test_recommenders_on_the_command_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_parameters(**COLUMNS)
    arguments = ("export", "--to", "new", "--format", "recbole", f"--for={name}")
    refused(capsys, f"there is no recommender {name!r}; expected one of", arguments=arguments)
    assert not Path("new").exists()
