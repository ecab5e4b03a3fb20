"""Any file of prompts or candidates is what was written, or a sentence."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from llm4idrec.data.candidates import SCHEMA, read_generations
from llm4idrec.errors import InputError
from llm4idrec.language_model.prompt_files import read_prompts
from llm4idrec.language_model.prompts import Prompt, parse_prompt
from tests.hostile.fuzzing import require_sentence, steady
from tests.hostile.refusal import FILE

anything = st.none() | st.integers() | st.text(max_size=9) | st.lists(st.integers(), max_size=2)
PROMPT = Prompt(12, "fully", (3, 4), (5,), words=True)
pieces = st.sampled_from(
    ["i3", ",", "u12:", "i", "0", "٣", "12", "\n", " ", PROMPT.question_text, "i3,i4,"]
)


@steady
@given(
    st.lists(pieces, max_size=6).map("".join) | st.text(max_size=30),
    st.lists(pieces, max_size=6).map("".join),
)
def test_a_prompt_that_parses_is_written_as_it_was(question: str, answer: str) -> None:
    prompt = parse_prompt(question, answer, "fully")
    if prompt is not None:
        assert (prompt.question_text, prompt.answer_text) == (question, answer)


rows = st.fixed_dictionaries(
    {},
    optional={
        key: anything | st.sampled_from(["i3,i4,", "i5", "fully"])
        for key in ("prompt", "answer", "kind", "user")
    },
)


@steady
@given(
    st.lists(
        rows.map(lambda row: json.dumps(row, default=str, skipkeys=True)) | st.text(max_size=9),
        max_size=4,
    )
)
def test_prompt_files(lines: list[str]) -> None:
    FILE.write_text("\n".join(lines), encoding="utf-8", errors="surrogatepass")
    try:
        assert all(isinstance(prompt, Prompt) for prompt in read_prompts(FILE))
    except InputError as error:
        require_sentence(error)


@steady
@given(cut=st.integers(0, 10**6), place=st.integers(0, 10**6), byte=st.integers(0, 255))
def test_shards(cut: int, place: int, byte: int) -> None:
    sink = pa.BufferOutputStream()
    row = dict(zip(SCHEMA.names, (1, "i1", 1, 2, 3, -0.5, 1), strict=True))
    pq.write_table(pa.Table.from_pylist([row] * 5, SCHEMA), sink)
    content = bytearray(sink.getvalue().to_pybytes())
    content[place % len(content)] = byte
    shard = FILE.with_name("shard-0.parquet")
    shard.write_bytes(content[: cut % (2 * len(content))])
    try:
        assert read_generations(FILE.parent).schema == SCHEMA
    except InputError as error:
        require_sentence(error, shard)
