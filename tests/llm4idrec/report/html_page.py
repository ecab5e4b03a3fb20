"""A page as a test reads it."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta"}


class Page(HTMLParser):
    """Checks that tags match; gathers text, attributes and where the sections begin."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.values: list[tuple[str, str]] = []
        self.headings: dict[str, int] = {}
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.values += [(name, value or "") for name, value in attrs]
        if tag == "h2":
            self.headings[dict(attrs).get("id") or ""] = len(self.texts)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, text: str) -> None:
        self.texts.append(text)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    @property
    def links(self) -> list[str]:
        return [value for name, value in self.values if name == "href"]

    def section(self, heading: str) -> str:
        """The text from the heading of that ID to the next heading."""
        start = self.headings[heading]
        stop = min((s for s in self.headings.values() if s > start), default=len(self.texts))
        return " ".join(" ".join(self.texts[start:stop]).split())
