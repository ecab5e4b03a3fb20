"""What a program is given to learn from: training data alone, nothing of what is held out."""

from __future__ import annotations

from pathlib import Path

from llm4idrec.data import recbole
from llm4idrec.data.interactions import Interactions
from llm4idrec.data.lines import (
    Words,
    example_lines,
    in_order,
    pair_lines,
    pairs_of,
    sequence_lines,
    write_lines,
)


def write_training(folder: Path, train: Interactions, *, format: str) -> None:
    """What `export --ids numbers` writes of train pairs, into an empty folder.

    - `selfrec_graph`: `train.txt`, `user item 1` a line.
    - `selfrec_sequential`: `train.txt`, `user:item item ...` a line, in time order.
    - `recbole`: `NAME.train.inter` and `NAME.yaml`, where NAME is that of the folder.
    - `recbole_sequential`: the same, a line for each item that has a history.
    """
    words, sequential = Words.numbers(train.n_users, train.n_items), format.endswith("_sequential")
    if format.startswith("selfrec"):
        lines = (
            sequence_lines(words, [train], ":")
            if sequential
            else pair_lines(words, pairs_of(train), " ", "1")
        )
        write_lines(folder / "train.txt", lines)
        return
    lines = (
        example_lines(words, in_order([train]))
        if sequential
        else pair_lines(words, pairs_of(train), "\t")
    )
    header = recbole.EXAMPLE if sequential else recbole.PAIR
    write_lines(folder / f"{folder.name}.train.inter", lines, header)
    recbole.write_configuration(folder, folder.name, ["train"], sequential=sequential)
