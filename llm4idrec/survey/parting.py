"""How the lines of a text are parted into cells, and whether the first one names the columns."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from llm4idrec.data.formats.layout import STAND_IN
from llm4idrec.survey.column import is_number
from llm4idrec.survey.names import EXACTLY, Role, name_score

SEPARATORS = ("\t", "::", ";", "|", ",")
"""The likelier first; a space only where none of them parts the lines."""
_REGULAR = 0.95
"""Share of the lines that have the same number of cells; the reader says which have not."""
_LINES = 2_000
_ROLES: tuple[Role, ...] = ("user", "item", "timestamp", "rating", "event")
_RECBOLE = re.compile(r"^[^:\s]+:(token|float|token_seq|float_seq)$")
_USER_COLON = re.compile(r"^[^\s:]+: *[^\s:]+( [^\s:]+)* *$")


@dataclass(frozen=True)
class Parting:
    """What stands between cells, and whether a quotation mark is one."""

    separator: str
    quoted: bool = True

    def rows(self, lines: Iterable[str]) -> list[list[str]]:
        """The cells of lines, trimmed; lines without any are left out."""
        mark = self.separator if len(self.separator) == 1 else STAND_IN
        plain = (
            lines if mark == self.separator else (x.replace(self.separator, mark) for x in lines)
        )
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE
        reader = csv.reader(plain, delimiter=mark, quoting=quoting)
        return [[cell.strip() for cell in row] for row in reader if row]


def parting_of(lines: Sequence[str]) -> Parting | None:
    """The separator that makes most columns of nearly all lines; None if none makes two."""
    head = lines[:_LINES]
    quotes = any('"' in line for line in head)
    best: tuple[int, Parting] | None = None
    for separator in SEPARATORS:
        for quoted in (True, False) if quotes else (True,):
            parting = Parting(separator, quoted)
            width = _width(parting.rows(head))
            if best is None or width > best[0]:
                best = width, parting
            if width > 1:
                break
    if best is not None and best[0] > 1:
        return best[1]
    spaced = Parting(" ", quotes)
    rows = spaced.rows(head)
    one_space = all(all(row) for row in rows)
    return spaced if one_space and _width(rows) > 1 and not _is_list_a_user(rows) else None


def _width(rows: list[list[str]]) -> int:
    """The cells that nearly every row has, else 0."""
    if not rows:
        return 0
    width, count = Counter(map(len, rows)).most_common(1)[0]
    return width if count >= _REGULAR * len(rows) else 0


def _is_list_a_user(rows: list[list[str]]) -> bool:
    """Whether rows are a user and items: nobody has two rows, and they are longer than pairs."""
    return len(rows) > 1 and len({row[0] for row in rows}) == len(rows) and len(rows[0]) > 4


def words_format(lines: Sequence[str]) -> str | None:
    """The format, if lines are words whose place says what they mean; None if they are not."""
    head = [line for line in lines[:_LINES] if line.strip()]
    if head and all(_USER_COLON.match(line.replace("\t", " ").strip()) for line in head):
        return "selfrec_sequential"
    rows = [line.split() for line in head]
    if not rows or min(map(len, rows)) < 2:
        return None
    widths = set(map(len, rows))
    if len(widths) > 1 or _is_list_a_user(rows):
        users = {row[0] for row in rows}
        return "llm_recsys_sequential" if len(users) == len(rows) else None
    constant = widths == {3} and len({row[2] for row in rows}) == 1 and is_number(rows[0][2])
    return "selfrec_graph" if widths == {2} or constant else None


def is_recbole(cells: Sequence[str]) -> bool:
    """Whether a header is one of RecBole's atomic files."""
    return len(cells) > 1 and all(map(_RECBOLE.match, cells))


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns.

    It does if some name is a usual one, or stands above numbers; it does not if it holds a number.
    Else the question is whether its cells are found again below, as IDs are.
    """
    first, below = rows[0], rows[1:_LINES]
    if list(first) in ([str(n) for n in range(len(first))], ["", *map(str, range(len(first) - 1))]):
        return True  # what pandas writes where there are no names
    if any(name_score(cell, role) >= EXACTLY for cell in first for role in _ROLES):
        return True
    if any(map(is_number, first)) or not below:
        return False
    columns = list(zip(*(row for row in below if len(row) == len(first)), strict=True))
    if any(sum(map(is_number, column)) > 0.9 * len(column) for column in columns):
        return True
    return not any(cell in column for cell, column in zip(first, columns, strict=False))
