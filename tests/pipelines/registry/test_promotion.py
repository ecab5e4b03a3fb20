"""Promote, refuse, force and roll back, in a real registry: a database, and behind a server."""

from __future__ import annotations

import json
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from pipelines import run
from pipelines.registry import promotion
from pipelines.registry.challenge import Challenge, challenge
from pipelines.registry.registry import CHALLENGER, CHAMPION, MODEL, Version
from pipelines.relocation import EXPERIMENT
from tests.pipelines.conftest import Workshop

Output = pytest.CaptureFixture[str]


@pytest.fixture(params=["database", pytest.param("server", marks=pytest.mark.slow)])
def client(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> MlflowClient:
    """Of the store that the environment names."""
    monkeypatch.setenv("LLM4IDREC_STATE", str(tmp_path / "state"))
    store = f"sqlite:///{tmp_path / 'state/mlflow.db'}"
    if request.param == "server":
        store = request.getfixturevalue("server")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    (tmp_path / "state").mkdir()
    return MlflowClient()


def aliases(client: MlflowClient) -> dict[str, str]:
    (model,) = client.search_registered_models(f"name = '{MODEL}'")
    return {alias: str(number) for alias, number in model.aliases.items()}


def moves(client: MlflowClient) -> list[str]:
    """What was noted of each move, in order."""
    tags = client.get_registered_model(MODEL).tags
    return [tags[key] for key in sorted(tags) if key.startswith("champion.")]


@pytest.mark.slow
def test_promote_refuse_roll_back_and_load_by_alias(
    client: MlflowClient, workshop: Workshop, capfd: Output
) -> None:
    first = workshop.register({"mf": 0.1, "lightgcn": 0.02})
    assert aliases(client) == {CHALLENGER: "1"}
    capfd.readouterr()
    assert run.main(["promote"]) == 0
    assert aliases(client) == {CHALLENGER: "1", CHAMPION: "1"}
    assert capfd.readouterr().out.splitlines() == [
        "validation  original data  version 1     lead     95 % interval        p",
        "LightGCN           0.5000     0.5100   +2.0 %    +2.0 to +2.0 %  < 0.001",
        "MF                 0.5000     0.5500  +10.0 %  +10.0 to +10.0 %  < 0.001",
        "Version 1 is the champion now, over original data.",
    ]

    workshop.register({"mf": 0.2, "lightgcn": -0.02})
    capfd.readouterr()
    assert run.main(["promote"]) == 1
    assert capfd.readouterr().err.splitlines()[-1] == (
        "Version 2 is not promoted: it is behind on LightGCN with p < 0.05. "
        "--force promotes it anyway."
    )
    assert aliases(client) == {CHALLENGER: "2", CHAMPION: "1"}
    assert not any(key.startswith("promotion") for key in client.get_model_version(MODEL, "2").tags)

    third = workshop.register({"mf": 0.2, "lightgcn": 0.02})
    assert run.main(["promote"]) == 0
    tags = client.get_model_version(MODEL, "3").tags
    assert (tags["promotion.over"], tags["promotion.forced"]) == ("1", "false")
    figures = json.loads(tags["promotion.figures"])
    assert figures["mf"]["rival"] == pytest.approx(0.55, abs=1e-4)
    assert figures["mf"]["challenger"] == pytest.approx(0.6, abs=1e-4)
    assert figures["mf"]["p_value"] < 0.001
    assert figures["lightgcn"]["p_value"] == 1
    assert run.main(["promote"]) == 0
    assert "Version 3 is the champion already." in capfd.readouterr().out

    assert run.main(["rollback"]) == 0
    assert aliases(client) == {CHALLENGER: "3", CHAMPION: "1"}
    assert client.get_model_version(MODEL, "3").tags["rollback.to"] == "1"
    assert run.main(["rollback"]) == 1
    assert "replaced no version" in capfd.readouterr().err
    assert moves(client) == [
        "version 1 promoted over original data",
        "version 3 promoted over version 1",
        "version 3 rolled back to version 1",
    ]
    assert (first.number, third.number) == ("1", "3")
    served = mlflow.pyfunc.load_model(f"models:/{MODEL}@{CHAMPION}")
    found = served.predict(pd.DataFrame({"user": ["new"], "items": [["m3", "m1"]]}))
    assert set(found["user"]) == {"new"}


@pytest.mark.slow
def test_a_server_keeps_the_files_itself(
    server: str, workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of this machine would be of no use to anybody else's."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    monkeypatch.setenv("LLM4IDREC_STATE", str(tmp_path / "state"))
    workshop.register({"mf": 0.1})
    experiment = MlflowClient().get_experiment_by_name(EXPERIMENT)
    assert experiment.artifact_location.startswith("mlflow-artifacts:/")
    assert not (tmp_path / "state").exists()


@pytest.mark.slow
def test_force_leaves_a_trace_and_a_rolled_back_version_needs_it(
    client: MlflowClient, workshop: Workshop, capfd: Output
) -> None:
    workshop.register({"mf": 0.1})
    assert run.main(["promote"]) == 0
    workshop.register({"mf": 0.05})
    assert run.main(["promote", "--force"]) == 0
    tags = client.get_model_version(MODEL, "2").tags
    assert tags["promotion.forced"] == "true"
    assert "its mean lead on validation is −4.5 %" in tags["promotion.against"]
    assert moves(client)[-1] == (
        "version 2 promoted over version 1, by force: its mean lead on validation is −4.5 %; it "
        "leads on no recommender with p < 0.05; it is behind on MF with p < 0.05"
    )
    # Back to a champion of before, then forward and back through all of them, each once.
    assert run.main(["promote", "--version", "1"]) == 0
    for expected in ("2", "1"):
        assert run.main(["rollback"]) == 0
        assert aliases(client)[CHAMPION] == expected
    assert run.main(["rollback"]) == 1
    capfd.readouterr()

    workshop.register({"mf": 0.3})
    assert run.main(["promote"]) == 0
    assert run.main(["rollback"]) == 0
    assert run.main(["promote"]) == 1
    assert "Version 3 is not promoted: it was rolled back at 20" in capfd.readouterr().err
    assert run.main(["promote", "--force"]) == 0
    tags = client.get_model_version(MODEL, "3").tags
    assert "rollback.at" not in tags
    assert tags["promotion.against"].startswith("it was rolled back at 20")


@pytest.mark.slow
def test_only_what_was_measured_alike_is_compared(workshop: Workshop, capfd: Output) -> None:
    client = MlflowClient()
    workshop.register({"mf": 0.1, "lightgcn": 0.1})
    assert run.main(["promote"]) == 0
    capfd.readouterr()
    # Only LightGCN was trained as before, so only its lead is the adapter's.
    workshop.register({"mf": 0.5, "lightgcn": 0.2}, mf={"learning_rate": 0.5})
    assert run.main(["promote"]) == 0
    assert [line.split()[0] for line in capfd.readouterr().out.splitlines()] == [
        "validation",
        "LightGCN",
        "Version",
    ]
    workshop.register({"mf": 0.5}, mf={"learning_rate": 0.25})
    assert run.main(["promote"]) == 1
    assert capfd.readouterr().err == (
        "Version 3 is not promoted: it and version 2 do not have the same settings of any "
        "recommender. To compare them, run the champion's settings as this version was run. "
        "--force promotes it anyway.\n"
    )
    heldout = Path("artifacts/heldout/valid.parquet")
    heldout.write_bytes(heldout.read_bytes() + b" ")
    workshop.register({"lightgcn": 0.5})
    assert run.main(["promote"]) == 1
    assert "version 2 do not have the same held-out data." in capfd.readouterr().err
    assert run.main(["promote", "--force"]) == 0
    tags = client.get_model_version(MODEL, "4").tags
    assert tags["promotion.figures"] == "{}"
    assert aliases(client)[CHAMPION] == "4"


@pytest.mark.slow
def test_who_was_compared_must_still_be_champion(
    workshop: Workshop, capfd: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another `promote` comes first while this one compares."""
    client = MlflowClient()
    workshop.register({"mf": 0.1})
    workshop.register({"mf": 0.2})

    def slow(version: Version, champion: Version | None) -> Challenge:
        result = challenge(version, champion)
        client.set_registered_model_alias(MODEL, CHAMPION, "1")
        return result

    monkeypatch.setattr(promotion, "challenge", slow)
    assert run.main(["promote"]) == 1
    assert "The champion has changed meanwhile, to version 1;" in capfd.readouterr().err
    assert aliases(client)[CHAMPION] == "1"
    assert run.main(["promote"]) == 0
    assert aliases(client)[CHAMPION] == "2"


def test_nothing_to_promote_or_to_roll_back_is_a_sentence(
    workshop: Workshop, capfd: Output
) -> None:
    assert run.main(["promote"]) == 1
    assert capfd.readouterr().err.startswith(f"There is no challenger of {MODEL}; ")
    assert run.main(["rollback"]) == 1
    assert capfd.readouterr().err.startswith("There is no champion to roll back")
    workshop.register({"mf": 0.1})
    assert run.main(["promote", "--version", "7"]) == 1
    assert capfd.readouterr().err.startswith(f"There is no version 7 of {MODEL}; ")


@pytest.mark.parametrize("gain", [0.0, None])
def test_what_validation_does_not_add_to_is_no_champion(
    workshop: Workshop, capfd: Output, gain: float | None
) -> None:
    """At amount 0 both data sets are the same: there are no rows of the language model."""
    client = MlflowClient()
    workshop.register({"mf": gain})
    assert run.main(["promote"]) == 1
    assert "its mean lead on validation is +0.0 %" in capfd.readouterr().err
    assert aliases(client) == {CHALLENGER: "1"}


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["set_registered_model_alias", "_complete"])
def test_a_killed_promotion_is_completed_by_the_next(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """After the tags, before and after the move."""
    client = MlflowClient()
    workshop.register({"mf": 0.1})
    assert run.main(["promote"]) == 0
    workshop.register({"mf": 0.2})
    assert run.main(["promote"]) == 0
    assert run.main(["rollback"]) == 0

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(promotion if moment == "_complete" else MlflowClient, moment, killed)
        with pytest.raises(KeyboardInterrupt):
            run.main(["promote", "--force"])
    moved = moment == "_complete"
    assert aliases(client)[CHAMPION] == ("2" if moved else "1")
    if not moved:
        assert run.main(["promote"]) == 1  # it was rolled back, still
    assert run.main(["promote", "--force"]) == 0
    assert aliases(client)[CHAMPION] == "2"
    assert promotion.ROLLED_BACK not in client.get_model_version(MODEL, "2").tags
    assert len(moves(client)) == 4
    assert moves(client)[-1].startswith("version 2 promoted over version 1, by force: ")


@pytest.mark.slow
def test_a_champion_that_adds_nothing_is_the_original(workshop: Workshop, capfd: Output) -> None:
    workshop.register({"mf": None})
    assert run.main(["promote", "--force"]) == 0
    workshop.register({"mf": 0.1})
    assert run.main(["promote"]) == 0
    workshop.register({"mf": None})
    assert run.main(["promote"]) == 1
    assert "it is behind on MF with p < 0.05" in capfd.readouterr().err
