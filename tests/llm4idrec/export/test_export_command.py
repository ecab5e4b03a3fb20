"""`python -m llm4idrec export`: what its options choose, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from llm4idrec.__main__ import main
from llm4idrec.artifacts import INTERACTIONS
from llm4idrec.augmentation.merging import ARMS
from llm4idrec.config import Config
from llm4idrec.data.interactions import Interactions
from llm4idrec.export.held_out import NOTE
from llm4idrec.runtime.files import write_json
from llm4idrec.stages import prepare
from tests.llm4idrec.conftest import written


@pytest.fixture
def artifacts(workplace: Callable[..., Config]) -> Config:
    """The output of the stages, with one item that the language model alone may add for every user,
    and another in the order of exponent 0.3; before the test another each."""
    config = workplace(split={"protocol": "leave_last_out"})
    out = Path("artifacts")
    prepare.STAGE.run(prepare.STAGE.files(config, out), config)
    (out / "augmented" / "arms").mkdir(parents=True)
    for name, known in (("selection", "train"), ("final-0", "known")):
        pairs = Interactions.read(out / known / INTERACTIONS)
        users = np.arange(pairs.n_users, dtype=np.int32)
        catalogue = np.arange(pairs.n_items, dtype=np.int32)
        fresh = np.array([np.setdiff1d(catalogue, pairs.items_of(u))[:3] for u in users.tolist()])
        rows = [
            (arm, user, item, exponent, 0.5 / pairs.history_lengths[user])
            for arm, place, exponent in (
                ("language_model", 0, 0.0), ("language_model", 1, 0.3), ("random", 2, 0.0)
            )
            for user, item in zip(users.tolist(), fresh[:, place].tolist(), strict=True)
        ]  # fmt: skip
        columns = (pa.array(column) for column in zip(*rows, strict=True))
        table = pa.table(dict(zip(ARMS.names, columns, strict=True))).cast(ARMS)
        pq.write_table(table, out / "augmented" / "arms" / f"{name}.parquet")
    return config


def choose(folder: Path, amount: float, exponent: float) -> None:
    """As validation does for the language model; of another arm it chooses something else."""
    chosen = {"amount": amount, "popularity_exponent": exponent}
    other = {"amount": 0.5, "popularity_exponent": 0.0}
    arms = {"language_model": {"chosen": chosen}, "random": {"chosen": other}}
    write_json(folder / "selection.json", {"arms": arms})


def test_command_line(artifacts: Config, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["export", "--format", "openp5", "--to"]
    assert main([*arguments, "augmented"]) == 0
    assert "        40 generated pairs\n" in capsys.readouterr().err
    assert main([*arguments, "original", "--data", "original"]) == 0
    assert main([*arguments, "none", "--amount", "0.01"]) == 0
    augmented, original, none = (
        Path(name, "user_sequence.txt").read_text().splitlines()
        for name in ("augmented", "original", "none")
    )
    assert none == original
    for line, shorter in zip(augmented, original, strict=True):
        user, generated, *items = line.split()
        assert [user, *items] == shorter.split()
        assert generated not in items[:-2]
    assert main([*arguments, "original"]) == 2
    assert main([*arguments, "nothing", "--amount", "0"]) == 2


def test_held_out_pairs_among_the_added_ones_are_warned_of(
    artifacts: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["export", "--format", "selfrec_graph", "--to"]
    assert main([*arguments, "augmented"]) == 0
    told = capsys.readouterr().err.splitlines()
    (count,) = (int(line.split()[0]) for line in told if line.endswith("held out too"))
    (warning,) = (line for line in told if line.startswith("augmented: "))
    assert count > 0
    assert warning.startswith(f"augmented: added pairs that are held out: {count} of 40 in train")
    assert "SELFRec's own figures are too low" in warning
    note = Path("augmented", NOTE).read_text()
    assert f"{count} of 40 in train.txt" in note
    assert main([*arguments, "original", "--data", "original"]) == 0
    assert "added pairs" not in capsys.readouterr().err
    assert not Path("original", NOTE).exists()


def test_what_is_trained_on_before_the_test_is_generated_knowing_validation(
    artifacts: Config,
) -> None:
    """And what stands with train alone was generated knowing nothing else."""
    assert main(["export", "--format", "selfrec_sequential", "--ids", "numbers", "--to", "to"]) == 0
    train, known = (
        Interactions.read(Path("artifacts", name, INTERACTIONS)) for name in ("train", "known")
    )
    for file, pairs in (("train", train), ("train_and_valid", known)):
        lines = Path("to", f"{file}.txt").read_text().splitlines()
        assert len(lines) == train.n_users
        for user, line in enumerate(lines):
            generated, *history = map(int, line.partition(":")[2].split())
            owned = pairs.items_of(user).tolist()
            assert history[: len(owned)] == owned
            assert generated == min(set(range(train.n_items)) - set(owned))


def test_an_order_of_candidates(artifacts: Config, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["export", "--format", "openp5", "--to"]
    assert main([*arguments, "first"]) == 0
    assert main([*arguments, "popular", "--popularity", "0.3"]) == 0
    assert "        40 generated pairs\n" in capsys.readouterr().err
    first, popular = (
        [line.split() for line in Path(name, "user_sequence.txt").read_text().splitlines()]
        for name in ("first", "popular")
    )
    for one, other in zip(first, popular, strict=True):
        assert one[1] != other[1]
        assert [one[0], *one[2:]] == [other[0], *other[2:]]
    assert main([*arguments, "absent", "--popularity", "0.5"]) == 2
    assert (
        "no generated pairs with the popularity discount 0.5; expected one of 0, 0.3; choose one "
        "of filter.popularity_exponents"
    ) in capsys.readouterr().err
    assert not Path("absent").exists()


def test_what_validation_chose_for_a_recommender(
    artifacts: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["export", "--format", "openp5", "--for", "mf", "--to"]
    assert main([*arguments, "unknown"]) == 2
    assert "evaluation/mf/selection.json: there is no such file" in capsys.readouterr().err
    folder = Path("artifacts/evaluation/mf")
    folder.mkdir(parents=True)
    choose(folder, 1.0, 0.3)
    assert main([*arguments, "chosen"]) == 0
    assert main([*arguments[:3], "--popularity", "0.3", "--to", "said"]) == 0
    assert written(Path("chosen")) == written(Path("said"))
    capsys.readouterr()
    assert main([*arguments, "both", "--amount", "0.1"]) == 2
    assert "--for stands beside --amount or --popularity" in capsys.readouterr().err
    choose(folder, 0.0, 0.0)
    assert main([*arguments, "nothing"]) == 2
    assert "validation chose to add nothing for mf" in capsys.readouterr().err


def test_a_tuned_filter_says_which_order_there_is(artifacts: Config) -> None:
    """Its one exponent is the default, as it is what the stages went by."""
    tuned = artifacts.filter.model_copy(update={"popularity_exponents": (0.3,)}).model_dump(
        mode="json"
    )
    write_json(Path("tuned.yaml"), {"filter": tuned, "evaluation": {"amounts": [0.5]}})
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["filter"]["source"] = "tuned.yaml"
    Path("params.yaml").write_text(yaml.safe_dump(params))
    arguments = ["export", "--format", "openp5", "--to"]
    assert main([*arguments, "default"]) == 0
    assert main([*arguments, "said", "--popularity", "0.3"]) == 0
    assert main([*arguments, "other", "--popularity", "0"]) == 0
    assert written(Path("default")) == written(Path("said")) != written(Path("other"))


def test_numbers_come_with_what_they_mean(artifacts: Config) -> None:
    for folder, more in (("own", []), ("numbers", ["--ids", "numbers"])):
        assert main(["export", "--format", "openp5", "--to", folder, *more]) == 0
    meanings = {
        role: dict(
            line.replace('"', "").split(",")
            for line in (Path("numbers", f"{role}.csv").read_text().splitlines()[1:])
        )
        for role in ("users", "items")
    }
    lines = [
        [meanings["users"][user], *(meanings["items"][item] for item in items)]
        for user, *items in map(
            str.split, Path("numbers/user_sequence.txt").read_text().splitlines()
        )
    ]
    assert [" ".join(line) for line in lines] == Path(
        "own/user_sequence.txt"
    ).read_text().splitlines()


def test_export_before_the_stages(workplace: Callable[..., Config]) -> None:
    workplace()
    assert main(["export", "--format", "recbole", "--to", "x"]) == 2
    assert not Path("x").exists()
