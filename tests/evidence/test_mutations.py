"""That the table of mutations fits the code, and that the runner tells a caught one from others."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.evidence.mutate import REPO, caught
from tests.evidence.mutations import MUTATIONS, Mutation
from tests.tree import copy_tree

PAIRED = next(m for m in MUTATIONS if m.says == "the test is unpaired")


def test_each_rule_has_at_least_two() -> None:
    counts = Counter(mutation.rule for mutation in MUTATIONS)
    assert sorted(counts) == [1, 2, 3, 4, 5, 6, 7]
    assert min(counts.values()) >= 2
    assert len({mutation.says for mutation in MUTATIONS}) == len(MUTATIONS)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.says)
def test_each_can_be_put_into_the_code_and_names_a_test(mutation: Mutation, tmp_path: Path) -> None:
    copied = tmp_path / mutation.file
    copied.parent.mkdir(parents=True, exist_ok=True)
    copied.write_text((REPO / mutation.file).read_text(encoding="utf-8"), encoding="utf-8")
    mutation.apply(tmp_path)
    text = copied.read_text(encoding="utf-8")
    assert mutation.new in text
    if copied.suffix == ".py":
        compile(text, mutation.file, "exec")
    file, _, test = mutation.test.partition("::")
    assert f"def {test}(" in (REPO / file).read_text(encoding="utf-8")


def test_what_the_code_no_longer_has_is_an_error(tmp_path: Path) -> None:
    copy_tree(tmp_path)
    with pytest.raises(ValueError, match="found 0 times"):
        replace(PAIRED, old="wilcoxon(").apply(tmp_path)
    with pytest.raises(ValueError, match="found 5 times"):
        replace(PAIRED, old="\ndef ").apply(tmp_path)


@pytest.mark.slow
def test_a_mutation_is_caught_only_if_an_assertion_fails() -> None:
    """All of them are tried by `python -m tests.evidence.mutate`, as in `.ci/run`."""
    assert caught(PAIRED)
    assert not caught(replace(PAIRED, new="p_value = mean_test(original - augmented)"))
    with pytest.raises(ValueError, match="crashes"):
        caught(replace(PAIRED, new="p_value = no_such_test(augmented)"))
