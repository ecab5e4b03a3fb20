"""What a model says, cut into items: exactly those that stand between commas and blanks."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from llm4idrec.generation.mentions import count_votes
from llm4idrec.generation.sampling import _mentions
from llm4idrec.language_model.prompts import parse_item, parse_items
from llm4idrec.language_model.tokenization import PromptEncoder, compact_tokenizer
from tests.hostile.fuzzing import steady

ITEM = re.compile(r"(?<![^,\s])i(0|[1-9][0-9]{0,8})(?![^,\s])")
SPECIAL = ["<pad>", "<s>", "</s>", "<unk>"]
NO_ITEMS = [
    *(
        "",
        "i",
        "I12",
        "12",
        "u12",
        "xi12",
        "ii12",
        "i12i",
        "i 12",
        "i-12",
        "i+12",
        "i012",
        "i00",
        "i12.",
    ),
    *(
        "i12.5",
        "i12;i13",
        "i12/i13",
        "i12|i13",
        "i12:",
        "(i12)",
        "[i12]",
        "'i12'",
        '"i12"',
        "i12!",
        "i12…",
    ),
    *(
        "i1_2",
        "i1e3",
        "i0x1",
        "i²",
        "i١٢",
        "i1٢",
        "i１２",
        "і12",
        "ｉ12",
        "i12\0",
        "\0i12",
        "i1\u200b2",
        "i12\u0301",
    ),
    *(
        "i1234567890",
        "i" + "9" * 5000,
        "</s>",
        "<unk>",
        "### Response:",
        "{user}",
        "i{0}",
        "item12",
    ),
    *(
        "<i12>",
        "i12</s>",
        "<script>i12",
        "i12\x1b[0m",
        "\ufeffi12",
        "-i12",
        "i12-i13",
        "i12=i13",
        "#i12",
    ),
]
ITEMS = {
    "i12": [12],
    "i0": [0],
    "i999999999": [999999999],
    "i12,i13": [12, 13],
    "i12, i13": [12, 13],
    "i12,,,i13,": [12, 13],
    "i12 i13\ni14\ti15\r\ni16": [12, 13, 14, 15, 16],
    "i12 3": [12],
    "i1 2 i3": [1, 3],
    "Sure! i12, and i13.": [12],
    "i12 i12 i12": [12, 12, 12],
    "### Response: i12 </s> i13": [12, 13],
    "i12345, i123": [12345, 123],
    "i1234567890 i5": [5],
}


def byte_level() -> PromptEncoder:
    """A token a byte, and some of several: every text comes back as it was."""
    letters = [*pre_tokenizers.ByteLevel.alphabet(), "i1", "12", "Ġi", ",Ġ"]
    vocabulary = {token: number for number, token in enumerate([*SPECIAL, *sorted(set(letters))])}
    merges = [("i", "1"), ("1", "2"), ("Ġ", "i"), (",", "Ġ")]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    return encoder(tokenizer)


def sentence_piece() -> PromptEncoder:
    """As Llama 2 has it: the blank that a token begins with is lost where it is decoded alone."""
    letters = [*map(chr, range(33, 127)), "▁", "▁i", "▁1", "▁2", "▁3", "i1", "12"]
    vocabulary = {token: number for number, token in enumerate([*SPECIAL, *letters])}
    merges = [("▁", "i"), ("▁", "1"), ("▁", "2"), ("▁", "3"), ("i", "1"), ("1", "2")]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    return encoder(tokenizer)


def encoder(tokenizer: Tokenizer) -> PromptEncoder:
    names = dict(zip(("pad_token", "bos_token", "eos_token", "unk_token"), SPECIAL, strict=True))
    return PromptEncoder(PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names))


BYTES, PIECES = byte_level(), sentence_piece()


def said(text: str, through: PromptEncoder, cut: bool = False) -> list[str]:
    tokens = through.pieces([text])[0]
    return [m.text for m in _mentions(0, [(token, -1.0) for token in tokens], through, cut=cut)]


def items(texts: list[str]) -> list[int]:
    return [item for text in texts if (item := parse_item(text)) is not None]


@pytest.mark.parametrize("text", NO_ITEMS, ids=[repr(text[:20]) for text in NO_ITEMS])
def test_no_item(text: str) -> None:
    assert parse_item(text) is None
    assert parse_items(f"i1,{text}") is None
    assert items(said(text, BYTES)) == []


@pytest.mark.parametrize("text", ITEMS)
def test_items(text: str) -> None:
    assert items(said(text, BYTES)) == ITEMS[text] == [int(found) for found in ITEM.findall(text)]


def test_a_blank_between_pieces_parts_them() -> None:
    assert said("i1 2, i3 12,i12 3", PIECES) == ["i1", "2", "i3", "12", "i12", "3"]


@steady
@given(st.text("i0123456789,, \n.x-", max_size=60))
def test_any_answer(text: str) -> None:
    expected = [int(found) for found in ITEM.findall(text)]
    assert items(said(text, BYTES)) == expected
    assert items(said(text.replace("\n", " "), PIECES)) == expected


@steady
@given(st.text(max_size=40) | st.text("i12, \u00a0\u3000é漢🎬\0", max_size=40))
def test_no_text_makes_an_item_that_is_not_there(text: str) -> None:
    found = items(said(text, BYTES))
    left = [int(item) for item in ITEM.findall(text)]
    assert all(left.count(item) >= found.count(item) for item in found)


@steady
@given(st.text("i0123456789, ", min_size=1, max_size=60), st.integers(1, 60))
def test_an_answer_that_is_cut_off_ends_in_no_item(text: str, length: int) -> None:
    """`i123` of an `i12345` does not count, whatever was to follow."""
    for through in (BYTES, PIECES):
        tokens = through.pieces([text])[0]
        part = [(token, -1.0) for token in tokens[:length]]
        found = items([m.text for m in _mentions(0, part, through, cut=True)])
        whole = items(said(text, through))
        assert found == whole[: len(found)]
        assert set(found) <= {int(item) for item in ITEM.findall(text)}


@steady
@given(st.lists(st.integers(0, 19) | st.sampled_from(["</s>", "<unk>", "the", "list"]), max_size=9))
def test_tokens_that_are_whole_items(parts: list[int | str]) -> None:
    """With the compact tokenizer an answer cannot end within an item."""
    compact = PromptEncoder(compact_tokenizer(3, 20))
    words = [part if isinstance(part, str) else f"i{part}" for part in parts]
    tokens = compact.tokenizer.convert_tokens_to_ids(words)
    mentions = _mentions(0, [(token, -1.0) for token in tokens], compact, cut=True)
    assert [m.text for m in mentions] == words
    assert [m.log_probability for m in mentions] == [-1.0] * len(words)


def test_what_is_no_item_is_counted_and_has_no_number() -> None:
    mentions = [
        (0, place, m)
        for place, text in enumerate(("i5, i05", "i5 <script>"))
        for m in _mentions(0, [(t, -1.0) for t in BYTES.pieces([text])[0]], BYTES, cut=False)
    ]
    table = count_votes(mentions).to_pydict()
    assert table["text"] == ["i5", "i05", "<script>"]
    assert table["item"] == [5, None, None]
    assert table["votes"] == [2, 1, 1]
