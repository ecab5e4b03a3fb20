"""What each arm of a comparison may add, from the candidates of replicates to files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from llm4idrec.augmentation.arms import LANGUAGE_MODEL, SELF, has_ease, source_of
from llm4idrec.augmentation.candidate_files import CandidateFiles
from llm4idrec.augmentation.filter_files import in_order, users_at_a_time
from llm4idrec.augmentation.filtering import PROPOSED, CandidateFilter
from llm4idrec.augmentation.merging import ARMS, with_relative_ranks
from llm4idrec.augmentation.replicate_files import source_files
from llm4idrec.runtime.row_groups import Sections, write_pieces


def proposed_arms(controls: Sequence[str]) -> list[str]:
    """The language model alone, and those of `controls` whose candidates are made before the
    evaluation: all but those of `self`."""
    return [LANGUAGE_MODEL, *(arm for arm in controls if source_of(arm) != SELF)]


def write_arms(
    replicates: Sequence[Path],
    arms: Sequence[str],
    accepting: CandidateFilter,
    *,
    folder: Path,
    memory: float,
) -> None:
    """Write `REPLICATE.parquet` (`merging.ARMS`) for each of `replicates`, folders that the stage
    `replicate` made, which all know what `accepting` does.

    Each arm is accepted by itself, in every order of candidates, with EASE's agreement if its name
    says so. The files go into `folder`, which is there; `memory` is what the process may take, in
    GB (10^9 bytes). Raises `InputError` if it does not do, or a file is something else.
    """
    files, wanted = {}, {}
    for replicate, arm in product(replicates, arms):
        found = source_files(replicate, source_of(arm))
        if found:
            name = f"{replicate.name}/{source_of(arm)}"
            files[name] = CandidateFiles(found, PROPOSED)
            wanted[f"{replicate.name}/{arm}"] = name, _weight(arm, accepting)
    orders = accepting.config.popularity_exponents
    rows = sum(source.rows for source in files.values())
    with ExitStack() as stack:
        apart = Path(stack.enter_context(TemporaryDirectory(dir=folder)))
        sections = {}
        for replicate in replicates:
            (apart / replicate.name).mkdir()
            its = Sections(apart / replicate.name, ARMS, product(arms, orders))
            sections[replicate.name] = stack.enter_context(its)
        for first, end in users_at_a_time(accepting, rows, memory):
            proposed = {name: source.of_users(first, end) for name, source in files.items()}
            for name, (accepted, _) in accepting.accept_each(proposed, wanted).items():
                replicate_name, _, arm = name.partition("/")
                for order, table in _rows(arm, accepted, accepting):
                    sections[replicate_name].add((arm, order), table)
        for name, section in sections.items():
            write_pieces(folder / f"{name}.parquet", ARMS, section.pieces())


def accepted_of(arm: str, candidates: pa.Table, accepting: CandidateFilter) -> pa.Table:
    """What an arm may add of candidates that are made where they are needed, in every order, with
    relative ranks."""
    accepted, _ = accepting.accept(candidates, agreement=_weight(arm, accepting))
    return with_relative_ranks(accepted, accepting.known)


def _weight(arm: str, accepting: CandidateFilter) -> float:
    """Of EASE's agreement."""
    return accepting.config.agreement if has_ease(arm) else 0.0


def _rows(
    arm: str, accepted: pa.Table, accepting: CandidateFilter
) -> Iterator[tuple[float, pa.Table]]:
    """Of each order of candidates, as rows of `ARMS`."""
    for order in accepting.config.popularity_exponents:
        table = with_relative_ranks(in_order(accepted, order), accepting.known)
        named = table.append_column("arm", pa.repeat(arm, len(table)))
        yield order, named.select(ARMS.names)
