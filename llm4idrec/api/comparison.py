"""A frame of interactions under the verdict: does a language model's augmentation pay?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llm4idrec.api.parameters import Settings, parameters
from llm4idrec.api.source import Columns, Source, told_of_the_frame
from llm4idrec.api.surroundings import Workplace, own_random_numbers, talking
from llm4idrec.api.verdict import Verdict

RECOMMENDERS = ("ials", "ease", "itemknn")


def compare(  # noqa: PLR0913, the whole of what a person may say
    frame: Any,
    *,
    user: str,
    item: str,
    timestamp: str | None = None,
    recommenders: Sequence[str] = RECOMMENDERS,
    seed: int = 2026,
    settings: Settings | None = None,
    progress: bool = True,
    folder: Path | str | None = None,
) -> Verdict:
    """Whether items that a language model adds help recommenders, and what to serve.

    The whole flow, as the command `run` has it: a validation and a test set are held out (by time,
    where there is one), the recommenders' settings are searched, a language model and its rivals
    propose items, validation chooses how many are added, and the test tells what that gives. With
    the shipped settings that takes ten minutes for 100,000 interactions on two cores.

    Args:
        frame: A row for each interaction: a pandas or polars DataFrame, or anything that Arrow
            takes. IDs are texts or whole numbers.
        user: Name of the column of users.
        item: Name of the column of items.
        timestamp: Name of the column of times, numbers, dates or ISO 8601; None: there is none.
        recommenders: Those to compare on, by their names in `params.yaml`; one of your own has a
            section of its name in `settings` (docs/guide/own-recommender.md).
        seed: Everything random derives from it.
        settings: What is changed in `params.yaml`, nested as there, such as
            `{"replicates": {"runs": 3}}`. `llm4idrec.config.template.template()` shows all keys.
            Users with too few interactions to be split are left out.
        progress: Whether stages, bars and remarks on the data go to stderr.
        folder: Where the files of the stages are kept; a call with the same arguments then goes on
            where an earlier one stopped. None: a temporary folder, as long as the verdict is used.

    Raises:
        InputError: The frame or a setting cannot be used; the sentence says what to do.

    >>> from llm4idrec.api.examples import SMALL, shop
    >>> verdict = compare(
    ...     shop(), user="customer", item="article", recommenders=["ease"], settings=SMALL,
    ...     progress=False,
    ... )
    >>> verdict.gains.column_names[:5]
    ['recommender', 'metric', 'amount', 'original', 'augmented']
    """
    from llm4idrec.flow import run_flow

    columns = Columns(user, item, timestamp)
    columns.require_free()
    given = {"seed": seed, "recommenders": list(recommenders)}
    work = Workplace(folder)
    try:
        with talking(progress=progress), told_of_the_frame(work.path), own_random_numbers():
            config = parameters(columns, work.path, given=given, settings=settings)
            source = Source.written(frame, columns, config.data)
            run_flow(config, work.path, say=_unsaid)
            return Verdict(work, source, config)
    except BaseException:
        work.leave()
        raise


def _unsaid(text: str) -> None:
    """The verdict says it."""
