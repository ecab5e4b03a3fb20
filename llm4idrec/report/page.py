"""A page of HTML that needs nothing beside itself: no network, no script."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from string import Template

from llm4idrec.runtime.files import replacing_file

HEADING = re.compile(r'<h2 id="([a-z]+)">([^<]+)</h2>')


def write_page(path: Path, title: str, body: str) -> None:
    """`title` is text, `body` is HTML; its headings that have an `id` are the table of contents."""
    links = (f'<li><a href="#{name}">{text}</a></li>' for name, text in HEADING.findall(body))
    skeleton = Template(Path(__file__).with_suffix(".html").read_text(encoding="utf-8"))
    with replacing_file(path) as partial:
        text = skeleton.substitute(title=escape(title), contents="".join(links), body=body)
        partial.write_text(text, encoding="utf-8")
