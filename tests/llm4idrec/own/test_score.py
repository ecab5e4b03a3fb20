"""A ranking made elsewhere has the figures that it has here; whatever is odd about it is said."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llm4idrec.__main__ import main
from llm4idrec.augmentation.choice import Augmentation
from llm4idrec.augmentation.merging import generated_pairs
from llm4idrec.config import Config
from llm4idrec.config.recommenders import SVDConfig
from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.evaluation.ledger import read
from llm4idrec.metrics.significance import compare, seeds_by_users
from llm4idrec.recommenders.graph.svd import SVD
from llm4idrec.runtime.files import read_json
from llm4idrec.verdict.wording import interval, p_cell, percent
from tests.llm4idrec.arrays import interactions
from tests.llm4idrec.two_tastes import (
    ITEMS,
    REFIT,
    USERS,
    Files,
    disliked,
    two_tastes,
    write_arms,
    write_files,
)

LEDGER = Path("artifacts/ledger/score.jsonl")
NOBODY = interactions([], [], (USERS, ITEMS))


@pytest.fixture
def run(workplace: Callable[..., Config]) -> Files:
    """Where the stages have left what `score` reads, and SVD is evaluated on two tastes."""
    workplace(evaluation={"cutoffs": [2, 4]})
    files = write_files(Path("artifacts"))
    for name, n, letter in (("users", USERS, "u"), ("items", ITEMS + 1, "i")):
        Path("artifacts/identifiers").mkdir(exist_ok=True)
        ids = pa.array([f"{letter}{number}" for number in range(n)])
        pq.write_table(pa.table({"id": ids}), f"artifacts/identifiers/{name}.parquet")
    files = Files(files.root, files.root / "evaluation" / "svd")
    files.evaluate(REFIT, recommender="svd", settings=SVDConfig(embedding_size=16))
    return files


def model(run: Files, variant: str) -> SVD:
    return SVD.load(run.out / "models" / variant)


def ranking(run: Files, variant: str = "original", seen: Interactions = NOBODY) -> IntArray:
    """Every item but those seen, for every user."""
    return model(run, variant).recommend(np.arange(USERS, dtype=np.int32), ITEMS, seen)


def write(ranked: IntArray, file: str, line: str = "u{0} i{1}") -> str:
    """A line for each user and place, the users in turns."""
    pairs = [(u, i) for place in ranked.T.tolist() for u, i in enumerate(place) if i >= 0]
    Path(file).write_text("".join(line.format(*pair) + "\n" for pair in pairs))
    return file


def figures(table: str) -> Mapping[str, list[str]]:
    """By metric, the cells behind it."""
    rows = (re.split(r"  +", line.strip()) for line in table.partition("\n\n")[0].splitlines())
    return {name: cells for name, *cells in rows}


@pytest.mark.parametrize("kind", ["ranking", "numbers", "vectors", "scores"])
def test_figures_are_those_of_the_evaluation(
    run: Files, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    users, items = (its.numpy() for its in model(run, "original").vectors)
    if kind == "ranking":
        arguments = ["--ranking", write(ranking(run), "mine.txt", "u{0}\ti{1}\t0.5")]
    elif kind == "numbers":
        arguments = ["--ranking", write(ranking(run), "mine.txt", "{0} {1}"), "--ids", "numbers"]
    elif kind == "vectors":
        np.save("users.npy", users)
        np.save("items.npy", np.concatenate([items, 9 + items[:1]]))  # one outside the catalogue
        arguments = ["--vectors", "."]
    else:
        np.save("mine.npy", users @ items.T)
        arguments = ["--scores", "mine.npy"]
    assert main(["score", *arguments]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    summary = read_json(run.out / "summary.json")
    found = figures(told.out)
    for name in ("recall_at_2", "ndcg_at_4", "mrr_at_4", "hr_at_2"):
        value = summary[f"original_{name}"]
        shown = name.replace("recall", "Recall").replace("_at_", "@")
        shown = shown if "Recall" in shown else shown.upper()
        assert found[shown][0] == f"{value:.4f}"
        (look,) = read(LEDGER)
        assert look["result"][name] == pytest.approx(value, abs=1e-12)
    for name, shown in (
        ("coverage_at_4", "coverage@4"),
        ("popularity_at_4", "popularity@4"),
    ):
        assert found[shown] == [f"{summary[f'original_{name}']:.4f}"]
    assert f"the {USERS} test users as the sample: of this ranking, and not of what" in told.out


def test_two_are_compared_as_the_verdict_compares(
    run: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    """SVD means nothing by its seed, so what is left of that test is the one over users."""
    files = [write(ranking(run, v), f"{v}.txt") for v in ("language_model", "original")]
    assert main(["score", "--ranking", files[0], "--against", files[1]]) == 0
    found = figures(capsys.readouterr().out)
    per_user = pq.read_table(run.out / "per_user.parquet")
    its = compare(
        *(
            seeds_by_users(per_user, variant, "ndcg_at_4")[[0, 0]]  # the saved model's
            for variant in ("original", "language_model")
        )
    )
    assert its.p_value is not None
    assert its.p_value < 0.05
    assert found["NDCG@4"] == [
        f"{its.original:.4f}",
        f"{its.augmented:.4f}",
        percent(its.relative_gain),
        interval(its.low, its.high),
        p_cell(its.p_value),
    ]


def test_several_files_are_seeds(run: Files, capsys: pytest.CaptureFixture[str]) -> None:
    good = write(ranking(run, "language_model"), "good.txt")
    mine = write(ranking(run), "mine.txt")
    bad = write(ranking(run)[:, ::-1], "bad.txt")
    assert main(["score", "--ranking", good, mine, "--against", mine, bad]) == 0
    told = capsys.readouterr().out
    test = Interactions.read(run.heldout / "test.parquet")
    assert len(read(LEDGER)) == 2
    means = [look["result"]["ndcg_at_4"] for look in read(LEDGER)]
    found = figures(told)["NDCG@4"]
    assert found[:2] == [f"{means[1]:.4f}", f"{means[0]:.4f}"]
    assert f"the {len(np.unique(test.user))} test users and the 2 pairs of rankings, the" in told
    assert main(["score", "--ranking", good, mine, "--against", bad]) == 2
    assert "1 after --against, 2 after --ranking; expected as many" in capsys.readouterr().err


def test_the_same_ranking_again_is_no_other_look(run: Files) -> None:
    for name in ("one.txt", "two.txt"):
        assert main(["score", "--ranking", write(ranking(run), name)]) == 0
    (look,) = read(LEDGER)
    assert look["recommender"] == "score"
    assert look["settings"]["score"] == {"files": ["one.txt"]}
    assert main(["score", "--ranking", write(ranking(run)[:, ::-1], "other.txt")]) == 0
    assert len(read(LEDGER)) == 2


def test_a_program_that_hides_what_was_added(
    run: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the items that the language model adds two are held out for the test: a framework that
    leaves its training file out cannot hit them, and says less of the same model."""
    *_, generated = two_tastes()
    of_test = generated.filter(pa.array(generated["relative_rank"].to_numpy() > 0.25))
    for replicate in ("selection", "final-0"):
        write_arms(run.arms(replicate), {"language_model": of_test, "random": disliked(of_test)})
    known = Interactions.read(Path("artifacts/known/interactions.parquet"))
    file = known.union(*generated_pairs(of_test, Augmentation(1.0)))
    whole = write(ranking(run, "language_model"), "whole.txt")
    hidden = write(ranking(run, "language_model", seen=file), "hidden.txt")
    assert main(["score", "--ranking", whole, "--against", hidden]) == 0
    told = capsys.readouterr()
    low, high, *_ = figures(told.out)["NDCG@4"]
    assert float(low) < float(high) / 2
    (line,) = (line for line in told.err.splitlines() if "popularity discount" in line)
    assert line.startswith(f"hidden.txt: not one of the {USERS} items that the language model adds")
    assert "take its vectors, or a ranking of all items" in line


def test_gaps_and_oddities_are_counted(run: Files, capsys: pytest.CaptureFixture[str]) -> None:
    known = Interactions.read(Path("artifacts/known/interactions.parquet"))
    ranked = ranking(run)
    ranked[5] = -1
    unseen = np.flatnonzero(~known.contains(np.full(ITEMS, 7), ranked[7]))
    ranked[7, unseen[2] :] = -1
    write(ranked, "mine.txt")
    with Path("mine.txt").open("a") as file:
        file.write("u0 i24\nstranger i3\nu3 novelty\nu3 novelty\n")
        file.write(f"u8 i{ranked[8, 0]}\n")
    assert main(["score", "--ranking", "mine.txt"]) == 0
    first = len(Path("mine.txt").read_text().splitlines()) - 4
    assert capsys.readouterr().err.splitlines() == [
        f"mine.txt: left out: unknown users on 1 line, as 'stranger' on line {first + 1}",
        f"mine.txt: left out: unknown items on 2 lines, as 'novelty' on line {first + 2}",
        "mine.txt: left out: 1 line of items that nobody has in the original train set, which is "
        "the catalogue",
        "mine.txt: left out: 1 line with a pair that is further up already",
        f"mine.txt: 1 of {USERS} test users have no item in it; they count as 0",
        f"mine.txt: 1 of {USERS} test users have fewer than 4 items in it, without those that they "
        "are known to have; the places left count as misses",
    ]
    per_user = pq.read_table(run.out / "per_user.parquet")
    found = seeds_by_users(per_user, "original", "recall_at_2")[0]
    (look,) = read(LEDGER)
    assert look["result"]["recall_at_2"] == pytest.approx((found.sum() - found[5]) / USERS)


@pytest.mark.parametrize(
    ("content", "arguments", "sentence"),
    [
        ("U{0} i{1}", [], "unknown users on 72 lines, as 'U0' on line 1, of 72; expected users of "
         "the data; they match in small letters: write them alike"),
        ("u{0} i0{1}", [], "unknown items on 72 lines, as 'i0"),
        ("i{1} u{0}", [], "they match if user and item change places: see which columns they are"),
        ("{0} {1}", [], "add `--ids numbers` if these are the numbers of an export"),
        ("u{0} i{1}", ["--ids", "numbers"], "line 1: 'u0'; expected a whole number; leave `--ids "
         "numbers` out if these are your own IDs"),
        ("9{0} {1}", ["--ids", "numbers"], "unknown users on 72 lines, as '90' on line 1, of 72"),
        ("u{0},i{1}", [], "line 1: 1 column; expected 2"),
    ],
)  # fmt: skip
def test_ids_that_nobody_knows(
    run: Files,
    content: str,
    arguments: list[str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(ranking(run)[:, :3], "mine.txt", content)
    assert main(["score", "--ranking", "mine.txt", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("mine.txt")
    assert sentence in line
    assert not LEDGER.exists()


def test_numbers_that_are_own_ids_of_others(run: Files, capsys: pytest.CaptureFixture[str]) -> None:
    """Where own IDs are numbers too, most lines mean something: it is not what was meant."""
    for name, n in (("users", USERS), ("items", ITEMS + 1)):
        ids = pa.array([str(3 * number) for number in range(n)])
        pq.write_table(pa.table({"id": ids}), f"artifacts/identifiers/{name}.parquet")
    write(ranking(run), "mine.txt", "{0} {1}")
    assert main(["score", "--ranking", "mine.txt"]) == 2
    assert "add `--ids numbers` if these are the numbers of an" in capsys.readouterr().err
    assert not LEDGER.exists()


def test_numbers_that_begin_with_one(run: Files, capsys: pytest.CaptureFixture[str]) -> None:
    write(ranking(run) + 1, "mine.txt", "{0} {1}")
    text = [line.split() for line in Path("mine.txt").read_text().splitlines()]
    Path("mine.txt").write_text("".join(f"{int(u) + 1} {i}\n" for u, i in text))
    assert main(["score", "--ranking", "mine.txt", "--ids", "numbers"]) == 2
    assert "they seem to count from 1, and numbers here begin with 0" in capsys.readouterr().err
    assert not LEDGER.exists()


def test_own_ids_of_which_nearly_all_are_numbers_too(
    run: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    own = {n: [*map(str, range(1, n)), "1000"] for n in (USERS, ITEMS + 1)}
    for name, n in (("users", USERS), ("items", ITEMS + 1)):
        pq.write_table(pa.table({"id": pa.array(own[n])}), f"artifacts/identifiers/{name}.parquet")
    pairs = [(user, item) for user, items in enumerate(ranking(run)) for item in items if item >= 0]
    lines = [f"{own[USERS][user]} {own[ITEMS + 1][item]}\n" for user, item in pairs]
    Path("mine.txt").write_text("".join(lines))
    code = main(["score", "--ranking", "mine.txt", "--ids", "numbers"])
    assert "leave `--ids numbers` out if these are your own IDs" in capsys.readouterr().err
    assert (code, LEDGER.exists()) == (2, False)


def test_ids_with_spaces_are_parted_by_tabs(run: Files) -> None:
    for name, n in (("users", USERS), ("items", ITEMS + 1)):
        ids = pa.array([f"{name[:-1]} {number}" for number in range(n)])
        pq.write_table(pa.table({"id": ids}), f"artifacts/identifiers/{name}.parquet")
    write(ranking(run), "mine.txt", "user {0}\titem {1}")
    assert main(["score", "--ranking", "mine.txt"]) == 0
    value = read_json(run.out / "summary.json")["original_ndcg_at_4"]
    assert read(LEDGER)[0]["result"]["ndcg_at_4"] == pytest.approx(value, abs=1e-12)


def test_paths_are_those_of_the_folder_that_one_is_in(
    run: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("deep").mkdir()
    write(ranking(run), "deep/mine.txt")
    monkeypatch.chdir("deep")
    assert main(["score", "--ranking", "mine.txt", "--against", "mine.txt"]) == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--ranking", "none.txt"], "none.txt: cannot be read (No such file or directory)"),
        (["--vectors", "none"], "none: there is no such folder; expected one with vectors"),
        (["--scores", "none.npy"], "none.npy: there is no such file; expected a matrix (24, 24)"),
        (["--scores", "nan.npy"], "nan.npy: nan in row 3, column 5, counted from 0"),
        (["--scores", "flat.npy"], "has shape (24, 23); expected (24, 24) or (24, 25)"),
        (["--ranking", "nan.npy"], "nan.npy: is a NumPy array; expected UTF-8 text"),
        (["--ranking", "."], ".: cannot be read (Is a directory)"),
    ],
)
def test_what_cannot_be_scored(
    run: Files, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = np.zeros((USERS, ITEMS))
    np.save("flat.npy", scores[:, 1:])
    scores[3, 5] = np.nan
    np.save("nan.npy", scores)
    assert main(["score", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert sentence in line
    assert not LEDGER.exists()


def test_before_the_stages(
    workplace: Callable[..., Config], capsys: pytest.CaptureFixture[str]
) -> None:
    workplace()
    assert main(["score", "--ranking", "mine.txt"]) == 2
    assert "run the stage that writes it first" in capsys.readouterr().err
