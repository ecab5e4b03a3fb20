import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from llm4idrec.language_model.prompts import Prompt
from llm4idrec.language_model.tokenization import (
    UNKNOWN,
    PromptEncoder,
    compact_tokenizer,
    kept_lengths,
)

lengths = st.integers(1, 60)
parts = st.lists(st.tuples(lengths, lengths), min_size=1, max_size=5)


def test_every_id_and_template_word_is_one_known_token() -> None:
    tokenizer = compact_tokenizer(n_users=20, n_items=100)
    tokens = tokenizer.tokenize(Prompt(12, "fully", (34, 99), (7,), words=True).question_text)
    assert UNKNOWN not in tokens
    assert [t for t in tokens if t[1:].isdigit()] == ["u12", "i34", "i99", "u12"]
    assert len(tokenizer) == len(set(tokenizer.get_vocab()))


def test_an_answer_is_its_items_and_the_end() -> None:
    tokenizer = compact_tokenizer(5, 10)
    encoder = PromptEncoder(tokenizer)
    catalogue = encoder.catalogue(10)
    answer = encoder.answer([catalogue[7], catalogue[8]])
    assert tokenizer.convert_ids_to_tokens(answer) == ["i7", "i8", "</s>"]
    assert encoder.separator == []


def test_a_question_begins_with_the_begin_token() -> None:
    encoder = PromptEncoder(compact_tokenizer(5, 10))
    assert encoder.questions(["u1 i2"])[0] == [encoder.begin[0], *encoder.pieces(["u1 i2"])[0]]


@given(parts, st.integers(2, 200), st.integers(1, 5))
def test_what_is_kept_of_prompts_fits_and_is_as_much_as_fits(
    parts: list[tuple[int, int]], longest: int, cost: int
) -> None:
    history, answer = np.array(parts).T
    kept = kept_lengths(history, answer, longest=longest, token_cost=cost)
    room = max(2, longest // cost)
    assert (np.minimum(kept, 1) == 1).all()
    assert (sum(kept) == np.minimum(history + answer, room)).all()
    assert (kept[0] <= history).all()
    assert (kept[1] <= answer).all()
    assert (kept[1] <= np.maximum(room // 2, room - history)).all()
