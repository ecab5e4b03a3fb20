"""The page around the report and the tuning: its contents, and colours that can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from llm4idrec.report import page
from llm4idrec.report.page import write_page
from tests.llm4idrec.report.html_page import Page

CSS = Path(page.__file__).with_suffix(".html").read_text(encoding="utf-8")
TEXT = {
    "paper": ("ink", "soft", "link", "yes", "no", "open"),
    "panel": ("ink", "soft", "yes", "no", "open"),
}
MARKS = ("model", "control", "original", "head", "middle", "a1", "a2", "a3", "a4", "a5")


def themes() -> list[dict[str, str]]:
    """The colours by name, in light and in dark."""
    blocks = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    return [dict(re.findall(r"--([\w]+): (#[0-9a-f]{3,6})", block)) for block in blocks]


def luminance(color: str) -> float:
    """As WCAG 2 has it."""
    digits = color.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    parts = (int(digits[k : k + 2], 16) / 255 for k in (0, 2, 4))
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_of_known_colours() -> None:
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("theme", themes(), ids=["light", "dark"])
def test_colours_can_be_told_apart(theme: dict[str, str]) -> None:
    """4.5 for text is WCAG's level AA; what is drawn has numbers beside it, and gets along with
    less."""
    for ground, names in TEXT.items():
        for name in names:
            assert contrast(theme[name], theme[ground]) >= 4.5, (name, ground)
    for name in MARKS:
        assert contrast(theme[name], theme["paper"]) >= 2.2, name
    assert contrast(theme["model"], theme["control"]) >= 2


def test_dark_is_for_screens_only() -> None:
    assert len(themes()) == 2
    assert "@media screen and (prefers-color-scheme: dark)" in CSS


def test_contents_are_the_headings(tmp_path: Path) -> None:
    body = '<h2 id="one">First</h2><p>$9</p><h2 id="two">Second</h2>'
    write_page(tmp_path / "page.html", "A & B", body)
    made = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert made.links == ["#one", "#two"]
    assert made.text.endswith("First Second A & B First $9 Second")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
