"""The bytes of every format on a tiny example; what was written is read back; what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from llm4idrec.augmentation.placement import place_generated
from llm4idrec.config import DataConfig
from llm4idrec.data.formats import read_file
from llm4idrec.data.interactions import Interactions
from llm4idrec.errors import InputError
from llm4idrec.export import FORMATS, export_data
from llm4idrec.export.held_out import NOTE
from llm4idrec.export.material import Material
from tests.llm4idrec.arrays import interactions
from tests.llm4idrec.conftest import written

SEQUENTIAL = [name for name, rules in FORMATS.items() if rules.heldout]
ANN, BOB = 0, 1


def material(words: str = "abcde") -> Material:
    """Ann took b then a, bob c; e, which nobody has in train, is held out of ann's. For ann d is
    generated, for bob a, and by what knew the validation pairs b."""
    original = interactions([ANN, ANN, BOB], [1, 0, 2], (2, 4), timestamp=[10, 20, 30])
    generated = np.array([ANN, BOB]), np.array([3, 0])
    refitted = np.array([ANN, BOB]), np.array([3, 1])
    return Material(
        original=original,
        train=place_generated(original, *generated, placement="before"),
        refitted=place_generated(original, *refitted, placement="before"),
        valid=heldout([ANN, BOB], [2, 3]),
        test=heldout([ANN, BOB], [4, 0]),
        users=pa.array(["ann", "bob"]),
        items=pa.array(list(words)),
        generated=generated,
    )


def heldout(users: list[int], items: list[int]) -> Interactions:
    return interactions(np.array(users), np.array(items), (2, 5), timestamp=np.full(len(users), 40))


def export(to: Path, data: Material, format: str) -> dict[str, str]:
    export_data(data, to, format=format, protocol="leave_last_out")
    return written(to)


EXPECTED = {
    "selfrec_graph": {
        "train.txt": "ann d 1\nann b 1\nann a 1\nbob a 1\nbob c 1\n",
        "valid.txt": "ann c 1\nbob d 1\n",
        "test.txt": "ann e 1\nbob a 1\n",
        "train_and_valid.txt": "ann d 1\nann b 1\nann a 1\nbob b 1\nbob c 1\nann c 1\nbob d 1\n",
    },
    "selfrec_sequential": {
        "train.txt": "ann:d b a\nbob:a c\n",
        "valid.txt": "ann:c\nbob:d\n",
        "test.txt": "ann:e\nbob:a\n",
        "train_and_valid.txt": "ann:d b a c\nbob:b c d\n",
    },
    "recbole": {
        "shop.train.inter": "user_id:token\titem_id:token\n"
        "ann\td\nann\tb\nann\ta\nbob\ta\nbob\tc\n",
        "shop.valid.inter": "user_id:token\titem_id:token\nann\tc\nbob\td\n",
        "shop.test.inter": "user_id:token\titem_id:token\nann\te\nbob\ta\n",
    },
    "recbole_sequential": {
        "shop.train.inter": "user_id:token\titem_id_list:token_seq\titem_id:token\n"
        "ann\td\tb\nann\td b\ta\nbob\ta\tc\n",
        "shop.valid.inter": "user_id:token\titem_id_list:token_seq\titem_id:token\n"
        "ann\tb a\tc\nbob\tc\td\n",
        "shop.test.inter": "user_id:token\titem_id_list:token_seq\titem_id:token\n"
        "ann\tb a c\te\nbob\tc d\ta\n",
    },
    "openp5": {"user_sequence.txt": "ann d b a c e\nbob a c d a\n"},
    "llm_recsys_id": {"sequential_data.txt": "ann 3 1 0 2 4\nbob 0 2 3 0\n"},
}


@pytest.mark.parametrize("format", FORMATS)
def test_bytes(tmp_path: Path, format: str) -> None:
    data = material("01234" if format == "llm_recsys_id" else "abcde")
    files = export(tmp_path / "shop", data, format)
    about = files.pop("shop.yaml", None)
    files.pop(NOTE, None)
    assert files == EXPECTED[format]
    if about:
        assert yaml.safe_load(about)["benchmark_filename"] == ["train", "valid", "test"]


def test_counts(tmp_path: Path) -> None:
    assert export_data(material(), tmp_path / "shop", format="recbole", protocol="random") == {
        "train_pairs": 5,
        "generated_pairs": 2,
        "valid_pairs": 2,
        "test_pairs": 2,
        "held_out_too": 1,
    }


@pytest.mark.parametrize("format", FORMATS)
def test_a_note_says_which_figures_fall_and_what_to_do(tmp_path: Path, format: str) -> None:
    """Bob's generated item is held out; RecBole ranks sequences without it."""
    data = material("01234")
    note = export(tmp_path / "shop", data, format).get(NOTE)
    if format == "recbole_sequential":
        assert note is None
        return
    assert note is not None
    file, more = {
        "selfrec_graph": ("train.txt", ", 0 of 2 in train_and_valid.txt"),
        "selfrec_sequential": ("train.txt", ", 0 of 2 in train_and_valid.txt"),
        "recbole": ("train.inter", ""),
        "openp5": ("user_sequence.txt", ""),
        "llm_recsys_id": ("sequential_data.txt", ""),
    }[format]
    assert note.startswith(f"Added pairs that are held out: 1 of 2 in {file}{more}.\n")
    hides = "leaves out of its ranking" in note
    assert hides == (format not in SEQUENTIAL)
    original = f"export --format {format} --data original --to original\n"
    assert (original in note) == (not hides)
    assert "    python -m llm4idrec score --ranking ranking.txt\n" in note
    assert "104 items" in note
    numbered = replace(data, meanings={})
    again = export(tmp_path / "numbered", numbered, format)[NOTE]
    assert "score --ranking ranking.txt --ids numbers\n" in again


@pytest.mark.parametrize("format", FORMATS)
def test_there_is_no_note_without_such_a_pair(tmp_path: Path, format: str) -> None:
    data = material("01234")
    elsewhere = np.array([ANN], np.int32), np.array([3], np.int32)
    added = place_generated(data.original, *elsewhere, placement="before")
    harmless = replace(data, generated=elsewhere, train=added, refitted=added)
    assert NOTE not in export(tmp_path / "harmless", harmless, format)
    nothing = np.zeros(0, np.int32), np.zeros(0, np.int32)
    kept = replace(data, generated=nothing, train=data.original, refitted=data.original)
    assert NOTE not in export(tmp_path / "original", kept, format)


def test_what_knew_validation_is_counted_too(tmp_path: Path) -> None:
    data = material()
    knowing = place_generated(data.original, np.array([BOB]), np.array([0]), placement="before")
    files = export(tmp_path / "shop", replace(data, refitted=knowing), "selfrec_graph")
    assert "1 of 2 in train.txt, 1 of 1 in train_and_valid.txt.\n" in files[NOTE]


def test_a_generated_pair_that_is_validated_stands_once_in_a_graph(tmp_path: Path) -> None:
    data = replace(material(), valid=heldout([ANN], [3]))
    files = export(tmp_path / "shop", data, "selfrec_graph")
    assert files["train_and_valid.txt"].count("ann d 1") == 1


def test_users_without_held_out_items(tmp_path: Path) -> None:
    data = replace(material(), test=heldout([BOB], [0]))
    assert export(tmp_path / "a", data, "selfrec_sequential")["test.txt"] == "bob:a\n"
    assert export(tmp_path / "b", data, "recbole_sequential")["b.test.inter"].endswith(
        ":token\nbob\tc d\ta\n"
    )
    with pytest.raises(InputError, match="user 'ann' has 0 test items; expected exactly one"):
        export(tmp_path / "c", data, "openp5")


def test_recbole_gets_the_latest_fifty_items(tmp_path: Path) -> None:
    items = np.arange(60, dtype=np.int32)
    train = interactions(0 * items, items, (1, 60), timestamp=items)
    last = interactions([0], [60], (1, 62))
    data = Material(
        original=train,
        train=train,
        refitted=train,
        valid=last,
        test=replace(last, item=np.array([61])),
        users=pa.array(["u"]),
        items=pa.array(np.arange(62).astype(str)),
        generated=(items[:0], items[:0]),
    )
    files = export(tmp_path / "shop", data, "recbole_sequential")
    rows = [line.split("\t") for line in files["shop.train.inter"].splitlines()[1:]]
    assert [int(target) for _, _, target in rows] == list(range(1, 60))
    for _, history, target in rows:
        assert [int(item) for item in history.split()] == list(items[: int(target)][-50:])
    (_, history, target) = files["shop.test.inter"].splitlines()[1].split("\t")
    assert (history.split(), target) == ([str(item) for item in range(11, 61)], "61")


HISTORIES = st.lists(
    st.lists(st.integers(0, 20), min_size=3, max_size=9, unique=True), min_size=1, max_size=6
)


@settings(max_examples=30)
@given(histories=HISTORIES)
def test_what_was_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, histories: list[list[int]]
) -> None:
    folder = tmp_path_factory.mktemp("back")
    parts = [
        [history[:-2] for history in histories],
        *([h[k : k + 1 or None] for h in histories] for k in (-2, -1)),
    ]
    train, valid, test = (lists_as_interactions(lists) for lists in parts)
    data = Material(
        original=train,
        train=train,
        refitted=train,
        valid=valid,
        test=test,
        users=pa.array([f"u{user}" for user in range(len(histories))]),
        items=pa.array(np.arange(21).astype(str)),
        generated=(train.user[:0], train.item[:0]),
    )
    for format, file, expected in (
        ("selfrec_sequential", "train.txt", parts[0]),
        ("selfrec_sequential", "train_and_valid.txt", [history[:-1] for history in histories]),
        ("openp5", "user_sequence.txt", histories),
        ("llm_recsys_id", "sequential_data.txt", histories),
        ("selfrec_graph", "valid.txt", parts[1]),
        ("recbole", "recbole.train.inter", parts[0]),
    ):
        if not (folder / format).exists():
            export(folder / format, data, format)
        read = "llm_recsys_sequential" if format in ("openp5", "llm_recsys_id") else format
        columns = {"user": "user_id", "item": "item_id"} if format == "recbole" else {}
        config = DataConfig(path=folder / format / file, format=read, **columns)  # type: ignore[arg-type]
        table = read_file(config.path, config)
        back: dict[str, list[int]] = {}
        for user, item in zip(table["user"].to_pylist(), table["item"].to_pylist(), strict=True):
            back.setdefault(user, []).append(int(item))
        assert back == {f"u{user}": items for user, items in enumerate(expected)}


def lists_as_interactions(lists: list[list[int]]) -> Interactions:
    users = [user for user, items in enumerate(lists) for _ in items]
    items = [item for items in lists for item in items]
    return interactions(
        np.array(users), np.array(items), (len(lists), 21), timestamp=np.arange(len(items))
    )


def test_every_white_space_is_refused() -> None:
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    found = pc.match_substring_regex(pa.array(characters), FORMATS["selfrec_graph"].refused)
    refused = {c for c, is_refused in zip(characters, found.to_pylist(), strict=True) if is_refused}
    assert refused == {c for c in characters if c.isspace()}


@pytest.mark.parametrize(
    ("format", "item"),
    [
        *((name, "a b") for name in FORMATS),
        ("selfrec_sequential", "a:b"),
        ("recbole", "NA"),
        ("recbole_sequential", '"a'),
        ("llm_recsys_id", "a1"),
        ("llm_recsys_id", "01"),
    ],
)
def test_ids_that_would_be_misread(tmp_path: Path, format: str, item: str) -> None:
    items = pa.array([item, "1", "2", "3", "4"])
    data = replace(material(), items=items)
    with pytest.raises(InputError) as caught:
        export(tmp_path / "shop", data, format)
    assert repr(item) in str(caught.value)
    assert "add `--ids numbers`" in str(caught.value)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(("format", "item"), [("selfrec_graph", "a:b"), ("openp5", "NA")])
def test_ids_that_are_not_misread(tmp_path: Path, format: str, item: str) -> None:
    export(tmp_path / "shop", replace(material(), items=pa.array([item, *"1234"])), format)


@pytest.mark.parametrize("format", SEQUENTIAL)
def test_sequences_need_a_last_item_held_out(tmp_path: Path, format: str) -> None:
    data = material("01234")
    with pytest.raises(InputError, match=r"split\.protocol is random; expected leave_last_out"):
        export_data(data, tmp_path / "shop", format=format, protocol="random")
    two = replace(data, test=heldout([ANN, ANN, BOB], [2, 4, 0]))
    with pytest.raises(InputError, match="user 'ann' has 2 test items"):
        export(tmp_path / "shop", two, format)
    untimed = interactions(data.train.user, data.train.item, (2, 4))
    with pytest.raises(InputError, match="the interactions have no time"):
        export(tmp_path / "shop", replace(data, train=untimed), format)
    assert not any(tmp_path.iterdir())


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(InputError, match="is there already; expected a new folder"):
        export(tmp_path, material(), "recbole")
    assert written(tmp_path) == {"mine": "precious"}
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    with pytest.raises(InputError, match="is there already; expected a new folder"):
        export(circle, material(), "recbole")
