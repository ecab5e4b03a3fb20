"""Does every relative link, image and anchor of the documentation lead somewhere?

`python .ci/links.py` prints those that do not and ends with 1. Addresses of the network are not
asked. An anchor is what GitHub makes of a heading; mkdocs.yml has the site make the same.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

REPO = Path(__file__).resolve().parents[1]
FENCE = re.compile(r"^(```+|~~~+).*?^\1\s*$", re.DOTALL | re.MULTILINE)
INLINE_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
LINK = re.compile(r"\]\(\s*<?([^\s)>]*)>?(?:\s+\"[^\"]*\")?\s*\)|(?:src|href)=\"([^\"]+)\"")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*\s*$", re.MULTILINE)
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)


def pages(repo: Path) -> list[Path]:
    """The Markdown of the root, of `docs/` and of `stacks/`."""
    return sorted([*repo.glob("*.md"), *repo.glob("docs/**/*.md"), *repo.glob("stacks/*.md")])


def links(text: str) -> list[str]:
    """What a page links to or shows, in its order; nothing of what stands in code."""
    prose = INLINE_CODE.sub("`code`", FENCE.sub("", text))
    return [linked or shown for linked, shown in LINK.findall(prose)]


def anchors(text: str) -> set[str]:
    """Of the headings of a page; one that comes again has a number behind it."""
    found: dict[str, int] = {}
    for heading in HEADING.findall(FENCE.sub("", text)):
        words = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        anchor = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        found[anchor] = found.get(anchor, -1) + 1
    return {f"{name}-{n}" if n else name for name, times in found.items() for n in range(times + 1)}


def broken(repo: Path) -> Iterator[str]:
    """A line for each link that leads nowhere."""
    for page in pages(repo):
        for link in links(page.read_text(encoding="utf-8")):
            if ELSEWHERE.match(link):
                continue
            name, _, anchor = unquote(link).partition("#")
            target = page.parent / name if name else page
            told = f"{page.relative_to(repo)}: {link}"
            if not target.resolve().is_relative_to(repo.resolve()) or not target.exists():
                yield f"{told} is not there"
            elif anchor and anchor not in anchors(target.read_text(encoding="utf-8")):
                yield f"{told}: the page has no such heading"


if __name__ == "__main__":
    lines = list(broken(REPO))
    print("\n".join(lines) or f"every link of {len(pages(REPO))} pages leads somewhere")
    sys.exit(bool(lines))
