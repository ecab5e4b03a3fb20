"""Which line of the table is meant."""

from __future__ import annotations

import pytest

from llm4idrec.errors import InputError
from llm4idrec.serving.system import BEST, WITHOUT, choose, needs_adapter, proposing
from llm4idrec.verdict.bottom_line import BottomLine, System


def system(recommender: str | None, variant: str) -> System:
    uses = "language_model" in variant
    return System(
        recommender=recommender, variant=variant, parts=1, uses_language_model=uses,
        validation=0.1, test=0.1, test_low=0.1, test_high=0.1,
    )  # fmt: skip


def line(*systems: System, best_without: int | None = None) -> BottomLine:
    return BottomLine(
        metric="ndcg_at_20", n_runs=5, systems=list(systems), best_with=0,
        best_without=best_without, lead=None, lead_low=None, lead_high=None, lead_p_value=None,
    )  # fmt: skip


FOUND = line(
    system(None, "language_model&ease"),
    system("ials", "language_model&ease"),
    system("ials", "language_model"),
    system("sasrec", "original"),
    system("ials", "original"),
    system(None, "svd"),
    best_without=3,
)


def test_what_is_meant() -> None:
    assert choose(FOUND, BEST) is FOUND["systems"][0]
    assert choose(FOUND, WITHOUT) is FOUND["systems"][3]
    assert choose(FOUND, "ials") is FOUND["systems"][2]  # what is fused is something else
    assert choose(FOUND, "svd") is FOUND["systems"][5]


def test_what_is_not_there() -> None:
    with pytest.raises(
        InputError,
        match="named 'mf'; expected one of best, without-language-model, ials, sasrec, svd",
    ):
        choose(FOUND, "mf")
    with pytest.raises(InputError, match="everything that ranks uses a language model"):
        choose(line(system(None, "language_model")), WITHOUT)


@pytest.mark.parametrize(
    ("recommender", "variant", "who"),
    [
        (None, "language_model", ("language_model",)),
        (None, "language_model&ease", ("language_model", "ease")),
        (None, "sasrec", ("sasrec",)),
        ("ials", "original", ()),
        ("ials", "original&ease", ("ease",)),
        ("ials", "language_model+ease", ("language_model",)),
        ("ials", "base_model", ("base_model",)),
        ("ials", "ease&ease", ("ease",)),
        ("ials", "self+ease", ()),
    ],
)
def test_who_has_to_propose(recommender: str | None, variant: str, who: tuple[str, ...]) -> None:
    asked = system(recommender, variant)
    assert proposing(asked) == who
    assert needs_adapter(asked) == ("language_model" in who)
