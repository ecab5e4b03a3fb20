from hypothesis import given
from hypothesis import strategies as st

from llm4idrec.prompts import Prompt
from llm4idrec.tokenization import UNKNOWN, PromptEncoder, compact_tokenizer, shorten

lengths = st.integers(1, 60)


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


@given(lengths, lengths, st.integers(2, 200), st.integers(1, 5))
def test_a_shortened_prompt_fits_and_keeps_something(
    history: int, answer: int, longest: int, cost: int
) -> None:
    prompt = Prompt(1, "fully", tuple(range(history)), tuple(range(100, 100 + answer)))
    short = shorten(prompt, longest, cost)
    kept = len(short.history) + len(short.answer)
    assert 2 <= kept <= max(2, longest // cost)
    assert short.history == prompt.history[history - len(short.history) :]
    assert short.answer == prompt.answer[: len(short.answer)]
    assert short == prompt or kept == max(2, longest // cost)
