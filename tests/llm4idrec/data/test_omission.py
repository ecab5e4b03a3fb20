"""What is left out of a request in parts is told as of the whole."""

from __future__ import annotations

from llm4idrec.data.omission import Omission


def test_parts_together_say_what_the_whole_says() -> None:
    ids = ["b", "a", "b", 7, "c", "d", "e"]
    for cut in range(len(ids) + 1):
        parts = [Omission.of("things", part, "see") for part in (ids[:cut], ids[cut:])]
        assert Omission.together(parts) == Omission.of("things", ids, "see")
    said = "things, left out: 7 ('b', 'a', 7, 'c', 'd', ...); see"
    assert str(Omission.of("things", ids, "see")) == said
    parts = [Omission.of("things", ids, "see"), Omission.of("things", ids)]
    assert Omission.together(parts).advice is None
