"""Original or augmented data in files that other frameworks read without being changed.

Held-out pairs are written as they are, with items that nobody has in train. Two things differ from
this package's own evaluation, for augmented data. Graph and general models are not asked for what
stands in their train file: there a generated pair that is held out cannot be a hit, and
`held_out_too` counts such pairs. SELFRec, OpenP5 and LLM-RecSys-ID continue the sequences that they
train on: generated items are in the history at the test too.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from llm4idrec.errors import InputError
from llm4idrec.export import pairs, sequences
from llm4idrec.export.material import Material
from llm4idrec.runtime.files import real_path, replacing_folder

_SPACE = r"[\x09-\x0d\x1c-\x20\x{85}\p{Z}]"
_MISSING = (  # what pandas takes for a missing value, and RecBole's padding
    r"^(#N/A|#N/A N/A|#NA|-1\.#IND|-1\.#QNAN|-NaN|-nan|1\.#IND|1\.#QNAN|<NA>|N/A|NA|NULL|NaN|None"
    r"|n/a|nan|null|\[PAD\])$"
)
_RECBOLE = (rf'{_SPACE}|"|{_MISSING}', "no white space, no quotation marks, no NA")


class Format(NamedTuple):
    """What a framework reads."""

    write: Callable[[Material, Path, str], None]
    """Writes files into a folder; the last argument is the name of the data set."""
    refused: str
    """Regular expression for what an ID may not hold."""
    rule: str
    """The same in words."""
    refused_item: str | None = None
    """Regular expression for items only, where it is another."""
    heldout: sequences.Heldout | None = None
    """Formats of sequences: how many items a user must have in validation and test each."""


FORMATS: dict[str, Format] = {
    "selfrec_graph": Format(pairs.selfrec_graph, _SPACE, "no white space"),
    "selfrec_sequential": Format(
        sequences.selfrec_sequential,
        f"{_SPACE}|:",
        "no white space, no colons",
        heldout="at most one",
    ),
    "recbole": Format(pairs.recbole, *_RECBOLE),
    "recbole_sequential": Format(sequences.recbole_sequential, *_RECBOLE, heldout="at most one"),
    "openp5": Format(sequences.openp5, _SPACE, "no white space", heldout="exactly one"),
    "llm_recsys_id": Format(
        sequences.llm_recsys_id,
        _SPACE,
        "no white space in users, and whole numbers for items",
        refused_item=r"[^0-9]|^0.",
        heldout="exactly one",
    ),
}


def export_data(material: Material, to: Path, *, format: str, protocol: str) -> dict[str, int]:
    """Write the folder `to` in a format of `FORMATS`, whole or not at all; return counts.

    `protocol` is that of the split. RecBole's data set is named as the folder is.

    Raises `InputError` for a folder that holds something, and for IDs and held-out sets that the
    format cannot hold.
    """
    rules = FORMATS[format]
    to = real_path(to)
    if (to.is_symlink() or to.exists()) and not (to.is_dir() and not any(to.iterdir())):
        raise InputError("is there already", "a new folder", "remove it or name another", file=to)
    _require_ids("user", material.users, rules.refused, format=format)
    _require_ids("item", material.items, rules.refused_item or rules.refused, format=format)
    if rules.heldout:
        sequences.require_one_held_out(material, format, protocol, heldout=rules.heldout)
    with replacing_folder(to) as folder:
        rules.write(material, folder, to.name)
        for name, table in (material.meanings or {}).items():
            numbers = pa.array(np.arange(len(table)))
            pyarrow.csv.write_csv(table.add_column(0, "number", numbers), folder / f"{name}.csv")
    return {
        "train_pairs": len(material.train),
        "generated_pairs": len(material.generated[0]),
        "valid_pairs": len(material.valid),
        "test_pairs": len(material.test),
        "held_out_too": sum(
            int(np.count_nonzero(part.contains(*material.generated)))
            for part in (material.valid, material.test)
        ),
    }


def _require_ids(role: str, ids: pa.Array, refused: str, *, format: str) -> None:
    place = pc.index(pc.match_substring_regex(ids, refused), True).as_py()
    if place >= 0:
        raise InputError(
            f"the {role} is {ids[place].as_py()!r}",
            f"{FORMATS[format].rule}, as {format} is read",
            "add `--ids numbers`",
        )
