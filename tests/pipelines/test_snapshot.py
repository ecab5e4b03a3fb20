"""What a stage goes by is changed while it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow.tracking import MlflowClient

from llm4idrec.config import Config
from llm4idrec.config.yaml_file import read_yaml
from llm4idrec.runtime.files import work_folder
from llm4idrec.stages import STAGES
from pipelines import run
from pipelines.orchestration import flow
from pipelines.snapshot import Snapshot
from pipelines.tools.mlflow_internals import PARENT
from pipelines.tracking import stage_runs

REPO = Path(__file__).resolve().parents[2]
PARAMS = Path("params.yaml")
Output = pytest.CaptureFixture[str]


@pytest.fixture
def during(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Have something done when the next stage has written its outputs."""

    def arrange(act: Callable[[], object]) -> None:
        run_stage = flow.run_stage

        def and_then(*arguments: Any) -> str:
            run_id = run_stage(*arguments)
            act()
            return run_id

        monkeypatch.setattr(flow, "run_stage", and_then)

    return arrange


def edit(section: str | None, **values: object) -> None:
    params = yaml.safe_load(PARAMS.read_text())
    (params[section] if section else params).update(values)
    PARAMS.write_text(yaml.safe_dump(params))


@pytest.mark.slow
def test_another_parameter_or_another_file_fails_the_stage(
    workplace: Callable[..., Config], during: Callable[..., None], capfd: Output
) -> None:
    config = workplace()
    left = work_folder(Path("artifacts/train"))

    def change() -> None:
        edit(None, seed=22)
        edit("split", valid=0.2, test=0.3)
        left.mkdir(exist_ok=True)

    during(change)
    assert run.main(["prepare"]) == 2
    assert capfd.readouterr().err == (
        "params.yaml: `split.valid` changed from 0.1 to 0.2, `split.test` changed from 0.2 to 0.3, "
        "`seed` changed from 2026 to 22 while the stage prepare ran, which went by what was there; "
        "nothing of it is recorded; run it again\n"
    )
    assert [path.name for path in Path("artifacts").iterdir()] == [left.name]
    assert not Path("reports").exists()
    assert status(config, "prepare") == ["FAILED"]

    during(lambda: Path("ratings.csv").write_text(Path("ratings.csv").read_text() + "u1,m1,0\n"))
    assert run.main(["prepare"]) == 2
    sentence = "ratings.csv changed while the stage prepare ran, which went by what was there; "
    assert sentence in capfd.readouterr().err
    assert not left.exists()


def status(config: Config, stage: str) -> list[str]:
    """Of the stage's runs in this working directory; other tests have the same version."""
    client = MlflowClient()
    parent = stage_runs.parent_run(client, stage_runs.experiment_id(client), config)
    its = f"tags.`{PARENT}` = '{parent}' and tags.stage = '{stage}'"
    found = client.search_runs([stage_runs.experiment_id(client)], its)
    here = str(Path.cwd())
    return [its.info.status for its in found if its.data.tags[stage_runs.PLACE].endswith(here)]


@pytest.mark.slow
def test_what_the_stage_does_not_go_by_may_change(
    workplace: Callable[..., Config], during: Callable[..., None]
) -> None:
    """Another stage's key; layout and comments."""
    workplace()

    def change() -> None:
        edit("mf", embedding_size=8)
        PARAMS.write_text("# a comment\n" + PARAMS.read_text().replace("2026", "0x7ea"))

    during(change)
    assert run.main(["prepare"]) == 0
    assert Path("artifacts/train").is_dir()


def write_another_and_the_first_again(file: Path) -> None:
    kept = file.read_bytes()
    file.write_bytes(kept + b"u1,m1,0\n")
    file.write_bytes(kept)


def put_another_in_its_place_for_a_while(file: Path) -> None:
    aside = file.rename("aside.csv")
    file.write_text("user,item,time\n")
    aside.rename(file)


@pytest.mark.slow
@pytest.mark.parametrize(
    "act", [write_another_and_the_first_again, put_another_in_its_place_for_a_while, Path.unlink]
)
def test_an_input_that_was_another_for_a_while(
    act: Callable[[Path], object], workplace: Callable[..., Config], during: Callable[..., None],
    capfd: Output,
) -> None:  # fmt: skip
    """The stage may have read that one."""
    workplace()
    during(lambda: act(Path("ratings.csv")))
    assert run.main(["prepare"]) == 2
    assert "ratings.csv changed while the stage prepare ran" in capfd.readouterr().err
    assert not Path("artifacts/train").exists()


@pytest.mark.parametrize(
    "place", ["pipelines.orchestration.flow._recorded", "pipelines.tracking.stage_runs.parent_run"]
)
def test_an_input_that_is_removed_before_it_is_read(
    place: str, workplace: Callable[..., Config], monkeypatch: pytest.MonkeyPatch, capfd: Output
) -> None:
    workplace()
    module, _, name = place.rpartition(".")
    called = getattr(sys.modules[module], name)

    def remove_first(*arguments: Any) -> Any:
        Path("ratings.csv").unlink()
        return called(*arguments)

    monkeypatch.setattr(place, remove_first)
    assert run.main(["prepare"]) == 2
    error = capfd.readouterr().err
    assert error.splitlines()[-1].startswith("ratings.csv changed while the stage prepare ran")
    assert "Traceback" not in error


def test_each_kind_of_dependency_is_noticed(
    workplace: Callable[..., Config], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A file in a folder, the tuned filter's file, the code; each by itself."""
    tuned = Path("tuned.yaml")
    config = workplace(filter={"source": str(tuned)})
    tuned.write_text("filter: {min_votes: 1}\nevaluation: {amounts: [0.5]}\n")
    for name in ("train", "known", "identifiers", "replicates", "settings"):
        Path("artifacts", name).mkdir(parents=True)
        Path("artifacts", name, "table").write_text("1")
    code = tmp_path / "code"
    (code / "steps").mkdir(parents=True)
    (code / "steps/a.py").write_text("a = 1")
    (code / "dvc.yaml").write_text("stages: {augment: {deps: [artifacts/train, steps/a.py]}}")
    monkeypatch.setattr("pipelines.snapshot.STAGES", {"augment": STAGES["augment"]})
    monkeypatch.setattr("pipelines.snapshot.REPO", code)
    before = Snapshot.take(STAGES["augment"], config, read_yaml(PARAMS))
    before.require_same()

    def found(path: Path, text: str) -> str:
        before = Snapshot.take(STAGES["augment"], config, read_yaml(PARAMS))
        kept = path.read_text()
        path.write_text(text)
        with pytest.raises(Exception, match="while the stage augment ran") as error:
            before.require_same()
        path.write_text(kept)
        return str(error.value).partition(" while ")[0]

    table = Path("artifacts/replicates/table")
    assert found(table, "2") == "artifacts/replicates changed"
    assert found(code / "steps/a.py", "a = 2") == "steps/a.py changed"
    assert found(tuned, tuned.read_text().replace("1", "3")) == (
        "tuned.yaml: `filter.min_votes` changed from 1 to 3"
    )
    edited = PARAMS.read_text().replace("l2: 200.0", "l2: 300.0")
    assert found(PARAMS, edited) == "params.yaml: `ease.l2` changed from 200.0 to 300.0"
    whole = Snapshot.of_code()
    whole.require_same()
    (code / "steps/a.py").write_text("a = 3")
    with pytest.raises(Exception, match=r"steps/a.py changed while the stage all ran"):
        whole.require_same()
    (code / "steps/a.py").write_text("a = 1")
    before = Snapshot.take(STAGES["augment"], config, read_yaml(PARAMS))
    table.unlink()
    with pytest.raises(Exception, match="artifacts/replicates changed"):
        before.require_same()


@pytest.mark.slow
def test_dvc_never_records_what_was_not_used(tmp_path: Path, tiny_artifacts: Path) -> None:
    """A real `dvc repro` of the base model in a clone, edited on the way; then again, in peace."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(REPO), str(clone)], check=True)
    for name in ("ratings.csv", "params.yaml", "artifacts"):
        subprocess.run(["cp", "-r", str(tiny_artifacts / name), str(clone)], check=True)
    env = {
        k: v for k, v in os.environ.items() if not k.startswith(("LLM4IDREC", "ZENML", "MLFLOW"))
    }
    env |= {"PATH": f"{Path(sys.executable).parent}:{env['PATH']}", "PYTHONPATH": ""}
    command = [sys.executable, "-m", "dvc", "repro", "--single-item", "--force", "base_model"]
    params = clone / "params.yaml"
    with subprocess.Popen(
        command, cwd=clone, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout
        for line in process.stdout:
            if line == "base_model: started\n":
                params.write_text(params.read_text().replace("seed: 2026", "seed: 22"))
                break
        output = process.stdout.read()
    assert process.returncode
    assert "params.yaml: `seed` changed from 2026 to 22 while the stage base_model ran" in output
    assert not (clone / "dvc.lock").exists()
    assert not (clone / "artifacts/base_model").exists()
    subprocess.run(command, cwd=clone, env=env, check=True, stdout=subprocess.DEVNULL)
    recorded = read_yaml(clone / "dvc.lock")["stages"]["base_model"]["params"]["params.yaml"]
    assert recorded["seed"] == 22
