import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm4idrec.config import ListsConfig, PromptsConfig
from llm4idrec.errors import InputError
from llm4idrec.language_model.prompt_files import PackedPrompts, read_prompts, write_prompts
from llm4idrec.language_model.prompts import Prompt, build_prompts
from tests.llm4idrec.arrays import interactions
from tests.llm4idrec.some_prompts import prompts, row, table

KNOWN = """\
{"user": 0, "kind": "fully", "prompt": "u0:i11,i3,", "answer": "i0,i7"}
{"user": 0, "kind": "randomly", "prompt": "u0:i0,", "answer": "i11,i3"}
{"user": 2, "kind": "fully", "prompt": "u2:i9,", "answer": "i4,i2"}
{"user": 2, "kind": "randomly", "prompt": "u2:i2,i9,", "answer": "i4"}
"""


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
@given(written=st.lists(prompts, max_size=5))
def test_files_read_back_exactly(
    suffix: str, written: list[Prompt], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("prompts") / f"prompts.{suffix}"
    write_prompts(path, [table(part) for part in (written[:1], written[1:]) if part])
    assert list(read_prompts(path)) == written
    if suffix == "jsonl":
        lines = [json.dumps(row(prompt)) + "\n" for prompt in written]
        assert path.read_text() == "".join(lines)


def test_a_known_file(tmp_path: Path) -> None:
    """A seed means the same prompts for good."""
    train = interactions(np.repeat([0, 1, 2], [4, 2, 3]), [7, 3, 11, 0, 5, 6, 2, 9, 4], (3, 12))
    config = PromptsConfig(per_user=2, fully_share=0.5, subset_length=3)
    path = tmp_path / "prompts.jsonl"
    write_prompts(path, build_prompts(train, config, ListsConfig(users=True), seed=2026))
    assert path.read_text() == KNOWN


@pytest.mark.parametrize(
    "line",
    ["", "[]", "not json", json.dumps({"prompt": "Hello", "answer": "i3", "kind": "fully"})],
)
def test_a_line_that_is_no_prompt_is_named(
    line: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("bad") / "prompts.jsonl"
    write_prompts(path, [table([Prompt(1, "fully", (1,), (2,))])])
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(InputError, match=r"prompts\.jsonl"):
        read_prompts(path)


@given(st.lists(prompts, min_size=1, max_size=5))
def test_packed_prompts_are_the_prompts(some: list[Prompt]) -> None:
    packed = PackedPrompts(some)
    assert [packed[row] for row in range(len(packed))] == some
    assert packed[-1] == some[-1]
    with pytest.raises(IndexError):
        packed[len(some)]
    history, answer = packed.lengths
    assert history.tolist() == [len(prompt.history) for prompt in some]
    assert answer.tolist() == [len(prompt.answer) for prompt in some]
    assert packed.n_items == 1 + max(max(p.history + p.answer) for p in some)
