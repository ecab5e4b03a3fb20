"""What `split.protocol: auto` takes on data of each kind, and what a global cut may not leave."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from llm4idrec.config import DataConfig, SplitConfig
from llm4idrec.data.split import Split, split_raw
from llm4idrec.errors import InputError
from tests.llm4idrec.data.tables import Triple, data, given_test, raw

AUTO = SplitConfig(protocol="auto")


def together(users: int, items: int, name: str = "u") -> list[Triple]:
    """Everybody takes a first item, then everybody a second..."""
    taken = [(u, n) for u in range(users) for n in range(items)]
    return [(f"{name}{u}", f"i{(u + n) % 20}", 10_000 * n + u) for u, n in taken]


def in_turn(users: int, items: int, name: str = "u") -> list[Triple]:
    """One user takes items and is gone, then the next comes."""
    taken = [(u, n) for u in range(users) for n in range(items)]
    return [(f"{name}{u}", f"i{(u + n) % 20}", 100 * u + n) for u, n in taken]


def new_at_last(users: int) -> list[Triple]:
    """As `together`, but what is taken last nobody has taken before, save by one in three."""
    return [
        (user, f"new{n}" if time >= 70_000 and n % 3 else item, time)
        for n, (user, item, time) in enumerate(together(users, 10))
    ]


@dataclass(frozen=True)
class Case:
    triples: list[Triple]
    taken: str
    why: str
    time: bool = True
    data: DataConfig = data()  # noqa: RUF009
    split: SplitConfig = AUTO
    test: list[Triple] | None = None


GIVEN = given_test()
LAST_OF = [(f"u{u}", f"i{(u + 17) % 20}", 10**6) for u in range(60)]
LISTS = data("selfrec_sequential")
CASES = {
    "all come and go together": Case(
        together(150, 10),
        "global_time",
        "150 users in test with an item of the catalogue, 100 % of all, and 100 % of the inter",
    ),
    "just enough users": Case(together(100, 10), "global_time", "100 users in test"),
    "one too few": Case(
        together(99, 10),
        "user_time",
        "half of the users have 10 items or more; global_time would leave 99 users in test",
    ),
    "one after the other": Case(
        in_turn(200, 10), "user_time", "global_time would leave nothing of a part"
    ),
    "short lists": Case(
        in_turn(200, 5), "leave_last_out", "half of the users have 5 items or more; global_time"
    ),
    "lists whose share is two": Case(in_turn(200, 8), "user_time", "half of the users have 8"),
    "lists whose share is one": Case(in_turn(200, 7), "leave_last_out", "half of the users have 7"),
    "shares that the k-core punishes": Case(
        [*in_turn(80, 8), *in_turn(100, 20, "long")],
        "leave_last_out",
        "half of the users have 20 items or more; global_time would leave nothing of a part; "
        "user_time would leave 100 users in test, this leaves 180",
        data=data(k_core=6),
    ),
    "nine in ten have left": Case(
        [*in_turn(1200, 10), *together(110, 10, "late")],
        "user_time",
        "global_time would leave",
    ),
    "new items": Case(new_at_last(150), "user_time", "and 33 % of the interactions there in"),
    "one moment": Case(
        [(user, item, 7) for user, item, _ in together(150, 10)],
        "user_time",
        "half of the users have 10 items or more; global_time would leave nothing of a part",
    ),
    "no time": Case(
        together(150, 10), "random", "the data have no time", False, data(timestamp=None)
    ),
    "only an order": Case(together(150, 10), "user_time", "half of the users have 10", data=LISTS),
    "a later test set": Case(
        together(60, 15), "user_time", "half of the users have 15", data=GIVEN, test=LAST_OF
    ),
    "a later test set of short lists": Case(
        together(60, 14), "leave_last_out", "half of the users have 14", data=GIVEN, test=LAST_OF
    ),
    "a test set from among the train set": Case(
        together(60, 9),
        "random",
        "the test set that is given is not later than the train set",
        data=GIVEN,
        test=[(user, item, 35_000) for user, item, _ in LAST_OF],
    ),
}


def taken(case: Case, split: SplitConfig) -> Split:
    test = None if case.test is None else raw(case.test)
    return split_raw(raw(case.triples, time=case.time), test, data=case.data, split=split, seed=3)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_auto(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    split = taken(case, case.split)
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith(f"split.protocol auto: {case.taken} (")
    assert case.why in said[0]
    assert len(said) == 1
    assert split.protocol == case.taken
    assert split.summary["by_time"] == (case.taken != "random")
    assert {type(number) for number in split.summary.values()} <= {int, float}
    named = taken(case, SplitConfig.model_validate({"protocol": case.taken}))
    assert (split.train, split.valid, split.test) == (named.train, named.valid, named.test)
    assert (split.users, split.items) == (named.users, named.items)


def test_auto_says_in_numbers_what_it_went_by() -> None:
    numbers = taken(CASES["one too few"], AUTO).summary
    assert numbers["auto_global_time_test_users"] == 99
    assert numbers["auto_global_time_valid_users"] == 99
    assert numbers["auto_median_list"] == 10


def test_fewer_test_users_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    fewer = AUTO.model_copy(update={"min_test_users": 99})
    assert taken(CASES["one too few"], fewer).protocol == "global_time"


def test_too_few_test_users_behind_a_global_cut() -> None:
    with pytest.raises(InputError) as caught:
        taken(CASES["one too few"], SplitConfig(protocol="global_time"))
    assert str(caught.value) == (
        "split.protocol is global_time, which leaves 99 test users with an item of the catalogue; "
        "expected at least 100 (split.min_test_users), over whom a gain can be told; set "
        "split.protocol to user_time or auto, raise split.test, or take more data"
    )


def test_a_given_test_set_has_the_users_it_has() -> None:
    split = taken(CASES["a later test set"], SplitConfig(protocol="global_time"))
    assert split.summary["test_users"] == 60


def test_what_no_protocol_can_split_is_refused_as_ever() -> None:
    with pytest.raises(InputError, match=r"user 'z' has 2 interactions; expected at least 3 \(one"):
        split_raw(
            raw([*in_turn(5, 4), ("z", "i0", 0), ("z", "i1", 1)]),
            None,
            data=data(),
            split=AUTO,
            seed=1,
        )
