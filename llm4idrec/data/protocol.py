"""How the split was made, for those that come after it: what `auto` has become."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from llm4idrec.config import Config, ListsConfig
from llm4idrec.errors import InputError
from llm4idrec.runtime.files import read_json, write_json

PROTOCOL = "protocol.json"
"""File in the train folder: the protocol that was taken."""
AUTO: Final = "auto"
RANDOM: Final = "random"
USER_TIME: Final = "user_time"
LEAVE_LAST_OUT: Final = "leave_last_out"
GLOBAL_TIME: Final = "global_time"


def write_protocol(train: Path, protocol: str) -> None:
    """Into the folder of the train interactions."""
    write_json(train / PROTOCOL, {"protocol": protocol})


def protocol_taken(protocol: str, train: Path) -> str:
    """`split.protocol`, or for auto what the split took, by the folder of the train interactions.

    Raises `InputError` if that folder does not say.
    """
    if protocol != AUTO:
        return protocol
    file = train / PROTOCOL
    if not file.is_file():
        expected, remedy = "the protocol that the split took", "run the stage `prepare` again"
        raise InputError("there is no such file", expected, remedy, file=file)
    return str(read_json(file)["protocol"])


def protocol_name(config: Config, train: Path) -> str:
    """How test sets came about, for reports; `train` is as in `protocol_taken`."""
    taken = protocol_taken(config.split.protocol, train)
    return f"{taken}, given test" if config.data.test else taken


def lists_taken(lists: ListsConfig, train: Path) -> ListsConfig:
    """`lists` with the order that auto stands for: time where what is held out is the future;
    `train` is as in `protocol_taken`."""
    if lists.order != AUTO:
        return lists
    return _ordered(lists, protocol_taken(AUTO, train))


def lists_foreseen(config: Config) -> ListsConfig | None:
    """The same before the split; None where the data have to be seen first."""
    if config.lists.order != AUTO:
        return config.lists
    protocol = config.split.protocol
    if protocol == AUTO:
        if not config.data.has_time:
            protocol = RANDOM
        elif config.data.test:
            return None
        else:
            protocol = USER_TIME  # or another by time
    return _ordered(config.lists, protocol)


def _ordered(lists: ListsConfig, protocol: str) -> ListsConfig:
    order = "shuffled" if protocol == RANDOM else "time"
    return lists.model_copy(update={"order": order})
