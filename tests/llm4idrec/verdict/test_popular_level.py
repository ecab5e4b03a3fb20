import pytest

from llm4idrec.config.recommenders import SETTINGS, GenerativeConfig
from llm4idrec.verdict.popular_level import popular_level_sentence
from llm4idrec.verdict.wording import AT_POPULAR_LEVEL


@pytest.mark.parametrize(
    ("recommenders", "begins"),
    [
        (("mf", "p5"), "P5, trained from scratch here, ranks nearer to popular items"),
        (("p5", "cid"), "P5 and CID+IID, trained from scratch here, rank nearer to popular items"),
    ],
)
def test_it_names_those_that_are_there(recommenders: tuple[str, ...], begins: str) -> None:
    assert popular_level_sentence(recommenders).startswith(begins)


def test_of_others_there_is_nothing_to_say() -> None:
    assert popular_level_sentence(("mf", "sasrec")) == ""


def test_they_are_those_that_can_be_pretrained() -> None:
    assert {n for n, its in SETTINGS.items() if issubclass(its, GenerativeConfig)} == (
        AT_POPULAR_LEVEL
    )
