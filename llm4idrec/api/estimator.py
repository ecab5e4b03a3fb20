"""A recommender that learns from a data frame, as scikit-learn's estimators do."""

from __future__ import annotations

from inspect import Parameter, Signature, cleandoc
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from llm4idrec.api.frames import arrow_values
from llm4idrec.api.source import FILE, Columns, OwnIds, Source, told_of_the_frame
from llm4idrec.api.surroundings import Workplace, own_random_numbers
from llm4idrec.config import DataConfig, parsed
from llm4idrec.config.recommenders import RecommenderConfig, TrainedConfig
from llm4idrec.data.formats import read_file
from llm4idrec.data.holdout import TRAIN, VALID, leave_last_out, random_shares
from llm4idrec.data.interactions import IntArray, Interactions
from llm4idrec.data.whole import Whole
from llm4idrec.errors import InputError
from llm4idrec.recommenders.base import Recommender, require_time
from llm4idrec.recommenders.ranking import NO_ITEM
from llm4idrec.recommenders.registry import RECOMMENDERS
from llm4idrec.recommenders.validation import Training, Validation
from llm4idrec.runtime.device import choose_device
from llm4idrec.runtime.threads import fixed_threads

_COMMON = {"seed": 2026, "device": "auto", "threads": 1}
_ABOUT = {
    "seed": "Everything random derives from it.",
    "device": "auto, cpu or cuda.",
    "threads": "Of the CPU; another number gives other last bits.",
    "epochs": (
        "Passes over the data. None: the latest item of each user (a tenth of them, at random, "
        "where there is no time) is held out first, the epochs with the best NDCG@20 on it are "
        "taken, and then all is learnt for so many."
    ),
}


class Estimator:
    """Base of all; `get_params`, `set_params` and `clone` are scikit-learn's."""

    kind: ClassVar[type[Recommender]]
    """What it is the frame's side of."""
    _defaults: ClassVar[dict[str, Any]]

    def __init__(self, **parameters: Any) -> None:
        """Raises `InputError` for a setting that is not known or cannot be used."""
        self._parameters = dict(self._defaults)
        self.set_params(**parameters)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """All settings; nothing lies deeper."""
        return dict(self._parameters)

    def set_params(self, **parameters: Any) -> Self:
        """Change some settings; `InputError` as for a new one."""
        changed = self._parameters | parameters
        self._settings_of(changed)
        self._parameters = changed
        return self

    def fit(self, frame: Any, *, user: str, item: str, timestamp: str | None = None) -> Self:
        """Learn the interactions of a frame from scratch; of a repeated pair the earliest counts.

        `frame` is a pandas or polars DataFrame, or anything that Arrow takes; the others name its
        columns. Sequential and generative models need a time. Raises `InputError` for what cannot
        be used.
        """
        parameters, settings = self._parameters, self._settings_of(self._parameters)
        interactions, ids, source = _read(frame, Columns(user, item, timestamp))
        if settings.needs_time:
            require_time(has_time=interactions.has_time)
        device = choose_device(parameters["device"]).type
        model = self.kind(settings, parameters["seed"], device)
        with own_random_numbers(), fixed_threads(parameters["threads"]):
            epochs = parameters.get("epochs")
            if epochs is None and isinstance(settings, TrainedConfig):
                epochs = _best_epoch(model, interactions, parameters["seed"])
            self.training_: Training = model.fit(interactions, epochs=epochs)
        self._fitted = model, interactions, ids, source
        return self

    def recommend(self, users: Any, k: int = 10) -> Any:
        """The k best items of each of `users`, IDs of the frame, that the user does not have.

        A frame of the kind that was learnt: user and item by their names there, and `rank` from 1;
        users in the order asked for. Fewer rows where fewer items are left. Raises `InputError` for
        users that were not learnt, and before `fit`.
        """
        if not hasattr(self, "_fitted"):
            raise InputError(f"this {type(self).__name__} has learnt nothing", remedy="call `fit`")
        model, interactions, ids, source = self._fitted
        numbers = _numbers(users, ids.user)
        with fixed_threads(self._parameters["threads"]):
            items = model.recommend(numbers, k, interactions)
        place, rank = np.nonzero(items != NO_ITEM)
        found = {
            ids.columns.user: ids.user.take(pa.array(numbers[place])),
            ids.columns.item: ids.item.take(pa.array(items[place, rank])),
            "rank": pa.array(rank + 1, pa.int32()),
        }
        return source.like_the_frame(pa.table(found))

    def __repr__(self) -> str:
        """What is not as it was shipped."""
        own = self._parameters.items()
        changed = (f"{name}={value!r}" for name, value in own if value != self._defaults[name])
        return f"{type(self).__name__}({', '.join(changed)})"

    def _settings_of(self, parameters: dict[str, Any]) -> RecommenderConfig:
        settings = {n: v for n, v in parameters.items() if n not in _ABOUT}
        return parsed(self.kind.settings_type, settings)


def estimator(name: str) -> type[Estimator]:
    """The class for one of `RECOMMENDERS`: signature and docstring are those of its settings."""
    kind = RECOMMENDERS[name]
    fields = kind.settings_type.model_fields
    defaults = {name: field.default for name, field in fields.items()} | _COMMON
    about = {name: str(field.description) for name, field in fields.items()} | _ABOUT
    if issubclass(kind.settings_type, TrainedConfig):
        defaults["epochs"] = None
    lines = [f"    {name}: {' '.join(about[name].split())}" for name in defaults]
    keywords = [Parameter(n, Parameter.KEYWORD_ONLY, default=v) for n, v in defaults.items()]
    members = {
        "kind": kind,
        "_defaults": defaults,
        "__doc__": "\n".join([cleandoc(kind.settings_type.__doc__ or ""), "", "Args:", *lines]),
        "__signature__": Signature(keywords),
        "__module__": "llm4idrec.estimators",
    }
    return type(kind.__name__, (Estimator,), members)


def _read(frame: Any, columns: Columns) -> tuple[Interactions, OwnIds, Source]:
    columns.require_free()
    work = Workplace(None)
    try:
        with told_of_the_frame(work.path):
            data = DataConfig(
                path=work.path / FILE, format="parquet", min_history=1, **columns._asdict()
            )
            source = Source.written(frame, columns, data)
            raw = read_file(data.train_file, data)
            whole = Whole.of(raw, data, seed=0)
            ids = source.own_ids(raw, whole.users["id"], whole.items["id"])
            return whole.interactions, ids, source
    finally:
        work.leave()


def _best_epoch(model: Recommender, interactions: Interactions, seed: int) -> int:
    """What is best for the latest items of the users, or for some where there is no time."""
    user, time = interactions.user, interactions.timestamp
    if time is None:
        part = random_shares(user, valid=0.1, test=0.0, rng=np.random.default_rng(seed))
    else:
        part = leave_last_out(user, time, np.arange(len(user)), test=False)
    if not (part == VALID).any():
        remedy = "give `epochs`, or take longer histories"
        raise InputError("no user has two items, to choose the epochs by", remedy=remedy)
    rest = interactions.take(part == TRAIN)
    heldout = interactions.take(part == VALID)
    return model.fit(rest, Validation(heldout, rest, (20,), "ndcg_at_20")).best_epoch


def _numbers(users: Any, known: pa.ChunkedArray) -> IntArray:
    """Of users, by their IDs, (n,); `InputError` names some that are not `known`."""
    kind = known.type.value_type if pa.types.is_dictionary(known.type) else known.type
    asked = arrow_values(users, kind)
    numbers = pc.index_in(asked, known.cast(kind).combine_chunks())
    if missing := asked.filter(pc.is_null(numbers)).to_pylist():
        some = ", ".join(map(repr, missing[:5])) + (", ..." if len(missing) > 5 else "")
        raise InputError(
            f"{len(missing)} of {len(asked)} users were not learnt ({some})",
            "users of the frame that `fit` was given",
            "leave them out",
        )
    return np.asarray(numbers.to_numpy(zero_copy_only=False), np.int32)
