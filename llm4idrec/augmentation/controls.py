"""Who else could propose items: sources that stand in the tuned language model's place.

They read what is known, and propose as the language model does; the same filter and merge follow.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch

from llm4idrec.augmentation.arms import BASE_MODEL, LANGUAGE_MODEL, SELF, source_of
from llm4idrec.augmentation.left_out import why_left_out
from llm4idrec.config import Config
from llm4idrec.config.recommenders import SASRecConfig
from llm4idrec.data.candidates import SCHEMA, shards
from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.data.protocol import lists_taken
from llm4idrec.generation.generator import Generation, generate_candidates
from llm4idrec.recommenders.base import ClosedForm, Recommender
from llm4idrec.recommenders.graph.svd import SVD
from llm4idrec.recommenders.item_based.ease import EASE
from llm4idrec.recommenders.item_based.itemknn import ItemKNN
from llm4idrec.recommenders.item_based.popularity import Popularity
from llm4idrec.recommenders.ranking import NO_ITEM, rank_scores
from llm4idrec.recommenders.sequential.sasrec import SASRec
from llm4idrec.recommenders.validation import Validation
from llm4idrec.runtime.device import choose_device
from llm4idrec.runtime.files import (
    fingerprint,
    read_json,
    replacing_file,
    replacing_folder,
    resumable_folder,
    write_json,
)
from llm4idrec.runtime.memory import rows_at_a_time
from llm4idrec.runtime.row_groups import read_pieces, write_pieces

# Not the registry's: what no control is shall not be among the code that a control depends on.
CLOSED_FORMS: dict[str, type[ClosedForm]] = {
    "popularity": Popularity,
    "itemknn": ItemKNN,
    "ease": EASE,
    "svd": SVD,
}
_BYTES_A_CANDIDATE = 150
CUTOFF = 20
"""Of the NDCG by which SASRec's epochs are chosen."""
EPOCHS = "sasrec_epochs"
"""Key of the summary: what SASRec was fitted for."""


def control_sources(arms: Iterable[str]) -> tuple[str, ...]:
    """Who proposes for them, each once, but for those whose candidates are made elsewhere: the
    tuned language model, and the recommender itself."""
    sources = dict.fromkeys(map(source_of, arms))
    return tuple(source for source in sources if source not in (LANGUAGE_MODEL, SELF))


@dataclass(frozen=True)
class Controls:
    """What shapes the candidates of sources that stand in the language model's place."""

    known: Path
    """Folder of the interactions that are known; no others are read."""
    base_model: Path
    """Folder of the language model that no adapter is put on."""
    config: Config
    """With the recommenders' settings as they are to be."""
    epochs: int | None = None
    """What SASRec is fitted for; None: what is best for each user's last known item."""

    def write(self, out: Path) -> None:
        """Write `SOURCE.parquet` (`candidates.SCHEMA`) of each source of `config.controls`, and
        `summary.json`.

        Each user with a history gets `generation.items` items; of the base model what `generation`
        says. Left out, with a line on stderr, are sasrec where the histories have no order to
        learn, and ease where the catalogue is too large for it. A killed call resumes after its
        last whole source. Raises `InputError` if `config.memory` GB do not do.
        """
        known = Interactions.read(self.known / "interactions.parquet")
        made: list[Path] = []
        summary: dict[str, int] = {}
        with resumable_folder(out, self._fingerprint()) as work:
            for source in control_sources(self.config.controls):
                if reason := why_left_out(source, known):
                    print(f"control {source}: left out, {reason}", file=sys.stderr)
                    continue
                made.append(file := work / f"{source}.parquet")
                if not file.exists():
                    print(f"control {source}", file=sys.stderr)
                    self._make(source, known, file)
                summary |= _counts(file)
            if (file := work / f"{EPOCHS}.json").is_file():
                summary[EPOCHS] = read_json(file)
            with replacing_folder(out) as folder:
                for file in made:
                    shutil.copyfile(file, folder / file.name)
                write_json(folder / "summary.json", summary)

    def _fingerprint(self) -> str:
        config, sources = self.config, control_sources(self.config.controls)
        shaping: dict[str, Any] = {
            name: settings.model_dump() for name, settings in config.control_settings.items()
        }
        if BASE_MODEL in sources:
            shaping |= {
                name: getattr(config, name).model_dump() for name in ("lists", "generation")
            }
        base = [self.base_model] if BASE_MODEL in sources else []
        return fingerprint(
            self.known,
            *base,
            **shaping,
            sources=sources,
            items=config.generation.items,
            seed=config.seed,
            epochs=self.epochs,
        )

    def _make(self, source: str, known: Interactions, file: Path) -> None:
        pieces = (
            self._base_model_candidates(file.with_suffix(""))
            if source == BASE_MODEL
            else self._ranked_candidates(source, known, file.parent)
        )
        with replacing_file(file) as partial:
            write_pieces(partial, SCHEMA, pieces)

    def _base_model_candidates(self, folder: Path) -> Iterator[pa.Table]:
        """Asked exactly as `generate` asks the tuned model; `folder` is for its shards."""
        config = self.config
        generation = Generation(
            self.known / "interactions.parquet",
            self.base_model,
            None,
            config=config.generation,
            lists=lists_taken(config.lists, self.known),
            seed=config.seed,
            device=config.device,
        )
        generate_candidates(generation, folder, threads=config.threads)
        for shard in shards(folder):
            yield from read_pieces(shard, rows_at_a_time(config.memory, _BYTES_A_CANDIDATE))

    def _ranked_candidates(
        self, source: str, known: Interactions, work: Path
    ) -> Iterator[pa.Table]:
        """The unseen items that a recommender, or (`random`) nothing, ranks highest."""
        n, users = self.config.generation.items, _users(known)
        if source == "random":
            ranked = _random_ranking(known, users, n=n, seed=self.config.seed)
        else:
            ranked = self._fitted(source, known, work).recommend(users, n, known)
        step = max(1, rows_at_a_time(self.config.memory, _BYTES_A_CANDIDATE) // n)
        for start in range(0, len(users), step):
            part = slice(start, start + step)
            yield _candidates(users[part], ranked[part])

    def _fitted(self, name: str, known: Interactions, work: Path) -> Recommender:
        """The recommender of that name on all that is known."""
        settings, seed = self.config.settings(name), self.config.seed
        device = choose_device(self.config.device).type
        if isinstance(settings, SASRecConfig):
            sasrec, epochs = fit_sasrec(
                known, settings, seed=seed, device=device, epochs=self.epochs
            )
            write_json(work / f"{EPOCHS}.json", epochs)
            return sasrec
        recommender = CLOSED_FORMS[name](settings, seed, device)
        recommender.learn(known)
        return recommender


def _random_ranking(known: Interactions, users: IntArray, *, n: int, seed: int) -> IntArray:
    """For each of `users`, `n` unseen items drawn uniformly, (len(users), n)."""
    draw = torch.Generator().manual_seed(seed)
    return rank_scores(
        lambda chunk: torch.rand(len(chunk), known.n_items, generator=draw),
        users,
        n,
        seen=known,
        n_items=known.n_items,
    )


def recommender_candidates(recommender: Recommender, known: Interactions, n: int) -> pa.Table:
    """For each user with a history, the `n` unseen items that a fitted recommender ranks highest.

    Rows of `candidates.SCHEMA` without votes, mentions and log-probability; fewer than `n` of a
    user where the recommender ranks fewer.
    """
    users = _users(known)
    return _candidates(users, recommender.recommend(users, n, known))


def fit_sasrec(
    known: Interactions,
    settings: SASRecConfig,
    *,
    seed: int,
    device: str,
    epochs: int | None = None,
) -> tuple[SASRec, int]:
    """SASRec on all of `known`, which has a time, and for how many epochs it was fitted.

    Where these are not given, as many as are best for each user's last item, which is held out for
    that.
    """
    recommender = SASRec(settings, seed, device)
    if epochs is None:
        last = known.offsets[1:][known.history_lengths > 1] - 1
        everything = np.arange(len(known))
        inner, heldout = known.take(np.delete(everything, last)), known.take(last)
        validation = Validation(heldout, inner, (CUTOFF,), f"ndcg_at_{CUTOFF}")
        epochs = recommender.fit(inner, validation).best_epoch
    recommender.fit(known, epochs=epochs)
    return recommender, epochs


def _users(known: Interactions) -> IntArray:
    return np.flatnonzero(known.history_lengths).astype(np.int32)


def _counts(file: Path) -> dict[str, int]:
    """How many candidates a source has, and of how many items."""
    item = pq.read_table(file, columns=["item"])["item"]
    return {
        f"{file.stem}_candidates": len(item),
        f"{file.stem}_items": pc.count_distinct(item).as_py(),
    }


def _candidates(users: IntArray, ranked: IntArray) -> pa.Table:
    """Rankings (len(users), n), best first, as rows of `candidates.SCHEMA`."""
    row, place = np.nonzero(ranked != NO_ITEM)
    item = pa.array(ranked[row, place], pa.int32())
    columns = {
        "user": pa.array(users[row]),
        "text": pc.binary_join_element_wise("i", item.cast(pa.string()), ""),
        "item": item,
        "rank": pa.array(place + 1, pa.int32()),
    }
    nothing = pa.nulls(len(item))
    return pa.table([columns.get(name, nothing) for name in SCHEMA.names], SCHEMA.names).cast(
        SCHEMA
    )
