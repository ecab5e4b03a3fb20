"""One experiment: which fits there are, and how a process of its own runs one of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from llm4idrec.augmentation.choice import ORIGINAL_DATA, Augmentation
from llm4idrec.augmentation.controls import SELF, recommender_candidates
from llm4idrec.augmentation.filtering import accepted_items, filter_candidates
from llm4idrec.augmentation.merging import with_relative_ranks
from llm4idrec.config import EvaluationConfig, FilterConfig
from llm4idrec.config.recommenders import EASEConfig, RecommenderConfig
from llm4idrec.data.interactions import IntArray
from llm4idrec.evaluation.data import AUGMENTED, CONTROLS, Data
from llm4idrec.metrics.popularity_bands import (
    band_recalls,
    band_shares,
    item_bands,
    mean_popularity,
)
from llm4idrec.metrics.ranking import coverage, metrics_in_catalogue, user_metrics
from llm4idrec.recommenders.base import Recommender
from llm4idrec.recommenders.registry import RECOMMENDERS, new_recommender, trainings
from llm4idrec.recommenders.validation import Validation
from llm4idrec.runtime.files import (
    fingerprint,
    read_json,
    replacing_file,
    replacing_folder,
    write_json,
)

CANDIDATES = 100
"""Items that a recommender proposes to itself for each user, or more if more are needed."""
PAIRS = "generated.parquet"


class Fit(NamedTuple):
    """One training; as a string, its name in histories and folders."""

    augmentation: Augmentation
    """What is added to the original pairs."""
    seed: int
    """Which of the seeds, from 0."""
    control: str | None = None
    """The control that the generated items are of; None: the language model."""

    def __str__(self) -> str:
        name = f"{self.augmentation}/seed={self.seed}"
        return name if self.control is None else f"{self.control}/{name}"


@dataclass(frozen=True)
class Experiment:
    """What a process needs to run any fit of one recommender; plain data, cheap to send."""

    train_file: Path
    heldout: Path
    augmented: Path
    recommender: str
    settings: RecommenderConfig
    evaluation: EvaluationConfig
    filter: FilterConfig
    """With `ease`: how the candidates of `self` are filtered and ordered."""
    ease: EASEConfig
    controls: tuple[str, ...]
    """Controls that are fitted with the augmentation chosen for the language model."""
    seed: int
    device: str
    fits: Path = Path("fits")
    """Each fit leaves its results in this folder, under its name."""

    @property
    def metric(self) -> str:
        """Column that chooses epochs and the augmentation."""
        return self.evaluation.metric

    @property
    def augmentations(self) -> list[Augmentation]:
        """What validation chooses from; first nothing, last the most."""
        added = {
            Augmentation(a, p)
            for a in self.evaluation.amounts
            for p in self.filter.popularity_exponents
        }
        return [ORIGINAL_DATA, *sorted(added)]

    @property
    def seeds(self) -> int:
        """Trainings on each data set: one where the seed means nothing."""
        return trainings(self.recommender, self.evaluation.seeds)

    def fingerprint(self, data: Data) -> str:
        """Of all that shapes a fit; `data` is what `read_data` gives."""
        files = [self.train_file, self.heldout / "valid.parquet", self.heldout / "test.parquet"]
        files += [self.augmented / AUGMENTED]
        files += [self.augmented / CONTROLS] if data.control_names else []
        return fingerprint(
            *files,
            recommender=self.recommender,
            settings=self.settings.model_dump(mode="json"),
            evaluation=self.evaluation.model_dump(mode="json", exclude={"workers"}),
            filter=self.filter.model_dump(mode="json"),
            ease=self.ease.model_dump(mode="json"),
            controls=self.controls,
            seed=self.seed,
            device=self.device,
        )

    def read_data(self) -> Data:
        return Data.read(
            self.train_file,
            self.heldout,
            self.augmented,
            controls=self.controls,
            popularity_exponents=self.filter.popularity_exponents,
            placement=self.evaluation.placement,
        )

    def new_recommender(self, fit: Fit) -> Recommender:
        """An untrained one; fits with equal `Fit.seed` draw equal random numbers."""
        return new_recommender(
            self.recommender, self.settings, seed=self.seed, nth=fit.seed, device=self.device
        )

    def select(self, fit: Fit) -> None:
        """Train, early stopping on validation -> `model/`, `valid.parquet` (the selection metric of
        each user) and `training.json`, if not there yet.

        A fit of the control `self` needs that of the original data with the same seed.
        """
        if (self.fits / str(fit)).exists():
            return
        data = self.read_data()
        generated = self._generated(fit, data)
        train = data.training_set(generated, fit.augmentation)
        recommender = self.new_recommender(fit)
        validation = Validation(data.valid, data.train, self.evaluation.cutoffs, self.metric)
        training = recommender.fit(train, validation)
        about = asdict(training) | {"generated_pairs": len(train) - len(data.train)}
        with replacing_folder(self.fits / str(fit)) as folder:
            recommender.save(folder / "model")
            by_user = {self.metric: validation.by_user(recommender)[self.metric]}
            pq.write_table(pa.table(by_user), folder / "valid.parquet")
            write_json(folder / "training.json", about)
            if fit.control == SELF:
                pq.write_table(generated, folder / PAIRS)

    def test(self, fit: Fit) -> None:
        """Rank for the test users, once -> `test.parquet` and `test.json`, if not there yet.

        Every fit must be selected before the first is tested.
        """
        folder = self.fits / str(fit)
        if (folder / "test.json").exists():
            return
        data = self.read_data()
        if self.evaluation.refit:
            recommender = self.new_recommender(fit)
            epochs = read_json(folder / "training.json")["best_epoch"]
            generated = self._generated(fit, data)
            train = data.training_set(generated, fit.augmentation, with_valid=True)
            recommender.fit(train, epochs=epochs)
            recommender.save(folder / "model")
        else:
            recommender = RECOMMENDERS[self.recommender].load(folder / "model", self.device)
        users, cutoffs = data.test_users, self.evaluation.cutoffs
        ranked = recommender.recommend(users, max(cutoffs), data.train_and_valid)
        metrics = user_metrics(ranked, users, data.test, cutoffs=cutoffs)
        with replacing_file(folder / "test.parquet") as file:
            pq.write_table(pa.table({"user": users, **metrics}), file)
        write_json(folder / "test.json", self._beyond_users(ranked, data))

    def _beyond_users(self, ranked: IntArray, data: Data) -> dict[str, float]:
        """Numbers of the test rankings that have no value for a single user, or not for each."""
        cutoffs = self.evaluation.cutoffs
        k = max(cutoffs)
        numbers = {f"coverage_at_{n}": coverage(ranked[:, :n], data.train.n_items) for n in cutoffs}
        bands = item_bands(data.train)
        numbers |= metrics_in_catalogue(
            ranked, data.test_users, data.test, n_items=data.train.n_items, cutoffs=cutoffs
        )
        recalls = band_recalls(ranked, data.test_users, data.test, bands=bands)
        numbers |= {f"recall_at_{k}_{band}": recall for band, recall in recalls.items()}
        shares = band_shares(ranked, bands)
        numbers |= {f"share_at_{k}_{band}": share for band, share in shares.items()}
        return numbers | {f"popularity_at_{k}": mean_popularity(ranked, data.train)}

    def _generated(self, fit: Fit, data: Data) -> pa.Table:
        """What stands beside the train set, with the columns user, item, popularity_exponent and
        relative_rank."""
        if fit.control != SELF:
            return data.pairs(fit.control)
        # A refit has replaced the model they come from by one that knows validation.
        kept = self.fits / str(fit) / PAIRS
        return pq.read_table(kept) if kept.is_file() else self._own_best(fit.seed, data)

    def _own_best(self, seed: int, data: Data) -> pa.Table:
        """Items that the recommender, trained on the original data, finds best for each user; as
        many as the language model's, through the same filter."""
        model = self.fits / str(Fit(ORIGINAL_DATA, seed)) / "model"
        recommender = RECOMMENDERS[self.recommender].load(model, self.device)
        max_items = accepted_items(data.generated, data.train)
        n = max(CANDIDATES, int(max_items.max()))
        candidates = recommender_candidates(recommender, data.train, n)
        accepted, _ = filter_candidates(
            candidates, data.train, self.filter, ease=self.ease, max_items=max_items
        )
        return with_relative_ranks(accepted, data.train).select(
            ["user", "item", "popularity_exponent", "relative_rank"]
        )
