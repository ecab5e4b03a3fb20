"""`stacks/`: the team's stack and run settings, in ZenML itself; runs elsewhere, on schedule."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import mlflow
import pytest
import yaml
from click.testing import CliRunner
from mlflow.tracking import MlflowClient
from packaging.requirements import Requirement
from zenml import __version__ as zenml_version
from zenml.cli.stack import import_stack
from zenml.client import Client
from zenml.enums import StackComponentType as Component
from zenml.integrations.registry import integration_registry
from zenml.utils.code_utils import CodeArchive
from zenml.utils.pipeline_docker_image_builder import PipelineDockerImageBuilder

from llm4idrec.config import Config
from llm4idrec.errors import InputError
from llm4idrec.stages import FLOW
from pipelines import environment, run
from pipelines.orchestration import flow, run_settings
from pipelines.tracking import stage_runs
from steps.fetch_interactions import fetch_interactions

REPO = Path(__file__).resolve().parents[2]
TEAM, SETTINGS = REPO / "stacks/kubernetes.yaml", REPO / "stacks/run.yaml"
INTEGRATIONS = ("kubernetes", "s3", "mlflow")
KUBERNETES = all(importlib.util.find_spec(name) for name in ("kubernetes", "s3fs"))
ONCE = {stage.name for stage in FLOW if not stage.each}
AROUND = {"validate_raw", "validate_augmented", "gather_evaluations", "gather_ledgers"}
STEPS = sorted(ONCE | AROUND | {"evaluate_mf", "evaluate_lightgcn"})


@pytest.fixture
def new_stack(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Registers a stack with an artifact store of its own and perhaps a tracker; its name."""
    environment.create_stores()

    def register(orchestrator: str = "default", tracking_uri: str = "") -> str:
        name = f"elsewhere-{uuid.uuid4()}"
        own = {Component.ARTIFACT_STORE: ("local", {"path": str(tmp_path / "store")})}
        if tracking_uri:
            own[Component.EXPERIMENT_TRACKER] = ("mlflow", {"tracking_uri": tracking_uri})
        for kind, (flavor, values) in own.items():
            Client().create_stack_component(name, flavor, kind, values)
        parts = {Component.ORCHESTRATOR: orchestrator} | dict.fromkeys(own, name)
        return str(Client().create_stack(name, parts).name)

    yield register
    # The tracker has named its own to MLflow, which the environment would not overrule.
    mlflow.set_tracking_uri(None)


@pytest.fixture(scope="module")
def timer() -> str:
    """An orchestrator that takes schedules."""
    environment.create_stores()
    Client().create_flavor("tests.pipelines.timer.TimerFlavor", Component.ORCHESTRATOR)
    Client().create_stack_component("timer", "timer", Component.ORCHESTRATOR, {})
    return "timer"


@pytest.fixture(scope="module")
def team() -> str:
    """`stacks/kubernetes.yaml`, imported as `zenml stack import` does it."""
    environment.create_stores()
    Client().create_secret("mlflow", {"username": "me", "password": "secret"})
    outcome = CliRunner().invoke(import_stack, [str(TEAM)], catch_exceptions=False)
    assert outcome.exit_code == 0
    return str(yaml.safe_load(TEAM.read_text())["stack_name"])


@pytest.mark.slow
def test_the_teams_stack_has_its_four_parts_and_what_builds_images(team: str) -> None:
    parts = Client().get_stack(team).components
    assert {str(kind.value): [part.flavor_name for part in of] for kind, of in parts.items()} == {
        "orchestrator": ["kubernetes"],
        "artifact_store": ["s3"],
        "experiment_tracker": ["mlflow"],
        "container_registry": ["default"],
        "image_builder": ["local"],
    }


def test_what_the_teams_stack_lacks_is_said_before_anything_runs(
    team: str, workplace: Callable[..., Config], capfd: pytest.CaptureFixture[str]
) -> None:
    workplace()
    assert run.main(["all", "--stack", team]) == 2
    (sentence,) = capfd.readouterr().err.splitlines()
    if KUBERNETES:
        assert "set ZENML_STORE_URL" in sentence
    else:
        assert sentence.startswith(f"stack '{team}' needs packages that are not installed; pip")
        assert "'kubernetes>=" in sentence
        assert "'s3fs>" in sentence


def test_an_unknown_stack_is_one_sentence(
    workplace: Callable[..., Config], capfd: pytest.CaptureFixture[str]
) -> None:
    workplace()
    assert run.main(["all", "--stack", "tean"]) == 2
    assert capfd.readouterr().err.startswith("there is no stack 'tean'; expected one of default")


def compiled(config: Config, name: str, settings: Path | None) -> Any:
    """What ZenML would hand to the orchestrator."""
    os.environ["ZENML_ACTIVE_STACK_ID"] = str(Client().get_stack(name).id)
    whole = flow.whole(config, "s3://team/interactions.csv", {})
    path = str(settings) if settings else None
    whole = whole.with_options(config_path=path)
    whole.prepare()
    return whole._compile(config_path=path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "remote",
    [
        False,
        pytest.param(
            True, marks=pytest.mark.skipif(not KUBERNETES, reason="needs kubernetes, s3fs")
        ),
    ],
)
def test_the_example_settings_reach_every_step_of_the_compiled_pipeline(
    remote: bool, team: str, workplace: Callable[..., Config], new_stack: Callable[..., str]
) -> None:
    name = team if remote else new_stack()
    snapshot, schedule, _ = compiled(workplace(), name, SETTINGS)
    assert schedule.cron_expression == "0 3 * * 1"
    steps = {step: found.config for step, found in snapshot.step_configurations.items()}
    assert set(steps) == {"fetch_interactions", *STEPS}
    gpus = {step for step, found in steps.items() if found.resource_settings.gpu_count}
    assert gpus == {"base_model", "adapter", "generate", "replicate"}
    for step, found in steps.items():
        resources, docker = found.resource_settings, found.docker_settings
        more = step in gpus or step.startswith("evaluate") or step == "tune_recommenders"
        assert resources.cpu_count == (4 if more else 2)
        assert resources.memory == ("16GB" if step in gpus else "8GB" if more else "4GB")
        assert docker.requirements == str(REPO / "requirements.lock")
        assert docker.environment["UV_TORCH_BACKEND"] == "cu130"
        assert docker.environment["ZENML_ANALYTICS_OPT_IN"] == "false"
    assert {step for step, found in steps.items() if found.enable_cache is False} == {
        "fetch_interactions"
    }


@pytest.mark.slow
def test_without_settings_the_image_has_the_cpu_build_and_no_step_asks_for_resources(
    workplace: Callable[..., Config], new_stack: Callable[..., str]
) -> None:
    snapshot, schedule, _ = compiled(workplace(), new_stack(), None)
    assert schedule is None
    for step in snapshot.step_configurations.values():
        assert step.config.resource_settings.empty
        assert step.config.docker_settings == flow.image()
    assert flow.image().environment["UV_TORCH_BACKEND"] == "cpu"


@pytest.mark.slow
def test_the_image_installs_the_lock_file_which_suits_the_stacks_own_packages(
    workplace: Callable[..., Config], new_stack: Callable[..., str]
) -> None:
    snapshot, _, _ = compiled(workplace(), new_stack(), SETTINGS)
    docker = snapshot.step_configurations["adapter"].config.docker_settings
    builder = PipelineDockerImageBuilder
    files = builder.gather_requirements_files(docker, Client().active_stack)
    ((name, lock, _),) = files
    lines = builder._generate_zenml_pipeline_dockerfile(
        "zenmldocker/zenml", docker, files
    ).splitlines()
    (install,) = [number for number, line in enumerate(lines) if f"-r {name}" in line]
    assert lines[install].startswith("RUN uv pip install")
    assert lines.index("ENV UV_TORCH_BACKEND='cu130'") < install

    assert lines.index("ENV UV_NO_VERIFY_HASHES='true'") < install
    parsed = [Requirement(word) for word in lock.split() if "==" in word]
    pins = {found.name.lower(): str(found.specifier).removeprefix("==") for found in parsed}
    assert pins["zenml"] == zenml_version
    assert {"torch", "peft", "transformers"} <= set(pins)
    for integration in INTEGRATIONS:
        for line in integration_registry.select_integration_requirements(integration):
            wanted = Requirement(line)
            pin = pins.get(wanted.name.lower())
            assert pin is None or wanted.specifier.contains(pin), (line, pin)


@pytest.mark.slow
def test_the_uploaded_code_is_enough_to_import_every_step(tmp_path: Path) -> None:
    archive = CodeArchive(root=str(REPO))
    folders = {Path(name).parts[0] for name in archive.get_files()}
    assert {"llm4idrec", "steps", "pipelines"} <= folders
    assert not folders & {".venv", ".state", "artifacts"}
    with (tmp_path / "code.tar.gz").open("w+b") as file:
        archive.write_archive(file)
    with tarfile.open(tmp_path / "code.tar.gz") as tar:
        tar.extractall(tmp_path / "app", filter="data")
    shown = subprocess.run(
        [sys.executable, "-c", "from pipelines.orchestration import flow; print(flow.__file__)"],
        cwd=tmp_path / "app",
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.strip() == str(tmp_path / "app/pipelines/orchestration/flow.py")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: [", "cannot be read as YAML"),
        ("- a", "holds no parameters"),
        ("shedule: {}", "unknown key `shedule`; expected one of "),
        ("schedule: {cron: 1 2 3 4 5}", "unknown key `schedule.cron`"),
        ("schedule: {name: nightly}", "`schedule`: Either a cron expression"),
        ("settings: {dokcer: {}}", "unknown key `settings.dokcer`; expected docker, resources"),
        ("settings: {docker: {parent: x}}", "unknown key `settings.docker.parent`"),
        ("settings: {resources: {memory: 4 apples}}", "`settings.resources.memory`: "),
        ("steps: {adapter: {resources: {}}}", "unknown key `steps.adapter.resources`"),
        ("steps: {tune: {}}", "`steps.tune`: no such step; expected one of adapter"),
        (
            "steps: {adapter: {settings: {resources: {cpus: 4}}}}",
            "unknown key `steps.adapter.settings.resources.cpus`",
        ),
        (
            "steps: {adapter: {settings: {resources: {gpu_count: 1}}}}",
            "`steps.adapter` has a GPU, and its image gets torch's CPU build",
        ),
    ],
)
def test_settings_that_cannot_be_used_name_the_file_and_the_key(
    text: str, found: str, tmp_path: Path
) -> None:
    environment.create_stores()
    file = tmp_path / "run.yaml"
    file.write_text(text)
    with pytest.raises(InputError) as fault:
        run_settings.check(
            run_settings.read(file),
            file,
            image=flow.image(),
            steps=STEPS,
            stack=Client().active_stack,
        )
    assert re.match(rf"{file}(, line \d+)?: {re.escape(found)}", str(fault.value))
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize(
    "image", ["{environment: {UV_TORCH_BACKEND: cu130}}", "{parent_image: team/cuda}"]
)
def test_a_gpu_goes_with_a_cuda_build_or_an_image_of_ones_own(image: str, tmp_path: Path) -> None:
    environment.create_stores()
    file = tmp_path / "run.yaml"
    file.write_text(f"settings: {{resources: {{gpu_count: 1}}, docker: {image}}}")
    active = Client().active_stack
    config = run_settings.read(file)
    run_settings.check(config, file, image=flow.image(), steps=STEPS, stack=active)


def test_settings_are_checked_by_the_command(
    workplace: Callable[..., Config], capfd: pytest.CaptureFixture[str]
) -> None:
    workplace()
    Path("run.yaml").write_text("steps: {adaptor: {enable_cache: false}}")
    assert run.main(["all", "--settings", "run.yaml"]) == 2
    assert capfd.readouterr().err.startswith("run.yaml: `steps.adaptor`: no such step")
    assert run.main(["all", "--settings", "none.yaml"]) == 2
    assert capfd.readouterr().err.startswith("none.yaml: cannot be read as YAML")


def test_a_schedule_needs_an_orchestrator_that_can_and_data_that_change(
    timer: str,
    workplace: Callable[..., Config],
    new_stack: Callable[..., str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    workplace()
    Path("run.yaml").write_text("schedule: {cron_expression: 0 3 * * 1}")
    assert run.main(["all", "--settings", "run.yaml", "--source", "ratings.csv"]) == 2
    (sentence,) = capfd.readouterr().err.splitlines()
    assert sentence.startswith("run.yaml: `schedule` is set, and the orchestrator of stack")
    assert run.main(["all", "--settings", "run.yaml", "--stack", new_stack(timer)]) == 2
    (sentence,) = capfd.readouterr().err.splitlines()
    assert "give it with --source" in sentence
    assert not Client().list_schedules().items


def test_an_address_that_the_stack_cannot_read_is_said_before_the_run(
    workplace: Callable[..., Config], capfd: pytest.CaptureFixture[str]
) -> None:
    workplace()
    assert run.main(["all", "--source", "s3://team/ratings.csv"]) == 2
    (sentence,) = capfd.readouterr().err.splitlines()
    assert sentence.startswith("s3://team/ratings.csv: cannot be read")


def test_a_folder_is_fetched_with_all_below_it(tmp_path: Path) -> None:
    for name in ("train.txt", "below/test.txt"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_text(name)
    fetch = cast(Any, fetch_interactions).entrypoint
    fetched = fetch(f"{tmp_path / 'in'}/")
    assert fetched.name == "in"
    assert (fetched / "train.txt").read_text() == "train.txt"
    assert (fetched / "below/test.txt").read_text() == "below/test.txt"
    shutil.rmtree(fetched.parent)
    with pytest.raises(InputError, match="none: there is no such file"):
        fetch(str(tmp_path / "none"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # ZenML's list of runs
def test_scheduled_runs_fetch_their_data_and_are_recorded_where_the_stacks_tracker_says(
    timer: str,
    workplace: Callable[..., Config],
    new_stack: Callable[..., str],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    records = f"sqlite:///{tmp_path / 'team.db'}"
    name = new_stack(timer, records)
    workplace()
    Path("elsewhere").mkdir()
    source = Path("ratings.csv").rename("elsewhere/ratings.csv")
    Path("run.yaml").write_text("schedule: {cron_expression: 0 3 * * 1}")
    command = ["all", "--stack", name, "--settings", "run.yaml", "--source", str(source)]

    first = scheduled(command)
    assert "left to run by itself" in capfd.readouterr().out
    assert set(statuses(first)) == {"fetch_interactions", *STEPS}
    report = first.steps["report"].outputs["comparison"][0]
    assert report.uri.startswith(str(tmp_path / "store"))
    assert not (tmp_path / "team.db").exists()
    assert run.main(["all", "--stack", name, "--record", first.name]) == 0
    assert "NDCG@5" in capfd.readouterr().out
    client = MlflowClient(records)
    found = client.search_runs([stage_runs.experiment_id(client)], f"tags.zenml.run = '{first.id}'")
    assert {stage.data.tags["stage"] for stage in found} == {stage.name for stage in FLOW}

    again = statuses(scheduled(command))
    assert again.pop("fetch_interactions") == "completed"
    assert set(again.values()) == {"cached"}
    source.write_text(source.read_text() + "u1,m29,5\n")
    assert statuses(scheduled(command))["prepare"] == "completed"

    # The same on that stack now, of a file of this machine: the driver writes MLflow's runs.
    capfd.readouterr()
    workplace(data={"path": str(source)})
    assert run.main(["all", "--stack", name]) == 0
    assert "NDCG@5" in capfd.readouterr().out

    assert run.main(["all", "--stack", name, "--record", "none"]) == 2
    assert capfd.readouterr().err.startswith("there is no ZenML run 'none'")
    for arguments in (["init"], ["commit", "--allow-empty", "--message", "Later"]):
        author = ["-c", "user.name=me", "-c", "user.email=me@example.org"]
        subprocess.run(["git", *author, *arguments, "--quiet"], check=True)
    assert run.main(["all", "--stack", name, "--record", first.name]) == 2
    assert "is of commit none, and this is " in capfd.readouterr().err


def scheduled(command: list[str]) -> Any:
    """The ZenML run that the schedule set up by `command` fires."""
    assert run.main(command) == 0
    return (
        Client().list_pipeline_runs(sort_by="desc:created", size=1).items[0].get_hydrated_version()
    )


def statuses(found: Any) -> dict[str, str]:
    return {name: str(step.status.value) for name, step in found.steps.items()}
