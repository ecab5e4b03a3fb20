"""Rows that a language model of IDs adds to a frame of interactions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm4idrec.api.parameters import Settings, parameters
from llm4idrec.api.source import Columns, OwnIds, Source, told_of_the_frame
from llm4idrec.api.surroundings import Workplace, own_random_numbers, talking
from llm4idrec.artifacts import CANDIDATES, GENERATIONS, INTERACTIONS, KNOWN, places
from llm4idrec.runtime.files import read_table, replacing_folder

if TYPE_CHECKING:
    import pyarrow as pa

    from llm4idrec.config import Config
    from llm4idrec.data.interactions import Interactions

GENERATED = "generated"
"""The origin of added rows."""
GENERATING = ("base_model", "prompts", "adapter", "generate")
"""The stages from what is known to candidates."""


def augment(  # noqa: PLR0913, the whole of what a person may say
    frame: Any,
    *,
    user: str,
    item: str,
    timestamp: str | None = None,
    amount: float = 0.25,
    seed: int = 2026,
    settings: Settings | None = None,
    progress: bool = True,
    folder: Path | str | None = None,
) -> Any:
    """Interactions that a language model of IDs adds to those of a frame.

    A small causal language model learns the users' lists of items, an adapter is tuned on it
    (LoRA), and both propose items that a user does not have. Nothing is held out for a test: all
    interactions are learnt from. Only to find out when to stop, the base model keeps the last tenth
    of the lists of a fifth of the users (200 at least) to itself; the adapter is tuned on these
    too.

    Nothing is measured here: `compare` tells whether added rows help a recommender, and which
    amount validation chooses.

    Args:
        frame: A row for each interaction: a pandas or polars DataFrame, or anything that Arrow
            takes. IDs are texts or whole numbers.
        user: Name of the column of users.
        item: Name of the column of items.
        timestamp: Name of the column of times, numbers, dates or ISO 8601. The lists are learnt in
            this order, else in a random one.
        amount: Most added rows of a user, as a ratio to the user's interactions (0.25: one to
            four). It is `filter.max_ratio`.
        seed: Everything random derives from it: the same rows, seed and machine give the same.
        settings: What is changed in `params.yaml`, nested as there, such as
            `{"data": {"k_core": 2}}`. `llm4idrec.config.template.template()` shows all keys.
        progress: Whether stages, bars and remarks on the data go to stderr.
        folder: Where the files of the stages are kept, base model and adapter among them; a call
            with the same arguments then goes on where an earlier one stopped. None: a temporary
            folder.

    Returns:
        The added rows alone, a frame of the same kind (an Arrow table for others than pandas and
        polars), users in the order of `frame`. Columns: user and item with their names and types;
        `rank`, 1 for what is added to the user first; `origin`, which is `generated`, so that a row
        can be told from the original ones in one table. Users and items outside of the 5-core
        (`data.k_core`) take no part.

    Raises:
        InputError: The frame or a setting cannot be used; the sentence says what to do.

    >>> from llm4idrec.api.examples import SMALL, shop
    >>> added = augment(shop(), user="customer", item="article", settings=SMALL, progress=False)
    >>> added.column_names
    ['customer', 'article', 'rank', 'origin']
    """
    columns = Columns(user, item, timestamp)
    columns.require_free()
    given = {"seed": seed, "filter": {"max_ratio": amount}}
    work = Workplace(folder)
    try:
        with talking(progress=progress), told_of_the_frame(work.path), own_random_numbers():
            config = parameters(columns, work.path, given=given, settings=settings)
            source = Source.written(frame, columns, config.data)
            return source.like_the_frame(_added(source, config, work.path))
    finally:
        work.leave()


def _added(source: Source, config: Config, work: Path) -> pa.Table:
    from llm4idrec import preflight
    from llm4idrec.data.protocol import lists_foreseen
    from llm4idrec.flow import run_stage
    from llm4idrec.stages import STAGES

    preflight.check_parameters(config)
    preflight.check_base_model(config)
    known, ids = _known(source, config, work)
    config = config.model_copy(update={"lists": lists_foreseen(config)})
    for stage in map(STAGES.__getitem__, GENERATING):
        print(f"{stage.name}: {stage.about}", file=sys.stderr)
        run_stage(stage, config, work, resume=True)
    accepted = _accepted(known, config, work)
    added = {"rank": accepted["rank"], "origin": [GENERATED] * len(accepted)}
    return ids.table(accepted["user"], accepted["item"], added)


def _known(source: Source, config: Config, work: Path) -> tuple[Interactions, OwnIds]:
    """All interactions, which the stages then find in `work`, and their IDs."""
    from llm4idrec.data.formats import read_file
    from llm4idrec.data.whole import Whole
    from llm4idrec.language_model.prompts import require_prompts

    raw = read_file(config.data.train_file, config.data)
    whole = Whole.of(raw, config.data, config.seed)
    known = whole.interactions
    require_prompts(known)
    part = f"{known.n_users} users, {known.n_items} items, {len(known)} interactions"
    print(f"learnt from: {part}, of {len(raw)} rows", file=sys.stderr)
    known.write(places([KNOWN], config, work)[KNOWN] / INTERACTIONS)
    return known, source.own_ids(raw, whole.users["id"], whole.items["id"])


def _accepted(known: Interactions, config: Config, work: Path) -> pa.Table:
    """Those candidates of the language model that pass the filter, in the first of its orders."""
    from llm4idrec.augmentation.candidate_files import CandidateFiles
    from llm4idrec.augmentation.filter_files import filter_files
    from llm4idrec.augmentation.filtering import PROPOSED, CandidateFilter
    from llm4idrec.data.candidates import shards

    order = {"popularity_exponents": config.filter.popularity_exponents[:1]}
    accepting = CandidateFilter(known, config.filter.model_copy(update=order))
    at = places([GENERATIONS, CANDIDATES], config, work)
    generated = CandidateFiles(shards(at[GENERATIONS]), PROPOSED)
    with replacing_folder(at[CANDIDATES]) as folder:
        filter_files(generated, accepting, folder=folder, memory=config.memory)
    return read_table(at[CANDIDATES] / "candidates.parquet")
