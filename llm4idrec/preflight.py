"""What parameters, this machine and the train set decide before the work begins.

Hours later the stages would raise the same, by the very functions that are called here. The check
shapes no output, so no stage of `dvc.yaml` depends on it: it is made at the start of each.
"""

from __future__ import annotations

from pathlib import Path

from llm4idrec.config import Config, ListsConfig
from llm4idrec.config.own import OwnConfig
from llm4idrec.config.presets import ADAPTER_PRESETS
from llm4idrec.config.recommenders import GenerativeConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.data.protocol import lists_foreseen, lists_taken
from llm4idrec.data.split import require_protocol
from llm4idrec.errors import InputError
from llm4idrec.language_model.prompts import require_order, require_prompts
from llm4idrec.runtime.memory import rows_at_a_time

# Modules that load torch are imported where there is something for them to check.


def check_parameters(config: Config) -> None:
    """Raises `InputError` for what the parameters alone rule out."""
    require_protocol(config.data, config.split)
    lists = lists_foreseen(config)
    _require_time(config)
    if lists is not None:
        require_order(lists, has_time=config.data.has_time)
        _require_votes(config, lists)
    _require_tunable(config)
    rows_at_a_time(config.memory, 1)


def check_base_model(config: Config) -> None:
    """Raises `InputError` for a base model that is not to be had or does not fit the adapter."""
    model, adapter = config.base_model, config.adapter
    if model.name is not None:
        from llm4idrec.language_model.pretrained import require_base_model

        require_base_model(model.name, model.revision)
    elif list(adapter.target_modules) != ADAPTER_PRESETS[adapter.preset]["target_modules"]:
        from llm4idrec.language_model.adapter import require_modules

        require_modules(model, adapter)


def check_recommenders(config: Config) -> None:
    """Raises `InputError` for a pretrained model, or a function of the user's, that is not to be
    had."""
    for settings in map(config.settings, _wanted(config)):
        if isinstance(settings, OwnConfig) and settings.function is not None:
            from llm4idrec.own.function import load_function

            load_function(settings.function)
        if isinstance(settings, GenerativeConfig) and settings.name is not None:
            from llm4idrec.language_model.pretrained import is_cached
            from llm4idrec.recommenders.generative.model import t5_config

            if not is_cached(settings.name):
                t5_config(settings.name)


def check_train(config: Config, train: Path) -> None:
    """Raises `InputError` for what the file of train interactions rules out."""
    interactions = Interactions.read(train)
    require_prompts(interactions)
    _require_votes(config, lists_taken(config.lists, train.parent))
    wanted = _wanted(config)
    if "ease" in wanted:
        from llm4idrec.recommenders.item_based import ease
        from llm4idrec.runtime.device import choose_device

        ease.require_memory(interactions.n_items, choose_device(config.device))
    if "ials" in wanted:
        from llm4idrec.recommenders.graph import ials

        n_users, n_items = interactions.n_users, interactions.n_items
        ials.require_memory(n_users, n_items, config.ials.embedding_size)


def _wanted(config: Config) -> list[str]:
    """The recommenders that will be trained for an evaluation or a tuning."""
    return list(dict.fromkeys((*config.recommenders, *config.tune.recommenders)))


def _require_time(config: Config) -> None:
    if config.data.has_time or not any(config.settings(n).needs_time for n in _wanted(config)):
        return
    from llm4idrec.recommenders.base import require_time

    require_time(has_time=False)


def _require_votes(config: Config, lists: ListsConfig) -> None:
    """Of lists whose order is not auto."""
    views, samples = config.generation.asked(lists)
    max_votes = views * samples
    if config.filter.min_votes > max_votes:
        raise InputError(
            f"filter.min_votes is {config.filter.min_votes}, more votes than a candidate can get",
            f"at most {max_votes}, as there are `generation.views` and `generation.samples`",
            "lower it, or raise generation.views",
        )


def _require_tunable(config: Config) -> None:
    if not config.tune.recommenders:
        return
    from llm4idrec.tuning.filter_tuning import first_choices, require_in_range

    known = config.filter.min_log_probability is None
    cut = 0.0 if known else config.tune.least_probable[0]  # what it cuts off is known later
    require_in_range(first_choices(config.filter, config.evaluation, cut), config.tune)
