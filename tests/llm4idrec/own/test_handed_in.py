"""What a program leaves is read and ranks as it says; what it cannot mean is refused by place."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from llm4idrec.errors import InputError
from llm4idrec.own.handed_in import HandedIn, Kind, read_handed_in
from tests.llm4idrec.arrays import interactions

SHAPE = (3, 4)
USERS = np.arange(3, dtype=np.int32)
VECTORS = np.array([[1, 0], [0, 1], [1, 1]], np.float32)
ITEMS = np.array([[0, 4], [3, 0.5], [2, 2.5], [1, 0]], np.float32)
RANKED = [[1, 2, 3, 0], [0, 2, 1, 3], [2, 0, 1, 3]]
NOTHING = interactions([], [], SHAPE)
SEEN = interactions([0, 0, 1, 2, 2], [1, 3, 2, 0, 2], SHAPE)
UNSEEN = [[2, 0, -1, -1], [0, 1, 3, -1], [1, 3, -1, -1]]


def vectors_as_arrays(folder: Path) -> None:
    np.save(folder / "users.npy", VECTORS)
    np.save(folder / "items.npy", ITEMS.astype(np.float64))


def vectors_as_text(folder: Path) -> None:
    (folder / "users.txt").write_text("2 1 1\n\n 0\t1.0   0 \n1 0 1e0")
    (folder / "items.txt").write_text("3 1 0\r\n1 3 .5\r\n0 0 4\r\n2 2 2.5\r\n")


def rankings(folder: Path) -> None:
    lines = [f"{u} {RANKED[u][place]} {9 - place}\n" for place in range(4) for u in (2, 0, 1)]
    (folder / "ranking.txt").write_text("".join(lines))


def scores(folder: Path) -> None:
    np.save(folder / "scores.npy", np.asfortranarray(VECTORS @ ITEMS.T))


WRITERS: list[tuple[Kind, Callable[[Path], None]]] = [
    ("vectors", vectors_as_arrays),
    ("vectors", vectors_as_text),
    ("ranking", rankings),
    ("scores", scores),
]


@pytest.mark.parametrize(("kind", "write"), WRITERS)
def test_all_kinds_rank_alike(tmp_path: Path, kind: Kind, write: Callable[[Path], None]) -> None:
    write(tmp_path)
    handed_in = read_handed_in(tmp_path, kind, shape=SHAPE)
    assert handed_in.rank(USERS, 4, NOTHING).tolist() == RANKED
    assert handed_in.rank(USERS, 4, SEEN).tolist() == UNSEEN
    assert handed_in.rank(USERS[2:], 1, SEEN).tolist() == [[1]]
    assert handed_in.rank(USERS, 6, NOTHING)[:, 4:].tolist() == [[-1, -1]] * 3
    assert not len(handed_in.lacking)
    handed_in.require_trained(SEEN, tmp_path, k=100)


@pytest.mark.parametrize(("kind", "write"), WRITERS)
def test_items_behind_the_catalogue_are_not_ranked(
    tmp_path: Path, kind: Kind, write: Callable[[Path], None]
) -> None:
    write(tmp_path)
    handed_in = read_handed_in(tmp_path, kind, shape=(3, 2), unranked=2)
    assert handed_in.rank(USERS, 3, interactions([], [], (3, 2))).tolist() == [
        [1, 0, -1],
        [0, 1, -1],
        [0, 1, -1],
    ]


RANKINGS = st.integers(1, 8).flatmap(
    lambda n: st.lists(st.permutations(range(n)), min_size=1, max_size=6)
)


@given(ranked=RANKINGS, data=st.data())
def test_what_is_seen_is_left_out_of_lists(ranked: list[list[int]], data: st.DataObject) -> None:
    n_users, n_items = len(ranked), len(ranked[0])
    pairs = st.tuples(st.integers(0, n_users - 1), st.integers(0, n_items - 1))
    seen = data.draw(st.sets(pairs, max_size=12))
    users = data.draw(st.lists(st.integers(0, n_users - 1), max_size=4))
    k = data.draw(st.integers(1, 10))
    handed_in = HandedIn({"ranking": torch.tensor(ranked, dtype=torch.int32)})
    known = interactions([u for u, _ in seen], [i for _, i in seen], (n_users, n_items))
    found = handed_in.rank(np.array(users, np.int32), k, known)
    for user, row in zip(users, found.tolist(), strict=True):
        left = [item for item in ranked[user] if (user, item) not in seen][:k]
        assert row == left + [-1] * (k - len(left))


def test_who_has_no_line_is_known_and_gets_distinct_items(tmp_path: Path) -> None:
    (tmp_path / "users.txt").write_text("0 1 0\n2 1 1\n")
    np.save(tmp_path / "items.npy", ITEMS)
    (tmp_path / "ranking.txt").write_text("0 1\n0 2\n2 2\n2 0\n")
    kinds: tuple[Kind, ...] = ("vectors", "ranking")
    for kind in kinds:
        handed_in = read_handed_in(tmp_path, kind, shape=SHAPE)
        assert handed_in.lacking.tolist() == [1]
        ranked = handed_in.rank(USERS, 2, SEEN)[1]
        assert len({*ranked.tolist()} - {-1, 2}) >= 1
        with pytest.raises(InputError, match="there is nothing for user 1; expected something"):
            handed_in.require_trained(SEEN, tmp_path, k=1)
        handed_in.require_trained(interactions([0, 2], [1, 0], SHAPE), tmp_path, k=2)


def test_lists_that_are_short_or_hide_what_was_trained_on(tmp_path: Path) -> None:
    rankings(tmp_path)
    whole = read_handed_in(tmp_path, "ranking", shape=SHAPE)
    lists = HandedIn({"ranking": whole.tensors["ranking"].clone()})
    lists.tensors["ranking"][1, 2:] = -1
    lists.require_trained(SEEN, tmp_path, k=2)
    with pytest.raises(InputError, match="user 1 has 2 items; expected at least 3 for each user"):
        lists.require_trained(SEEN, tmp_path, k=3)
    hidden = HandedIn({"ranking": whole.tensors["ranking"][:, :2]})
    others = interactions([0, 1, 2], [3, 1, 1], SHAPE)
    with pytest.raises(
        InputError, match="training pairs is ranked, but behind all others of its user"
    ):
        hidden.require_trained(others, tmp_path, k=2)


def test_a_ranking_that_puts_what_was_trained_on_last(tmp_path: Path) -> None:
    """As `argsort` of scores that are minus infinity there does, where k is near the catalogue."""
    ranking = np.array([[3, 1, 2, 0], [0, 2, 3, 1]], np.int32)
    train = interactions([0, 0, 1], [0, 2, 1], (2, 4))
    with pytest.raises(InputError, match="behind all others of its user"):
        HandedIn({"ranking": torch.from_numpy(ranking)}).require_trained(train, tmp_path, k=4)
    ranking[0] = [0, 3, 1, 2]
    HandedIn({"ranking": torch.from_numpy(ranking)}).require_trained(train, tmp_path, k=4)


def test_arrays_of_any_order_can_be_saved(tmp_path: Path) -> None:
    for name, vectors in (("users", VECTORS), ("items", ITEMS)):
        np.save(tmp_path / f"{name}.npy", np.asfortranarray(vectors))
    handed_in = read_handed_in(tmp_path, "vectors", shape=SHAPE)
    save_file(handed_in.tensors, tmp_path / "model.safetensors")
    np.testing.assert_array_equal(handed_in.tensors["items"].numpy(), ITEMS.astype(np.float32))


def test_products_that_overflow(tmp_path: Path) -> None:
    np.save(tmp_path / "users.npy", np.full((SHAPE[0], 2), 1e30))
    np.save(tmp_path / "items.npy", np.full((SHAPE[1], 2), 1e30))
    with pytest.raises(InputError, match="expected products that fit single precision"):
        read_handed_in(tmp_path, "vectors", shape=SHAPE)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "users.npy")
    with pytest.raises(InputError, match=r"users\.npy: is no file"):
        read_handed_in(tmp_path, "vectors", shape=SHAPE)


def test_scores_that_hide_what_was_trained_on(tmp_path: Path) -> None:
    masked = VECTORS @ ITEMS.T
    masked[SEEN.user, SEEN.item] = -1e9
    np.save(tmp_path / "scores.npy", masked)
    handed_in = read_handed_in(tmp_path, "scores", shape=SHAPE)
    with pytest.raises(InputError, match="ranked, but below the mean of its user; expected"):
        handed_in.require_trained(SEEN, tmp_path, k=1)


def array(values: object, dtype: str = "float32") -> Callable[[Path], None]:
    return lambda file: np.save(file, np.array(values, dtype))


def text(content: str | bytes) -> Callable[[Path], object]:
    data = content.encode() if isinstance(content, str) else content
    return lambda file: file.write_bytes(data)


def cut(file: Path) -> None:
    np.save(file, ITEMS)
    file.write_bytes(file.read_bytes()[:-8])


def many(file: Path) -> None:
    with file.open("wb") as stream:
        np.savez(stream, ITEMS, ITEMS)


BROKEN: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "no array": ("items.npy", lambda file: None, "there is neither items.npy nor items.txt"),
    "both": ("items.txt", text("0 1 2\n"), "items.npy and items.txt are both there"),
    "folder": ("items.npy", Path.mkdir, r"items\.npy: is no file; expected"),
    "empty": ("items.npy", text(""), r"items\.npy: no NumPy file \(No data left in file\)"),
    "text": ("items.npy", text("1 2 3\n"), r"items\.npy: no NumPy file \(text or "),
    "cut": ("items.npy", cut, r"items\.npy: no NumPy file"),
    "pickle": ("items.npy", array([[{}]], "object"), r"items\.npy: no NumPy file \(.*bjects? "),
    "archive": ("items.npy", many, r"items\.npy: holds several arrays; expected a matrix"),
    "words": ("items.npy", array([["a"]], "U1"), "holds <U1; expected a matrix .* of numbers"),
    "flat": ("items.npy", array([1, 2]), r"has shape \(2,\); expected \(4, d\)"),
    "rows": ("items.npy", array([[1, 2]]), r"has shape \(1, 2\); expected \(4, d\)"),
    "columns": ("items.npy", array([[1]] * 4), "users have 2 numbers, items 1; expected as many"),
    "none": ("items.npy", array(np.zeros((4, 0))), r"has shape \(4, 0\); expected \(4, d\)"),
    "nan": ("items.npy", array([[1, 2], [1, np.nan], [0, 0], [0, 0]]), "nan in row 1, column 1"),
    "large": ("items.npy", array([[1e99, 1]] * 4, "float64"), r"1e\+99 in row 0, column 0"),
    "users": ("users.txt", text("0 1 2\n3 1 2\n"), "line 2: 3 is none of the users"),
    "negative": ("users.txt", text("-1 1 2\n"), r"users\.txt, line 1: -1 is none of the users"),
    "again": ("users.txt", text("1 1 2\n\n1 3 4\n"), "line 3: number 1 is there again"),
    "ragged": ("users.txt", text("0 1 2\n1 2\n"), "line 2: 2 columns; expected 3"),
    "no number": ("users.txt", text("0 1 x\n"), "line 1: 'x'; expected a number"),
    "no whole": ("users.txt", text("0.5 1 2\n"), "line 1: '0.5'; expected a whole number"),
    "infinite": ("users.txt", text("0 1 inf\n"), "line 1: inf in column 3; expected finite"),
    "alone": ("users.txt", text("0\n1\n"), "line 1: 1 column; expected 2"),
    "blank": ("users.txt", text("\n \n"), r"users\.txt: the file is empty; expected a line"),
    "binary": ("users.txt", text(b"0 1 2\n\0\1\n"), r"users\.txt, line 2: byte 0x00 is a NUL"),
    "array": ("users.txt", text(b"\x93NUMPY\x01\0"), r"txt: is a NumPy array; expected UTF-8"),
    "lacking": ("items.txt", text("0 1 2\n3 1 2\n"), "no vector for item 1, as for 1 more"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_vectors_that_are_none(tmp_path: Path, case: str) -> None:
    name, write, sentence = BROKEN[case]
    np.save(tmp_path / "users.npy", VECTORS)
    np.save(tmp_path / "items.npy", ITEMS)
    if case != "both":
        (tmp_path / f"{name[:5]}.npy").unlink()
    write(tmp_path / name)
    with pytest.raises(InputError, match=sentence):
        read_handed_in(tmp_path, "vectors", shape=SHAPE)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("0 1\n0 2\n0 1\n", r"ranking\.txt, line 3: user 0 has item 1 again; expected distinct"),
        ("0 1\n0 4\n", "line 2: 4 is none of the items; expected 0 to 3"),
        ("0 1\n9 1\n", "line 2: 9 is none of the users; expected 0 to 2"),
        ("0\n", "line 1: 1 column; expected 2"),
        ("0 1\n0 2 3\n", "line 2: 3 columns; expected 2"),
        ("user item\n0 1\n", "line 1: 'user'; expected a whole number"),
        ("0 99999999999999999999\n", "line 1: '99999999999999999999'; expected a whole number"),
        ("", "the file is empty; expected a line at least"),
        ("\udcff", "line 1: byte 0xff is not UTF-8; expected UTF-8 text; write plain"),
    ],
)
def test_rankings_that_are_none(tmp_path: Path, content: str, sentence: str) -> None:
    (tmp_path / "ranking.txt").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=sentence):
        read_handed_in(tmp_path, "ranking", shape=SHAPE)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ranking\.txt: cannot be read \(No such file"):
        read_handed_in(tmp_path, "ranking", shape=SHAPE)
    with pytest.raises(InputError, match=r"scores\.npy: there is no such file; expected a matrix"):
        read_handed_in(tmp_path, "scores", shape=SHAPE)
    with pytest.raises(InputError, match="there is no such folder; expected one with vectors"):
        read_handed_in(tmp_path / "no", "vectors", shape=SHAPE)


@pytest.mark.slow
def test_a_long_file_is_read(tmp_path: Path) -> None:
    """More than one block of what reads it."""
    n_users, n_items = 20_000, 100
    rng = np.random.default_rng(0)
    ranked = rng.permuted(np.tile(np.arange(n_items), (n_users, 1)), axis=1)
    pairs = np.stack([np.repeat(np.arange(n_users), n_items), ranked.ravel()], axis=1)
    lines = "\n".join(f"{user} {item}" for user, item in pairs.tolist())
    (tmp_path / "ranking.txt").write_text(lines)
    handed_in = read_handed_in(tmp_path, "ranking", shape=(n_users, n_items))
    assert (handed_in.tensors["ranking"].numpy() == ranked).all()
