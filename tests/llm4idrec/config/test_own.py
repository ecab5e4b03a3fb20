"""Sections of the user's own recommenders: what may stand there, and what is told if it may not."""

from __future__ import annotations

from typing import Any

import pytest

from llm4idrec import artifacts
from llm4idrec.artifacts import Artifact
from llm4idrec.augmentation.arms import source_of
from llm4idrec.config import Config
from llm4idrec.config.comparison import CONTROLS
from llm4idrec.config.own import TAKEN, OwnConfig
from llm4idrec.config.recommenders import SETTINGS
from llm4idrec.config.search import Between, OneOf, Whole, search_space, values_of, with_values
from llm4idrec.errors import InputError
from llm4idrec.stages import STAGES
from tests.conftest import tiny_values

COMMAND = "train {data} --to {out} --seed {seed} -f {factors}"
MINE: dict[str, Any] = {
    "command": COMMAND,
    "settings": {"factors": 64},
    "search": {"factors": [16, 256]},
}
FIT: dict[str, Any] = {"function": "shop.train:fit"}


def parsed(**changes: Any) -> Config:
    return Config.parse(tiny_values() | changes)


def test_it_stands_wherever_a_recommender_may() -> None:
    names = ["mine", "ease"]
    config = parsed(
        mine=MINE,
        recommenders=names,
        tune_recommenders={"names": names},
        tune={"recommenders": ["mine"]},
    )
    assert config.searched_recommenders == ("mine", "ease")
    assert config.settings("mine") == OwnConfig(**MINE)
    assert config.known_recommenders == (*SETTINGS, "mine")
    assert Config.parse(config.model_dump(mode="json")) == config


@pytest.mark.parametrize(
    ("section", "sequential", "seeded"),
    [
        (FIT, False, True),
        (FIT | {"seeded": False}, False, False),
        (MINE | {"reads": "selfrec_sequential"}, True, True),
        (MINE | {"reads": "recbole_sequential"}, True, True),
        (MINE | {"reads": "recbole"}, False, True),
    ],
)
def test_what_it_needs(section: dict[str, Any], sequential: bool, seeded: bool) -> None:
    own = OwnConfig(**section)
    assert (own.needs_time, own.is_seeded) == (sequential, seeded)


def test_names_of_parts_of_the_flow_are_taken() -> None:
    parts = {part.name for part in vars(artifacts).values() if isinstance(part, Artifact)}
    arms = {source_of(arm) for arm in CONTROLS}
    assert parts | arms | STAGES.keys() <= TAKEN | SETTINGS.keys() | Config.model_fields.keys()


@pytest.mark.parametrize("name", ["a", "mine_2", "x" * 50, "copy", "json", "model_dump", "only"])
def test_names(name: str) -> None:
    config = parsed(**{name: MINE, "recommenders": [name]})
    assert config.settings(name) == OwnConfig(**MINE)
    assert config.only(name).recommenders == (name,)


@pytest.mark.parametrize(
    "name", ["", "Mine", "2", "mine-2", "a+b", "a&b", "a@b", "a/b", "é", "_a", "a\n", "x" * 51]
)
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(InputError, match="its name is to be of lower-case letters, digits and _"):
        parsed(**{name: MINE})


@pytest.mark.parametrize("name", ["trials", "sources", "self", "original", "prepare", "settings"])
def test_names_that_are_taken(name: str) -> None:
    with pytest.raises(InputError, match=f"'{name}' .* its name is taken by a part of the flow"):
        parsed(**{name: MINE})


@pytest.mark.parametrize("key", ["recommenders", "tune_recommenders.names", "tune.recommenders"])
def test_an_unknown_recommender_may_be_mended_in_two_ways(key: str) -> None:
    section, _, rest = key.partition(".")
    changes = {section: {rest: ["ease", "mien"]} if rest else ["ease", "mien"]}
    both = "'mien' is none of popularity, .*, cid, mine; name one of them, or describe your own in"
    with pytest.raises(InputError, match=f"^`{key}.1`: {both} a section of that name with a `comm"):
        parsed(mine=MINE, **changes)


@pytest.mark.parametrize("values", [1, None, [], {}, {"comand": "x"}, "command"])
def test_a_key_that_is_no_section_is_unknown(values: Any) -> None:
    with pytest.raises(InputError, match="unknown key `mine`; expected a key that the parameters"):
        parsed(mine=values)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        (FIT, "`mine`: `command` or `function` is expected, and both are there"),
        ({"command": None}, "`mine`: `command` or `function` is expected, and neither is there"),
        ({"comand": "x"}, "unknown key `mine.comand`; .*; did you mean `mine.command`?"),
        ({"command": COMMAND + " {dat}"}, "has {dat}, which is none of .*; did you mean {data}?"),
        ({"command": COMMAND + " {print}"}, "has {print}, .* write { print } if the braces are"),
        ({"command": "train {data} {seed} {factors}"}, "never mentions the folder {out}"),
        ({"command": "train {out} {seed} {factors}"}, "never mentions the folder {data}"),
        ({"command": "train {data} {out} {seed}"}, "never mentions the setting {factors}"),
        ({"command": "train {data} {out} {factors}"}, "{seed}; add it, or say `seeded: false`"),
        ({"settings": {"factors": 64, "k": 3}}, "the setting `k` has the name of what is given"),
        ({"settings": {"a-b": 1}}, "`mine.settings.a-b.\\[key\\]` is 'a-b'; expected "),
        ({"settings": {"factors": None}}, "`mine.settings.factors` is None; expected a number, a"),
        ({"settings": {"factors": "a\0b"}}, "expected a text without NUL and surrogates"),
        ({"settings": {"factors": "\ud800"}}, "expected a text without NUL and surrogates"),
        ({"command": COMMAND + "\0"}, "expected a text without NUL and surrogates"),
        ({"settings": {"factors": [1]}}, "`mine.settings.factors` is .1.; expected a number, a te"),
        ({"settings": {"factors": float("inf")}}, "`mine.settings.factors` is inf; expected a nu"),
        ({"reads": "csv"}, "`mine.reads` is 'csv'; expected 'selfrec_graph', "),
        ({"writes": "csv"}, "`mine.writes` is 'csv'; expected 'vectors', "),
        ({"time_limit": 0}, "`mine.time_limit` is 0; expected greater than 0"),
        ({"seeded": "perhaps"}, "`mine.seeded` is 'perhaps'; expected "),
        ({"version": True}, "`mine.version` is True; expected something else than true or false"),
        ({"search": {"layers": [1, 2]}}, "`search.layers`: there is no `layers` among `settings`"),
        ({"search": {"factors": [1]}}, "`mine.search.factors` is .1.; expected "),
        ({"search": {"factors": 3}}, "`mine.search.factors` is 3; expected a list"),
        ({"search": {"factors": [128, 16]}}, "`search.factors`: the first number must be below"),
        ({"search": {"factors": [1, 8]}}, "is from 1 to 8, and `settings.factors`, .*, is 64"),
        ({"search": {"factors": [1, 2, 4]}}, "is a choice of 1, 2, 4, and `settings.factors`"),
        ({"search": {"factors": [True, 64.0, "64"]}}, "is a choice of True, 64.0, '64', and"),
    ],
)
def test_what_cannot_stand_there(changes: dict[str, Any], found: str) -> None:
    with pytest.raises(InputError, match=found):
        parsed(mine=MINE | changes)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"function": "fit"}, "`mine`: `function` is 'fit'; expected `module:name`"),
        ({"function": "shop/train.py:fit"}, "; expected `module:name`"),
        ({"settings": {"train": 3}}, "the setting `train` has the name of what is given anyway"),
        ({"reads": "recbole"}, "`mine`: `reads` is of a `command`, and there is a `function`"),
        ({"time_limit": 3}, "`mine`: `time_limit` is of a `command`, and there is a `function`"),
    ],
)
def test_what_cannot_stand_with_a_function(changes: dict[str, Any], found: str) -> None:
    with pytest.raises(InputError, match=found):
        parsed(mine=FIT | changes)


def test_the_shell_keeps_its_own_braces() -> None:
    command = "awk '{ print $1 } {print $2}' ${HOME} {data} {out} $(echo {1..3}) {}"
    assert OwnConfig(command=command, seeded=False).command == command


@pytest.mark.parametrize(
    ("value", "ends", "kind"),
    [
        (64, [16, 256], Whole(16, 256)),
        (0, [0, 3], Whole(0, 3)),
        (0.5, [0, 1], Between(0, 1)),
        (1, [0.1, 5], Between(0.1, 5)),
        (64, [32, 64, 128], OneOf((32, 64, 128))),
        ("bpr", ["bpr", "softmax"], OneOf(("bpr", "softmax"))),
        (True, [True, False], OneOf((True, False))),
    ],
)
def test_where_a_setting_is_searched(value: Any, ends: Any, kind: Any) -> None:
    own = OwnConfig(**FIT, settings={"a": value, "b": 3}, search={"a": ends})
    assert search_space("mine", own) == {"a": kind}
    other = with_values(own, {"a": ends[1]})
    assert values_of(other) == {"a": ends[1], "b": 3}
    assert other.model_copy(update={"settings": own.settings}) == own
