"""Tables and figures of the report, as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def figure(caption: str, chart: str) -> str:
    """`chart` is HTML; the caption is text."""
    return f"<figure><figcaption>{escape(caption)}</figcaption>{chart}</figure>"


def details(summary: str, content: str) -> str:
    """`content`, which is HTML, closed until its summary, a text, is chosen; open on paper."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def table(caption: str, head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Cells are HTML; the caption is text."""
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    names = "".join(f"<th>{name}</th>" for name in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in line)}</tr>" for line in lines)
    top = f"<thead><tr>{names}</tr></thead>" if any(head) else ""
    return f'<div class="scroll"><table>{title}{top}<tbody>{body}</tbody></table></div>'


def number(value: float) -> str:
    """Whole numbers with commas, others to three digits."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"
