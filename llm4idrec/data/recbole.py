"""What RecBole's files say beside pairs and examples: typed headers, and a configuration."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from llm4idrec.data.lines import RECBOLE_LENGTH, write_lines

PAIR = "user_id:token\titem_id:token"
EXAMPLE = "user_id:token\titem_id_list:token_seq\titem_id:token"


def write_configuration(
    folder: Path, name: str, parts: Iterable[str], *, sequential: bool = False
) -> None:
    """`NAME.yaml`, for the files `NAME.PART.inter` beside it."""
    lines = [
        "# for RecBole: dataset is the name of this folder, data_path the folder above it",
        f"benchmark_filename: [{', '.join(parts)}]",
    ]
    if sequential:
        lines += [
            "load_col: {inter: [user_id, item_id_list, item_id]}",
            "alias_of_item_id: [item_id_list]",
            f"MAX_ITEM_LIST_LENGTH: {RECBOLE_LENGTH}",
        ]
    else:
        lines += ["load_col: {inter: [user_id, item_id]}"]
    write_lines(folder / f"{name}.yaml", pa.array(lines))
