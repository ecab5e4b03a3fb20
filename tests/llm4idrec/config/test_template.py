from __future__ import annotations

import difflib
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from llm4idrec.config import Config
from llm4idrec.config.template import template, with_data
from llm4idrec.errors import InputError

TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1)
OURS = """\
# mine
seed: 7   # lucky
data:  # here
    user: "who"     # the buyer
    where:
        event:
        - buy   # or cart
        - cart
    # below the list
    path: a.csv # old
# between
dataset: old
split: {protocol: random}
"""


def test_the_template_is_whole_and_about_the_bundled_data() -> None:
    config = Config.parse(yaml.safe_load(template()))
    assert config.dataset == "ml-latest-small"
    assert config.data.user == "userId"


def test_only_the_changed_lines_change_and_remarks_stay_in_their_column() -> None:
    changed = with_data(
        template(), "shop", {"path": "deep/my file.csv", "user": "1", "separator": "\t"}
    )
    diff = [
        line[1:]
        for line in difflib.unified_diff(template().split("\n"), changed.split("\n"), n=0)
        if line.startswith("+") and not line.startswith("+++")
    ]
    assert diff == [
        "dataset: shop             # name in reports",
        "  path: deep/my file.csv  # a file, a folder of files, or one that holds `train` (and "
        "`test`)",
        "  user: '1'",
        '  separator: "\\t"         # of csv and tsv, such as ; or \\t; null: what the format says',
    ]


def test_the_same_values_change_nothing() -> None:
    values = yaml.safe_load(template())
    assert with_data(template(), values["dataset"], values["data"]) == template()
    assert with_data(OURS, "old", yaml.safe_load(OURS)["data"]) == OURS


def test_a_section_that_somebody_wrote_keeps_its_style() -> None:
    changed = with_data(OURS, "new", {"path": "b.csv", "where": {}, "header": False})
    assert changed == OURS.replace(
        """    where:
        event:
        - buy   # or cart
        - cart
""",
        "    where: {}\n",
    ).replace("path: a.csv # old", "path: b.csv  # old\n    header: false").replace(
        "dataset: old", "dataset: new"
    )


def test_line_ends_and_a_missing_last_one_are_kept() -> None:
    text = OURS.replace("\n", "\r\n").removesuffix("\r\n")
    changed = with_data(text, "old", {"user": "me"})
    assert changed == text.replace('"who"     #', "me        #")


def test_a_section_on_one_line() -> None:
    changed = with_data("{data: {path: a}, dataset: b}", "c", {"path": "x, y", "item": "z"})
    assert changed == "{data: {path: 'x, y', item: z}, dataset: c}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "data: null\ndataset: a\n",
        "data: path\ndataset: a\n",
        "other: &it {path: a}\ndata: *it\ndataset: a\n",
        "data: &it {path: a}\nother: *it\ndataset: a\n",
    ],
)
def test_what_is_no_section_of_its_own_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="no section of its own"):
        with_data(text, "a", {"path": "b"})


@settings(max_examples=25)
@given(
    st.fixed_dictionaries(
        {
            "path": TEXTS,
            "user": TEXTS,
            "separator": st.none() | TEXTS,
            "where": st.dictionaries(TEXTS, st.lists(TEXTS, min_size=1), max_size=2),
            "min_rating": st.none() | st.floats(-10, 10),
        }
    ),
    st.sampled_from([template(), OURS]),
)
def test_whatever_is_written_is_what_is_read(values: dict[str, Any], text: str) -> None:
    before = yaml.safe_load(text)
    changed = yaml.safe_load(with_data(text, "name", values))
    assert changed == before | {"dataset": "name", "data": before["data"] | values}
