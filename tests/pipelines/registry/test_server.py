"""A version behind MLflow's own server, on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import psutil
import pytest

from pipelines import run
from pipelines.registry.registry import CHAMPION, MODEL
from tests.pipelines.conftest import Workshop
from tests.pipelines.scoring import ScoringServer, ask, request, scoring_server

REQUESTS, CLIENTS = 1000, 4
CHAMPION_ADDRESS = f"models:/{MODEL}@{CHAMPION}"
COLUMN = "mean_log_probability"


@pytest.fixture
def served(workshop: Workshop) -> Iterator[ScoringServer]:
    workshop.register({"mf": 0.1})
    assert run.main(["promote"]) == 0
    with scoring_server(CHAMPION_ADDRESS, Path("server.log")) as server:
        yield server


def histories(users: int) -> dict[str, list[str]]:
    """Of each user one to ten items; every tenth has none that the catalogue has."""
    draw = np.random.default_rng(3)
    return {
        f"v{user}": ["unheard"]
        if user % 10 == 9
        else [f"m{item}" for item in draw.choice(30, int(draw.integers(1, 11)), replace=False)]
        for user in range(users)
    }


@pytest.mark.slow
def test_a_thousand_requests_a_few_that_are_wrong_and_an_end(served: ScoringServer) -> None:
    asked = histories(REQUESTS)

    def answers(users: list[str]) -> list[tuple[int, pd.DataFrame]]:
        with closing(served.connection()) as connection:
            told = [ask(connection, request(user, asked[user])) for user in users]
        return [(status, pd.DataFrame(body["predictions"])) for status, body in told]

    parts = [list(asked)[client::CLIENTS] for client in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as clients:
        found = dict(
            pair
            for users, told in zip(parts, clients.map(answers, parts), strict=True)
            for pair in zip(users, told, strict=True)
        )
    model = mlflow.pyfunc.load_model(CHAMPION_ADDRESS)
    for user, items in asked.items():
        status, frame = found[user]
        assert status == 200
        expected = model.predict(pd.DataFrame({"user": [user], "items": [items]}))
        if expected.empty:
            assert items == ["unheard"]
            assert frame.empty
            continue
        exact = ["user", "item", "rank", "votes"]
        assert frame[exact].to_dict("list") == expected[exact].to_dict("list")
        np.testing.assert_allclose(frame[COLUMN], expected[COLUMN], rtol=1e-5)

    _unknown_users_get_what_is_popular(served, model)
    _what_is_wrong_is_a_sentence(served)
    processes = [served.process, *served.process.children(recursive=True)]
    assert len(processes) > 1
    served.process.terminate()
    assert psutil.wait_procs(processes, timeout=60)[1] == []
    with closing(served.connection()) as connection, pytest.raises(ConnectionRefusedError):
        connection.connect()


def _unknown_users_get_what_is_popular(
    served: ScoringServer, model: mlflow.pyfunc.PyFuncModel
) -> None:
    with closing(served.connection()) as connection:
        status, body = ask(connection, request("new", ["unheard"], unknown="popular"))
        split = {"columns": ["user", "items"], "data": [["new", ["unheard"]], [7, ["m1"]]]}
        both = ask(
            connection, json.dumps({"dataframe_split": split, "params": {"unknown": "skip"}})
        )
    frame = pd.DataFrame({"user": ["new"], "items": [["unheard"]]})
    expected = model.predict(frame, {"unknown": "popular"})
    found = body["predictions"]
    assert status == both[0] == 200
    assert [row["item"] for row in found] == expected["item"].tolist()
    assert {(row["user"], row["votes"], row[COLUMN]) for row in found} == {("new", 0, None)}
    assert {row["user"] for row in both[1]["predictions"]} == {7}


def _what_is_wrong_is_a_sentence(served: ScoringServer) -> None:
    twice = [{"user": "u", "items": ["m1"]}] * 2
    nobody = {"columns": ["user", "items"], "data": []}
    wrong = {
        request("u", ["m1"], unknown="all"): "unknown is 'all'; expected one of skip, popular",
        json.dumps({"dataframe_records": twice}): "a user comes twice; expected one history for",
        json.dumps({"dataframe_split": nobody}): "no user is given; expected a history of at least",
        request(["u"], ["m1"]): "a user is ['u']; expected text or a number",
        request(None, ["m1"]): "a user is None; expected text or a number",
        request("u", "m1"): "Expected data to be list or numpy array, got str",
        json.dumps({"dataframe_records": [{"user": "u"}]}): "Model is missing inputs ['items']",
        json.dumps({"records": []}): "exactly one of the input fields",
        "no JSON": "Ensure that input is a valid JSON formatted string",
    }
    with closing(served.connection()) as connection:
        for body, sentence in wrong.items():
            status, answer = ask(connection, body)
            assert (status, sentence in answer["message"]) == (400, True), answer
            assert "stack_trace" not in answer
        assert ask(connection, request("u", ["m1"]))[0] == 200
