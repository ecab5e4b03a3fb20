"""Which texts are users and items."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.config import DataConfig
from llm4idrec.data.shown import shown
from llm4idrec.data.source import Source
from llm4idrec.errors import InputError

LONGEST_ID = 4096
MISSING = (
    *("nan", "NaN", "NAN", "-nan", "-NaN", "NaT", "<NaT>", "pd.NA"),
    *("null", "Null", "NULL", "(null)", "(NULL)", "[null]", "[NULL]", "<null>", "<NULL>", r"\N"),
    *("none", "None", "NONE", "nil", "undefined"),
    *("NA", "N/A", "n/a", "<NA>", "#N/A", "#NA", "#N/A N/A", "#NULL!", "#REF!", "#VALUE!"),
    *("1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN", "__HIVE_DEFAULT_PARTITION__"),
)
"""What programs write for a value that they do not have."""


def require_ids(table: pa.Table, data: DataConfig, source: Source) -> None:
    """`InputError` at the first user, else item, that is missing or endless."""
    words = pa.array(["", *(MISSING if data.missing is None else data.missing)], pa.string())
    for role in ("user", "item"):
        ids = table[role]
        remedy = "mend or remove the line"
        missing = pc.is_null(ids) if ids.null_count else pc.is_in(ids, words)
        if ids.null_count:
            place = _first(missing)
            found, expected, remedy = "null", "a value", "fill or drop the row"
        elif (place := _first(missing)) >= 0:
            word = ids[place].as_py()
            missing = pc.equal(ids, word)
            found, expected = shown(word) if word else "empty", "an ID"
            if word and data.missing is None:
                remedy += ", or set data.missing to [] if it is one"
        elif (pc.max(pc.binary_length(ids)).as_py() or 0) > LONGEST_ID:
            place = _first(pc.greater(pc.binary_length(ids), LONGEST_ID))
            found, expected = shown(ids[place].as_py()), f"at most {LONGEST_ID} bytes"
        else:
            continue
        where = source.place(table["line"][place].as_py())
        more = _elsewhere(missing, table)
        raise InputError(f"the {role} is {found}{more}", expected, remedy, **where)


def _elsewhere(missing: pa.ChunkedArray, table: pa.Table) -> str:
    """In how many more rows, or lines of several interactions, the value is missing."""
    more = pc.count_distinct(table["line"].filter(missing)).as_py() - 1
    return f", as in {more} more row{'s' if more > 1 else ''}" if more > 0 else ""


def _first(true: pa.ChunkedArray) -> int:
    place: int = pc.index(true, True).as_py()
    return place
