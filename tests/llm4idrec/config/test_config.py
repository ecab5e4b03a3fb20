"""`params.yaml` is refused with the key, what it holds and what may stand there."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from llm4idrec.config import RENAMED, Config, DataConfig, FilterConfig
from llm4idrec.errors import InputError

PARAMS = Path(__file__).parents[3] / "params.yaml"
VALUES: dict[str, Any] = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))


def changed(key: str, value: Any) -> dict[str, Any]:
    values = deepcopy(VALUES)
    section = values
    *path, last = key.split(".")
    for name in path:
        section = section[name]
    section[last] = value
    return values


def test_params_yaml_is_read() -> None:
    config = Config.read(PARAMS)
    assert config.data.k_core == VALUES["data"]["k_core"]
    assert config.evaluation.amounts == tuple(VALUES["evaluation"]["amounts"])
    assert config.filter.popularity_exponents == tuple(VALUES["filter"]["popularity_exponents"])


def test_config_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Config.read(PARAMS).data.k_core = 3


@pytest.mark.parametrize(
    ("key", "given", "taken"),
    [
        ("recommenders", ["mf", "ease", "mf"], ("mf", "ease")),
        ("controls", ["self", "self"], ("self",)),
        ("tune.recommenders", ["mf", "mf"], ("mf",)),
        ("evaluation.amounts", [0.25, 0.1, 0.25], (0.25, 0.1)),
        ("evaluation.cutoffs", [20, 10, 20], (20, 10)),
        ("filter.popularity_exponents", [0, 1, 0.0], (0, 1)),
    ],
)
def test_what_is_repeated_counts_once(key: str, given: list[Any], taken: tuple[Any, ...]) -> None:
    value: Any = Config.parse(changed(key, given))
    for name in key.split("."):
        value = getattr(value, name)
    assert value == taken


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("data.k_cor", 5, "p.yaml: unknown key `data.k_cor`; expected a key that the parameters"),
        ("data.k_core", -1, "p.yaml: `data.k_core` is -1; expected greater than or equal to 0"),
        ("data.k_core", "x", "p.yaml: `data.k_core` is 'x'; expected a valid integer"),
        ("data.format", "xls", "p.yaml: `data.format` is 'xls'; expected 'csv', 'tsv', 'parquet'"),
        ("data.user", None, "p.yaml: `data`: format csv needs the column names `user` and `item`"),
        (
            "data.missing",
            [None],
            "p.yaml: `data.missing.0` is None; expected a text, in quotation marks, such as",
        ),
        (
            "data.where",
            {"event": [None]},
            "p.yaml: `data.where.event` is [None]; expected a text, in quotation marks, such as",
        ),
        ("data.test", "t.csv", "p.yaml: `data`: `test` is given without `train`"),
        ("data.sample_users", 0, "p.yaml: `data.sample_users` is 0; expected greater than 0"),
        ("split.valid", 1, "p.yaml: `split.valid` is 1; expected less than 1"),
        (
            "base_model.kind",
            "pretrained",
            "p.yaml: `base_model`: `name` goes with kind `pretrained`",
        ),
        (
            "base_model.id_tokens",
            True,
            "p.yaml: `base_model`: `id_tokens` is for kind",
        ),
        ("evaluation.selection_seeds", 9, "p.yaml: `evaluation`: `selection_seeds` is more than"),
        ("recommenders", "mf", "p.yaml: `recommenders` is 'mf'; expected a list, as in [1, 2] or"),
        ("evaluation.cutoffs", [], "p.yaml: `evaluation.cutoffs` is []; expected"),
        ("base_model.heads", 3, "p.yaml: `base_model`: `heads` does not divide `hidden_size`"),
        ("base_model.hidden_size", 12, "p.yaml: `base_model`: `heads` does not divide"),
        ("base_model.max_length", 3, "p.yaml: `base_model.max_length` is 3; expected greater"),
        ("adapter.target_modules", [], "p.yaml: `adapter.target_modules` is []; expected"),
        (
            "filter.popularity_exponents",
            [],
            "p.yaml: `filter.popularity_exponents` is []; expected",
        ),
        (
            "filter.popularity_exponents",
            [-1],
            "p.yaml: `filter.popularity_exponents.0` is -1; expected greater than",
        ),
        ("controls", ["mf"], "p.yaml: `controls.0` is 'mf'; expected 'language_model+ease', 'base"),
        ("recommenders", ["slim"], "p.yaml: `recommenders.0`: 'slim' is none of popularity, "),
        ("dataset", "a/b", "p.yaml: `dataset` is 'a/b'; expected"),
    ],
)
def test_bad_value(tmp_path: Path, key: str, value: Any, message: str) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(yaml.safe_dump(changed(key, value)), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        Config.read(file)
    assert str(caught.value).removeprefix(f"{tmp_path}/").startswith(message)


def test_missing_key() -> None:
    values = deepcopy(VALUES)
    del values["split"]
    with pytest.raises(InputError, match="key `split` is missing"):
        Config.parse(values)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read as YAML"),
        ("a: [1", "cannot be read as YAML"),
        ("- 1", "holds no parameters; expected keys and their values"),
        ("", "holds no parameters"),
    ],
)
def test_bad_file(tmp_path: Path, content: str | None, message: str) -> None:
    file = tmp_path / "params.yaml"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        Config.read(file)
    assert "\n" not in str(caught.value)


def test_files_of_the_data() -> None:
    one = DataConfig(path=Path("a.txt"), format="selfrec_graph")
    assert (one.train_file, one.test_file) == (Path("a.txt"), None)
    two = DataConfig(path=Path("d"), train="x", test="y", format="selfrec_graph")
    assert (two.train_file, two.test_file) == (Path("d/x"), Path("d/y"))


def sections(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from sections(field.annotation)


def test_every_key_is_documented() -> None:
    undocumented = [
        f"{model.__name__}.{name}"
        for model in sections(Config)
        for name, field in model.model_fields.items()
        if not field.description
        and not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel))
    ]
    assert undocumented == []


TUNED = """filter: {min_votes: 3, agreement: 0.5, popularity_exponents: [0.7], max_ratio: 0.2}
evaluation: {amounts: [0.2]}
"""


def test_a_tuned_filter_replaces_the_filter_and_the_amounts(tmp_path: Path) -> None:
    file = tmp_path / "tuned.yaml"
    file.write_text(TUNED)
    config = Config.read(PARAMS)
    assert config.with_tuned_filter() is config
    values = config.model_dump(mode="json")
    values["filter"] |= {"source": str(file), "max_items": 5}
    tuned = Config.parse(values).with_tuned_filter()
    assert tuned.filter == FilterConfig(
        source=file, min_votes=3, agreement=0.5, popularity_exponents=(0.7,), max_ratio=0.2
    )
    assert tuned.evaluation == config.evaluation.model_copy(update={"amounts": (0.2,)})
    file.write_text(TUNED + "seed: 1\n")
    with pytest.raises(InputError, match="unknown key `seed`"):
        Config.parse(values).with_tuned_filter()


def test_a_tuned_filter_with_a_key_of_before(tmp_path: Path) -> None:
    file = tmp_path / "tuned.yaml"
    file.write_text(TUNED.replace("popularity_exponents", "popularity"))
    values = Config.read(PARAMS).model_dump(mode="json")
    values["filter"]["source"] = str(file)
    with pytest.raises(InputError) as caught:
        Config.parse(values).with_tuned_filter()
    assert str(caught.value) == (
        f"{file}: unknown key `filter.popularity`; expected a key that the parameters know (see "
        "llm4idrec/config/); it is now called `filter.popularity_exponents`"
    )


def test_new_names_are_keys() -> None:
    values = Config.read(PARAMS).model_dump(mode="json")
    for old, new in RENAMED.items():
        section, _, name = new.partition(".")
        assert name in values[section]
        assert old.partition(".")[2] not in values[section]


def test_a_range_of_the_search_ascends() -> None:
    values = Config.read(PARAMS).model_dump(mode="json")
    values["tune"]["min_votes"] = [2, 1]
    with pytest.raises(InputError, match="the first number must be below the second"):
        Config.parse(values)
