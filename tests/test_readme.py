"""What README.md and the guide say about settings and files; `.ci/readme.py` runs the commands."""

from __future__ import annotations

import ast
import inspect
import re
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

import llm4idrec
from llm4idrec.config import Config

REPO = Path(__file__).resolve().parents[1]
GUIDE = REPO / "docs/guide"
PAGES = {
    page.name: page.read_text(encoding="utf-8")
    for page in [REPO / "README.md", *GUIDE.glob("*.md")]
}
MAP = PAGES["map.md"]
SETTINGS = [
    pytest.param(block, id=f"{name}-{number}")
    for name, text in PAGES.items()
    for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL))
]


@pytest.mark.parametrize("block", SETTINGS)
def test_settings_are_accepted_beside_the_others(block: str) -> None:
    params = yaml.safe_load((REPO / "params.yaml").read_text())
    for section, values in yaml.safe_load(block).items():
        own = params.get(section, {})
        params[section] = own | values if isinstance(values, dict) else values
    Config.parse(params)


@pytest.mark.parametrize("package", ["llm4idrec", "pipelines"])
def test_the_map_says_of_every_folder_what_its_docstring_says(package: str) -> None:
    for file in (REPO / package).rglob("*/__init__.py"):
        said = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
        assert said is not None
        line = said.partition("\n")[0].removesuffix(".")
        assert f"`{file.parent.name}/` | {line} |" in MAP


@pytest.mark.parametrize("package", ["llm4idrec", "pipelines"])
def test_the_map_names_what_lies_in_no_folder(package: str) -> None:
    words = set(re.findall(r"\w+", MAP))
    modules = {path.stem for path in (REPO / package).glob("*.py")} - {"__init__", "__main__"}
    assert modules <= words


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_the_files_it_speaks_of_are_there(name: str) -> None:
    folders = "docs|stacks|data|llm4idrec|steps|pipelines|tests"
    files = re.findall(rf"`((?:{folders})/[\w./-]*)`", PAGES[name])
    assert [file for file in files if not (REPO / file).exists()] == []


def test_the_readme_is_short_and_says_how_to_begin() -> None:
    readme = PAGES["README.md"]
    assert len(readme.split()) < 1200
    for words in ("make run", "make test", "make test-all", "no account, no\nGPU", "Python 3.11"):
        assert words.replace("\n", " ") in " ".join(readme.split())


def calls(block: str) -> Iterator[tuple[str, set[str]]]:
    """Of what is imported from the library: name and keywords."""
    tree = ast.parse(block)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id, {keyword.arg for keyword in node.keywords if keyword.arg}


def test_the_lines_of_python_call_what_there_is() -> None:
    blocks = [b for text in PAGES.values() for b in re.findall(r"```py\n(.*?)```", text, re.DOTALL)]
    found = [call for block in blocks for call in calls(block) if hasattr(llm4idrec, call[0])]
    assert {name for name, _ in found} >= {"augment", "compare"}
    for name, keywords in found:
        assert keywords <= set(inspect.signature(getattr(llm4idrec, name)).parameters)


def test_every_page_of_the_guide_is_run_or_has_a_reason_not_to_be() -> None:
    run = runpy.run_path(str(REPO / ".ci/readme.py"))
    assert {page.name for page in run["PAGES"]} ^ set(run["OTHERS"]) == set(PAGES)
    assert "make run" in run["commands"](PAGES["README.md"])


Broken = Callable[[Path], Iterator[str]]


@pytest.fixture
def broken() -> Broken:
    function: Broken = runpy.run_path(str(REPO / ".ci/links.py"))["broken"]
    return function


def test_every_link_leads_somewhere(broken: Broken) -> None:
    assert list(broken(REPO)) == []


def test_links_that_lead_nowhere_are_told(broken: Broken, tmp_path: Path) -> None:
    (tmp_path / "docs/deep").mkdir(parents=True)
    (tmp_path / "docs/deep/there.md").write_text("# A `word`, or two\n\n## Same\n\n## Same\n")
    (tmp_path / "README.md").write_text(
        "[a](docs/deep/there.md#a-word-or-two) [b](docs/deep/there.md#same-1) [c](#own)\n"
        "[d](https://example.org/gone) `[e](code)`\n\n```\n[f](block)\n```\n\n# Own\n\n"
        "[one](gone.md) [two](docs/deep/there.md#same-2) ![three](docs/gone.png)\n"
        '<img src="docs/none.svg"> [four](../outside.md)\n'
    )
    told = [line.removeprefix("README.md: ").split()[0].rstrip(":") for line in broken(tmp_path)]
    assert told == [
        "gone.md",
        "docs/deep/there.md#same-2",
        "docs/gone.png",
        "docs/none.svg",
        "../outside.md",
    ]
