"""Parameter files that are no parameters, or would take the machine down."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import yaml

from llm4idrec.config import Config
from llm4idrec.config.yaml_file import read_yaml
from llm4idrec.errors import InputError
from tests.hostile.refusal import parameters, refused

GOOD = yaml.safe_dump(parameters(user="user", item="item"))
LAUGHS = "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9 if n else ['lol'] * 9)}]\n" for n in range(10)
)
MERGES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n}\n  <<: [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)
LAST = GOOD.count("\n") + 1
UNREADABLE = "cannot be read as YAML ("
TAGS = ["!!python/object:os.system", "!!python/object/apply:os.system", "!!python/name:os.system"]
TAGS += ["!!python/module:os", "!!python/tuple", "!include", "!<tag:evil.example,2026:x>"]

CASES: dict[str, tuple[bytes | str, str, int | None]] = {
    "nothing": ("", "holds no parameters; expected keys and their values", None),
    "a comment": ("# seed: 1\n", "holds no parameters", None),
    "null": ("null\n", "holds no parameters", None),
    "a list": ("- seed\n", "holds no parameters", None),
    "a word": ("seed\n", "holds no parameters", None),
    "a number": ("1\n", "holds no parameters", None),
    "a bracket": ("seed: 1\ndata: [1\n", f"{UNREADABLE}expected ',' or ']'", 3),
    "a brace": ("seed: 1\ndata: {a: 1\n", f"{UNREADABLE}expected ',' or '}}'", 3),
    "a quotation mark": (
        "seed: 1\ndataset: 'a\n",
        f"{UNREADABLE}found unexpected end of stream",
        3,
    ),
    "a tab": ("seed: 1\ndata:\n\tpath: a\n", f"{UNREADABLE}found character '\\t'", 3),
    "indentation": ("seed: 1\n  dataset: a\n", f"{UNREADABLE}mapping values are not allowed", 2),
    "two colons": ("seed: 1: 2\n", f"{UNREADABLE}mapping values are not allowed here", 1),
    "an unknown alias": ("seed: *a\n", f"{UNREADABLE}found undefined alias 'a'", 1),
    "two documents": ("seed: 1\n---\nseed: 2\n", f"{UNREADABLE}but found another document", 2),
    "a template": ("seed: {{ seed }}\n", f"{UNREADABLE}found unhashable key", 1),
    "a key that is a list": ("? [1, 2]\n: 1\n", f"{UNREADABLE}found unhashable key", 1),
    "a key that is a mapping": ("? {a: 1}\n: 1\n", f"{UNREADABLE}found unhashable key", 1),
    "a directive": ("%YAML 9.9\n---\nseed: 1\n", f"{UNREADABLE}found incompatible YAML", 1),
    "a date that is none": (
        "seed: 2026-13-45\n",
        f"{UNREADABLE}a value that is none: month must be in 1..12",
        None,
    ),
    "a time that is none": (
        "seed: 2026-01-01 99:99:99\n",
        f"{UNREADABLE}a value that is none: hour must be",
        None,
    ),
    "base64 that is none": ("seed: !!binary a\n", f"{UNREADABLE}failed to decode base64", 1),
    "an int that is none": (
        "seed: !!int x\n",
        f"{UNREADABLE}a value that is none: invalid literal for int",
        None,
    ),
    "a float that is none": (
        "seed: !!float x\n",
        f"{UNREADABLE}a value that is none: could not convert string",
        None,
    ),
    "a bool that is none": ("seed: !!bool x\n", f"{UNREADABLE}a value that is none: 'x')", None),
    "a moment that is none": ("seed: !!timestamp x\n", f"{UNREADABLE}a value that is none", None),
    "an int that is empty": ("seed: !!int ''\n", f"{UNREADABLE}a value that is none", None),
    "a zone that is none": ("seed: 2026-01-01 00:00:00 +99:00\n", UNREADABLE, None),
    "a set": ("seed: !!set [1]\n", f"{UNREADABLE}expected a mapping node", 1),
    "an octal number": ("seed: 010\n", f"{UNREADABLE}010, which is another value to DVC", 1),
    "minutes": ("seed: 1:30\n", f"{UNREADABLE}1:30, which is another value to DVC", 1),
    "5000 digits": (f"a: 1\nseed: {'9' * 5000}\n", f"{UNREADABLE}a number of 5000 digits)", 2),
    "5000 hex digits": (f"seed: 0x{'f' * 5000}\n", f"{UNREADABLE}a number of 5002 digits)", 1),
    "sexagesimal": (f"seed: 1{':59' * 2000}\n", f"{UNREADABLE}a number of 6001 digits)", 1),
    "NUL": (b"a: 1\nseed: 1\0\n", f"{UNREADABLE}character #x0000)", 2),
    "an escape": (b"seed: \x1b[2J\n", f"{UNREADABLE}character #x001b)", 1),
    "Latin-1": ("a: 1\ndataset: é\n".encode("latin-1"), f"{UNREADABLE}byte 0xe9 is not UTF-8", 2),
    "UTF-16": (GOOD.encode("utf-16"), f"{UNREADABLE}byte 0xff is not UTF-8)", 1),
    "gzip": (gzip.compress(GOOD.encode()), f"{UNREADABLE}byte 0x8b is not UTF-8)", 1),
    "2 MB": (GOOD + "# " + "x" * 2_000_000, f"{UNREADABLE}more than 1048576 bytes)", None),
    "deep list": ("seed: " + "[" * 5000, f"{UNREADABLE}nested too deeply)", None),
    "deep mapping": ("{a: " * 5000, f"{UNREADABLE}nested too deeply)", None),
    "deep and ended": (
        f"seed: {'[' * 3000}{']' * 3000}\n",
        f"{UNREADABLE}nested too deeply)",
        None,
    ),
    "a billion laughs": (LAUGHS, "holds more than 100000 values, aliases written out", None),
    "a billion merges": (MERGES, "holds more than 100000 values, aliases written out", None),
    "a list in itself": ("seed: &a [*a]\n", "holds more than 100000 values", None),
    "a mapping in itself": ("seed: &a {b: *a}\n", "holds more than 100000 values", None),
    "a mapping merged with itself": ("seed: &a\n  <<: *a\n", "holds more than 100000 values", None),
    "a key twice": (f"{GOOD}seed: 2\n", f"{UNREADABLE}key 'seed' is there already, on line ", LAST),
    "a section twice": ("a: 1\nb: {x: 1}\nb: {y: 1}\n", "", 3),
    "a key of a section twice": ("a:\n  x: 1\n  y: 1\n  x: 1\n", "", 4),
    "a quoted key twice": (
        "x: 1\n'x': 1\n",
        f"{UNREADABLE}key 'x' is there already, on line 1)",
        2,
    ),
    "an endless key twice": (f"{'x' * 900}: 1\n{'x' * 900}: 1\n", "", 2),
}
for tag in TAGS:
    CASES[tag] = (f"a: 1\nseed: {tag} [ls]\n", f"{UNREADABLE}could not determine a", 2)


@pytest.mark.parametrize("name", CASES)
def test_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    content, found, line = CASES[name]
    Path("params.yaml").write_bytes(content.encode() if isinstance(content, str) else content)
    place = "params.yaml: " if line is None else f"params.yaml, line {line}: "
    refused(capsys, place + found)


def test_what_yaml_allows_and_nobody_is_harmed_by() -> None:
    plain = Config.parse(yaml.safe_load(GOOD))
    for text in (
        f"\ufeff{GOOD}",
        GOOD.replace("\n", "\r\n"),
        f"---\n{GOOD}...\n",
        GOOD.rstrip("\n"),
        GOOD.replace("seed: 1", "seed: &one 1"),
        GOOD.replace("views: 1", "views: &one 1").replace("seed: 1", "seed: *one"),
        GOOD.replace("dataset: hostile", 'dataset: "\\u0068ostile"'),
    ):
        Path("params.yaml").write_text(text, encoding="utf-8", newline="")
        assert Config.read(Path("params.yaml")) == plain


def test_a_merge_may_be_overridden() -> None:
    file = Path("some.yaml")
    file.write_text("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\n")
    assert read_yaml(file) == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}}


@pytest.mark.parametrize("text", [LAUGHS, "filter: 1\nfilter: 2\n", "[", "filter: !!python/x a\n"])
def test_a_tuned_filter_is_held_to_the_same(text: str) -> None:
    Path("tuned.yaml").write_text(text)
    values = parameters(user="user", item="item")
    values["filter"]["source"] = "tuned.yaml"
    with pytest.raises(InputError, match=r"^tuned\.yaml[:,]"):
        Config.parse(values).with_tuned_filter()
