"""Added pairs that are held out too: a framework that hides its training file cannot hit them."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import Literal, NamedTuple

import numpy as np

from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.export.material import Material

NOTE = "READ-ME-FIRST.txt"
"""In the exported folder, where there is such a pair."""
_WIDTH = 100
_BEYOND = 100
"""Items that a ranking needs for each user, without what the user is known to have."""


class Reader(NamedTuple):
    """A framework, and what it makes of its training file when it ranks."""

    name: str
    files: tuple[str, ...]
    """For training: what validation is of, then, if there is one, what the test is of."""
    added: Literal["hidden", "continued", "unknown"]
    """Items that were added are not ranked; or stand in the history that is continued; or the
    framework does not know of them when it ranks."""


_WHY = {
    "hidden": (
        "{name} leaves out of its ranking whatever stands in its training file: there an added "
        "pair that is held out can never be a hit, so {name}'s own figures are too low."
    ),
    "continued": (
        "{name} continues, at the test too, the sequences that it was trained on, added items in "
        "them. An added item that is held out stands there already, and a model that never saw an "
        "item twice does not suggest it again, so {name}'s own figures are too low."
    ),
}
_HISTORIES = {
    "hidden": "",
    "continued": """\
The trained model may continue the sequences that it was trained on, as this package's own do, or
the original ones, without added items. Those are written by
    python -m llm4idrec export --format {format} --data original --to original{ids}

""",
}
_NOTE = """\
{counts}

{why}

Do not compare those figures. This package can measure what the model ranks.

{histories}\
Take from the trained model, with nothing left out, either

- a ranking: for each user the best items, a line `user item` each, best first. {longest} items a
  user are enough: the longest history, and {beyond} more. Then
    python -m llm4idrec score --ranking ranking.txt{ids}

- or its vectors, in a folder: users.txt and items.txt, a line `number v1 v2 ...` each, or users.npy
  and items.npy, where row k is of number k{numbers}. Then
    python -m llm4idrec score --vectors FOLDER

`score` leaves out what each user is known to have, as for every recommender of this package. The
same of a training on the original data (`export --data original`) goes behind --against:
    python -m llm4idrec score --ranking ranking.txt --against original.txt{ids}
"""


def held_out_counts(material: Material, reader: Reader) -> str | None:
    """How many added pairs are held out, by training file; None if none is, or the framework does
    not mind."""
    if reader.added == "unknown":
        return None
    user, item = material.refitted.user, material.refitted.item
    new = ~material.original.contains(user, item)
    parts = [
        (material.generated, (material.valid, material.test)),
        ((user[new], item[new]), (material.test,)),
    ]
    counted = [
        (file, len(pairs[0]), _among(pairs, held))
        for file, (pairs, held) in zip(reader.files, parts, strict=False)
    ]
    if not any(n for _, _, n in counted):
        return None
    told = ", ".join(f"{n} of {added} in {file}" for file, added, n in counted)
    return f"added pairs that are held out: {told}"


def held_out_warning(counts: str, reader: Reader) -> str:
    """What `export` says, in one line; `counts` are those of `held_out_counts`."""
    why = _WHY[reader.added].format(name=reader.name)
    return f"{counts}. {why} What to do is in its {NOTE}"


def held_out_note(material: Material, counts: str, *, format: str, reader: Reader) -> str:
    """The same as a text to be read beside the files, with the commands."""
    longest = material.refitted.history_lengths + material.valid.history_lengths
    by_number = material.meanings is not None
    ids = " --ids numbers" if by_number else ""
    return _NOTE.format(
        counts=f"{counts[0].upper()}{counts[1:]}.",
        why=fill(_WHY[reader.added].format(name=reader.name), _WIDTH),
        longest=int(longest.max()) + _BEYOND,
        beyond=_BEYOND,
        ids=ids,
        numbers="" if by_number else " (of an export with `--ids numbers`)",
        histories=_HISTORIES[reader.added].format(format=format, ids=ids),
    )


def _among(pairs: tuple[IntArray, IntArray], held_out: Sequence[Interactions]) -> int:
    return sum(int(np.count_nonzero(part.contains(*pairs))) for part in held_out)
