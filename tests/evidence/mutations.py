"""Ways to break each rule of evidence, and the test that must fail then.

`python -m tests.evidence.mutate` breaks them, one at a time, in a copy of the tree.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mutation:
    """`old`, which stands once in `file`, gives way to `new`; `test` is what pytest runs."""

    rule: int
    says: str
    file: str
    old: str
    new: str
    test: str

    def apply(self, root: Path) -> None:
        """Raises `ValueError` unless `old` stands exactly once in the file."""
        path = root / self.file
        text = path.read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            found = f"found {text.count(self.old)} times in {self.file}"
            raise ValueError(f"{self.says}: {self.old!r} is {found}; expected once")
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")


def _evidence(rule: str, test: str) -> str:
    return f"tests/evidence/test_rule_{rule}.py::{test}"


SEES_TRAIN = _evidence("1_train_only", "test_what_is_held_out_shapes_no_byte_of_what_is_added")
CHOOSES = _evidence("1_train_only", "test_validation_shapes_no_byte_of_what_it_chooses_by")
AGAIN = _evidence("1_train_only", "test_before_the_test_everything_is_trained_again")
DISJOINT = _evidence("1_train_only", "test_train_and_held_out_pairs_are_disjoint")
LATER = _evidence("1_train_only", "test_what_is_held_out_by_time_is_later")
FUTURE = _evidence("1_train_only", "test_the_future_shapes_no_train_pair")
HIT = _evidence("2_original_train", "test_a_generated_item_can_be_a_hit")
CATALOGUE = _evidence("2_original_train", "test_the_catalogue_is_that_of_the_original_train")
REFITTED = (
    "tests/llm4idrec/evaluation/test_experiment.py::"
    "test_a_refit_knows_validation_and_is_of_the_mean_epochs"
)
CONTINUED = (
    "tests/llm4idrec/evaluation/test_experiment.py::"
    "test_a_sequential_recommender_continues_what_it_was_trained_on"
)
NO_CHOICE = _evidence("3_chosen_on_validation", "test_the_test_set_shapes_no_choice")
NUMBERS = _evidence("4_shuffled_ids", "test_numbers_say_nothing_about_the_ids_as_given")
MOMENT = _evidence("4_shuffled_ids", "test_items_of_one_moment_do_not_stand_by_number")
PROBE = _evidence(
    "4_shuffled_ids",
    "test_the_probe_finds_what_ids_as_given_give_away_and_the_numbers_do_not",
)
ALONE = _evidence("5_controls", "test_each_arm_is_accepted_by_itself_by_the_same_rule")
OWN_SEED = _evidence("5_controls", "test_each_training_has_a_seed_of_its_own")
RIVALS = _evidence(
    "6_significance", "test_it_takes_a_language_model_only_ahead_of_each_rival_alone"
)
TAIL = "tests/llm4idrec/language_model/test_tail.py::test_the_tail_teaches_nothing"
COUNTED = _evidence("7_rates_are_reported", "test_invalid_duplicate_and_seen_are_counted")
HIT_RATE = _evidence(
    "7_rates_are_reported",
    "test_the_validation_hit_rate_of_what_is_added_is_on_the_page",
)

WITH_HELD_OUT = """    held = Interactions.read({known}.parent{up} / "heldout" / "{part}.parquet")
    inside = held.item < interactions.n_items
    interactions = interactions.union(held.user[inside], held.item[inside], held.timestamp[inside])
"""

_BUILT = "        built = build_prompts(interactions, config.prompts, lists, seed=config.seed)\n"
_BY_TIME = (
    "    n_valid, n_test = _shares(np.bincount(user), valid, test)\n"
    "    return _from_the_end(user, np.lexsort((line, {})), n_valid=n_valid, n_test=n_test)\n"
)
_KNOWN_BY_CONTROLS = '        known = Interactions.read(self.known / "interactions.parquet")\n'


def _inside(lines: str) -> str:
    """The same, one level further in."""
    return "    " + lines.replace("\n    ", "\n        ")


MUTATIONS = (
    Mutation(
        1,
        "generation reads the test set",
        "llm4idrec/generation/generator.py",
        "    known, device = Interactions.read(given.known), choose_device(given.device)\n",
        "    interactions, device = Interactions.read(given.known), choose_device(given.device)\n"
        + WITH_HELD_OUT.format(known="given.known", up=".parent", part="test")
        + "    known = interactions\n",
        SEES_TRAIN,
    ),
    Mutation(
        1,
        "prompts are built of train and validation, whatever they are for",
        "llm4idrec/stages/prompts.py",
        _BUILT,
        _inside(WITH_HELD_OUT.format(known="known", up="", part="valid")) + _BUILT,
        CHOOSES,
    ),
    Mutation(
        1,
        "the filter takes the test set for seen",
        "llm4idrec/stages/augment.py",
        "            CandidateFilter(known, config.filter),\n",
        "            CandidateFilter((t := known).union("
        "(h := Interactions.read(files[KNOWN].parent / 'heldout' / 'test.parquet')).user["
        "k := h.item < t.n_items], h.item[k], h.timestamp[k]), config.filter),\n",
        SEES_TRAIN,
    ),
    Mutation(
        1,
        "controls are fitted on validation, whatever they are for",
        "llm4idrec/augmentation/controls.py",
        _KNOWN_BY_CONTROLS,
        _KNOWN_BY_CONTROLS.replace("known =", "interactions =")
        + _inside(WITH_HELD_OUT.format(known="self.known", up="", part="valid"))
        + "        known = interactions\n",
        CHOOSES,
    ),
    Mutation(
        1,
        "what validation chooses by is trained on validation",
        "llm4idrec/stages/replicate.py",
        "Replicate(SELECTION, {KNOWN: files[TRAIN]}",
        "Replicate(SELECTION, {KNOWN: files[KNOWN]}",
        CHOOSES,
    ),
    Mutation(
        1,
        "what validation chooses by is filtered by what was known later",
        "llm4idrec/stages/augment.py",
        "((train, [files[REPLICATES] / SELECTION])",
        "((known, [files[REPLICATES] / SELECTION])",
        CHOOSES,
    ),
    Mutation(
        1,
        "the epochs of SASRec that validation chooses by come from what knew validation",
        "llm4idrec/stages/replicate.py",
        "        line = (*BASE, *TUNED, (CONTROLS, controls))\n",
        "        its = read_json(files[CONTROLS] / 'summary.json').get(EPOCHS)\n"
        "        line = (*BASE, *TUNED, (CONTROLS, partial(make_controls, epochs=its)))\n",
        "tests/llm4idrec/augmentation/test_replication.py::"
        "test_the_epochs_of_sasrec_are_chosen_once_for_all_final_ones",
    ),
    Mutation(
        1,
        "nothing that generates is trained again before the test",
        "llm4idrec/stages/prepare.py",
        "        if config.evaluation.refit:\n",
        "        if config.evaluation.refit is None:\n",
        AGAIN,
    ),
    Mutation(
        1,
        "only the first generator is trained again before the test",
        "llm4idrec/stages/replicate.py",
        "Replicate(final(run), {KNOWN: files[KNOWN]}",
        "Replicate(final(run), {KNOWN: files[TRAIN]}",
        AGAIN,
    ),
    Mutation(
        1,
        "train keeps the validation pairs",
        "llm4idrec/data/division.py",
        "rows.take(part == label) for name",
        "rows.take((part == label) | ((label == TRAIN) & (part == VALID))) for name",
        DISJOINT,
    ),
    Mutation(
        1,
        "held out by time, but a part of the latest is trained on",
        "llm4idrec/data/holdout.py",
        _BY_TIME.format("time, user"),
        _BY_TIME.format("-time, user"),
        LATER,
    ),
    Mutation(
        1,
        "what a global cut holds out is the earliest",
        "llm4idrec/data/holdout.py",
        "    ordered = np.sort(time)\n",
        "    time = -time\n    ordered = np.sort(time)\n",
        LATER,
    ),
    Mutation(
        1,
        "the k-core counts what is held out by time",
        "llm4idrec/data/division.py",
        "    whole = split.protocol == RANDOM ",
        "    whole = True ",
        FUTURE,
    ),
    Mutation(
        1,
        "the stage generate is given the held-out folder",
        "dvc.yaml",
        "    cmd: python -m pipelines.run generate\n    deps:\n",
        "    cmd: python -m pipelines.run generate\n    deps:\n      - artifacts/heldout\n",
        "tests/pipelines/test_dvc_yaml.py::"
        "test_what_shapes_the_augmentation_reads_nothing_held_out",
    ),
    Mutation(
        1,
        "a night of a replay knows the window that judges it",
        "llm4idrec/replay/rows.py",
        "kept = self._time < window.begin\n",
        "kept = self._time < window.end\n",
        "tests/llm4idrec/replay/test_replay.py::test_nothing_of_a_later_window_is_read",
    ),
    Mutation(
        1,
        "a night of a replay learns from a window whose data were refused",
        "llm4idrec/replay/rows.py",
        "            kept &= ~self._inside(self._windows[number])\n",
        "            pass\n",
        "tests/llm4idrec/replay/test_bad_nights.py::test_a_bad_night_is_refused",
    ),
    Mutation(
        2,
        "generated items are masked at the test",
        "llm4idrec/evaluation/experiment.py",
        "recommend(users, max(cutoffs), seen, history=history)",
        "recommend(users, max(cutoffs), train, history=history)",
        HIT,
    ),
    Mutation(
        2,
        "generated items are masked at validation",
        "llm4idrec/evaluation/experiment.py",
        "        return Validation(data.valid, data.train, ",
        "        return Validation(data.valid, train, ",
        HIT,
    ),
    Mutation(
        2,
        "test users are those with generated items",
        "llm4idrec/evaluation/data.py",
        "        return Audience(evaluated_users(self.train, self.test), self.seen)\n",
        "        return Audience(evaluated_users(self.valid, self.test), self.seen)\n",
        _evidence("2_original_train", "test_test_users_are_those_of_the_original_train"),
    ),
    Mutation(
        2,
        "popularity is counted in the test set",
        "llm4idrec/evaluation/measures.py",
        "mean_popularity(ranked, train)",
        "mean_popularity(ranked, data.test)",
        _evidence("2_original_train", "test_seen_is_the_original_history_and_what_was_validated"),
    ),
    Mutation(
        2,
        "the catalogue is that of the held-out data",
        "llm4idrec/evaluation/measures.py",
        "coverage(ranked[:, :n], train.n_items)",
        "coverage(ranked[:, :n], data.test.n_items)",
        CATALOGUE,
    ),
    Mutation(
        2,
        "test items outside the catalogue are dropped",
        "llm4idrec/metrics/ranking.py",
        "    relevant = heldout.history_lengths[users]\n",
        "    relevant = np.bincount(heldout.user[heldout.item < heldout.n_items - 1],"
        " minlength=heldout.n_users)[users]\n",
        CATALOGUE,
    ),
    Mutation(
        2,
        "settings are searched on augmented data",
        "llm4idrec/stages/tune_recommenders.py",
        "    train_file = files[TRAIN] / INTERACTIONS\n",
        '    train_file = files[TRAIN].parent / "augmented" / INTERACTIONS\n',
        _evidence("3_settings", "test_settings_are_searched_on_the_original_train"),
    ),
    Mutation(
        3,
        "at the test a sequence model is asked with another kind of history than it learnt",
        "llm4idrec/evaluation/experiment.py",
        "recommend(users, max(cutoffs), seen, history=history)",
        "recommend(users, max(cutoffs), seen)",
        CONTINUED,
    ),
    Mutation(
        3,
        "at validation a sequence model is asked with another kind of history than it learnt",
        "llm4idrec/evaluation/experiment.py",
        "cutoffs, metric, history=train)",
        "cutoffs, metric)",
        CONTINUED,
    ),
    Mutation(
        3,
        "the epoch is chosen on the test set",
        "llm4idrec/evaluation/experiment.py",
        "        return Validation(data.valid, data.train, ",
        "        return Validation(data.test, data.train, ",
        NO_CHOICE,
    ),
    Mutation(
        3,
        "the amount is chosen on the test set",
        "llm4idrec/evaluation/experiment.py",
        "            by_user = {self.metric: validation.by_user(recommender)[self.metric]}\n",
        "            tested = Validation(data.test, data.train, validation.cutoffs, self.metric)\n"
        "            by_user = {self.metric: tested.by_user(recommender)[self.metric]}\n",
        NO_CHOICE,
    ),
    Mutation(
        3,
        "what is fused is chosen by the test set",
        "llm4idrec/evaluation/experiment.py",
        "user_metrics(ranked, audience.users, data.valid, cutoffs",
        "user_metrics(ranked, audience.users, data.test, cutoffs",
        NO_CHOICE,
    ),
    Mutation(
        3,
        "the epochs of a refit are the largest and not those that were best",
        "llm4idrec/evaluation/experiment.py",
        "epochs=self.epochs(fit))",
        "epochs=None)",
        REFITTED,
    ),
    Mutation(
        3,
        "the recommender is not refitted",
        "llm4idrec/evaluation/experiment.py",
        "self._augmented(data.known, fit, _FINAL)",
        "self._augmented(data.train, fit, _FINAL)",
        REFITTED,
    ),
    Mutation(
        3,
        "before the test items are added that are made for validation",
        "llm4idrec/evaluation/experiment.py",
        "        replicate = SELECTION if stage == _SELECTED else replicate_of(fit.arm, run)\n",
        "        replicate = SELECTION\n",
        "tests/llm4idrec/evaluation/test_evaluate.py::"
        "test_a_seed_is_given_what_its_replicate_generated",
    ),
    Mutation(
        3,
        "what generates leaves no line in the ledger when it ranks",
        "llm4idrec/evaluation/rank_sources.py",
        "    ledger_of.record(ledger, _look(rankings, numbers))\n",
        "",
        "tests/llm4idrec/evaluation/test_rank_sources.py::test_the_look_is_in_the_ledger_once",
    ),
    Mutation(
        3,
        "the filter is tuned on the test set",
        "llm4idrec/stages/tune.py",
        'heldout / "valid.parquet"',
        'heldout / "test.parquet"',
        _evidence("3_chosen_on_validation", "test_the_filter_is_tuned_without_the_test_set"),
    ),
    Mutation(
        3,
        "settings are searched on the test set",
        "llm4idrec/stages/tune_recommenders.py",
        'files[HELDOUT] / "valid.parquet"',
        'files[HELDOUT] / "test.parquet"',
        _evidence("3_settings", "test_the_test_set_shapes_no_settings"),
    ),
    Mutation(
        3,
        "the settings that were found are not used",
        "llm4idrec/config/__init__.py",
        "        return self.model_copy(update=found)\n",
        "        return self\n",
        _evidence("3_settings", "test_the_settings_that_were_found_are_trained_with"),
    ),
    Mutation(
        3,
        "the settings as they are are not among those tried",
        "llm4idrec/tuning/settings_study.py",
        "            study.enqueue_trial(values)\n",
        "            pass\n",
        _evidence("3_settings", "test_the_search_begins_with_the_settings_as_they_are"),
    ),
    Mutation(
        3,
        "the ranking is of a sample of the catalogue",
        "llm4idrec/recommenders/ranking.py",
        "        scores.view(-1)[places] = -torch.inf\n",
        "        scores.view(-1)[places] = -torch.inf\n        scores[:, 100:400] = -torch.inf\n",
        _evidence("3_chosen_on_validation", "test_every_item_of_the_catalogue_is_ranked"),
    ),
    Mutation(
        3,
        "a look at the test set is not counted",
        "llm4idrec/evaluation/ledger.py",
        '        lines = [json.dumps(line, sort_keys=True) + "\\n" for line in (*before, look)]\n',
        '        lines = [json.dumps(line, sort_keys=True) + "\\n" for line in (look,)]\n',
        "tests/llm4idrec/evaluation/test_ledger.py::test_a_line_is_added_and_none_is_lost",
    ),
    Mutation(
        3,
        "an evaluation leaves no line in the ledger",
        "llm4idrec/evaluation/evaluate.py",
        "            ledger_of.record(ledger, _look(asked, question, numbers))\n",
        "",
        "tests/llm4idrec/evaluation/test_ledger.py::"
        "test_an_evaluation_is_a_look_and_another_setting_another",
    ),
    Mutation(
        4,
        "items keep the order of their IDs",
        "llm4idrec/data/split.py",
        'catalogue = rng.permutation(parts["train"].items)',
        'catalogue = parts["train"].items',
        NUMBERS,
    ),
    Mutation(
        4,
        "users keep the order of their IDs",
        "llm4idrec/data/split.py",
        'users = rng.permutation(parts["train"].users)',
        'users = parts["train"].users',
        NUMBERS,
    ),
    Mutation(
        4,
        "items of one moment stand by their number",
        "llm4idrec/data/ordering.py",
        "order = np.argsort(mixed(user, item))",
        "order = np.lexsort((item, user))",
        MOMENT,
    ),
    Mutation(
        4,
        "items of one moment have an order that all users share",
        "llm4idrec/data/ordering.py",
        "np.asarray(user, np.uint64) << np.uint64(32)",
        "np.asarray(user, np.uint64) * np.uint64(0)",
        MOMENT,
    ),
    Mutation(
        4,
        "the probe looks at the wrong numbers",
        "llm4idrec/data/probe.py",
        "_hit_rate(train, valid, given)",
        "_hit_rate(train, valid, np.arange(len(items)))",
        PROBE,
    ),
    Mutation(
        4,
        "the probe is not taken down",
        "llm4idrec/data/split.py",
        "summary=summary | _sizes(tables) | probe,",
        "summary=summary | _sizes(tables),",
        PROBE,
    ),
    Mutation(
        4,
        "the probe is not on the page",
        "llm4idrec/report/report.py",
        '"probe": _numbers(data, PROBE) or NO_PROBE',
        '"probe": NO_PROBE',
        _evidence("4_shuffled_ids", "test_the_probe_is_on_the_page"),
    ),
    Mutation(
        3,
        "a base model is trained on what says when it ends",
        "llm4idrec/language_model/base_model.py",
        "ListBatches(rest, tokens, ",
        "ListBatches(train, tokens, ",
        TAIL,
    ),
    Mutation(
        3,
        "a base model starts from what says when it ends",
        "llm4idrec/language_model/base_model.py",
        "new_compact_model(rest, encoder, ",
        "new_compact_model(train, encoder, ",
        TAIL,
    ),
    Mutation(
        5,
        "SASRec learns from the end of a history only",
        "llm4idrec/recommenders/sequential/sasrec.py",
        "Sequences.of(train, self._users, train.n_items)",
        "Sequences.of(train, self._users, train.n_items).ending(self.settings.max_length + 1)",
        "tests/llm4idrec/recommenders/sequential/test_base.py::"
        "test_learns_what_is_early_in_a_long_history",
    ),
    Mutation(
        5,
        "an arm alone gets EASE's agreement",
        "llm4idrec/augmentation/arm_files.py",
        "accepting.config.agreement if has_ease(arm) else 0.0",
        "accepting.config.agreement",
        ALONE,
    ),
    Mutation(
        5,
        "the language model alone is in the order of EASE too, the controls are not",
        "llm4idrec/augmentation/filtering.py",
        "            accepted, counts = self._first(kept, weight, ranks.get(name))\n",
        "            weight = 1.0 if arm.endswith('language_model') else weight\n"
        "            accepted, counts = self._first(kept, weight, ranks.get(name))\n",
        ALONE,
    ),
    Mutation(
        5,
        "arms are merged with smaller relative ranks",
        "llm4idrec/augmentation/arm_files.py",
        "        table = with_relative_ranks(in_order(accepted, order), accepting.known)\n",
        "        table = in_order(accepted, order)\n"
        '        half = pa.array(table["rank"].to_numpy() // 2)\n'
        '        table = table.set_column(table.column_names.index("rank"), "rank", half)\n'
        "        table = with_relative_ranks(table, accepting.known)\n",
        ALONE,
    ),
    Mutation(
        5,
        "replicates share one seed",
        "llm4idrec/stages/replicate.py",
        '{"seed": run_seed(config.seed, run), ',
        '{"seed": config.seed, ',
        OWN_SEED,
    ),
    Mutation(
        5,
        "the untuned model is the tuned one",
        "llm4idrec/augmentation/controls.py",
        "            self.base_model,\n            None,\n",
        "            self.base_model,\n            self.base_model.with_name('adapter'),\n",
        _evidence("5_controls", "test_the_untuned_model_is_asked_for_the_same_users"),
    ),
    Mutation(
        5,
        "a control is given the language model's amount and order",
        "llm4idrec/evaluation/evaluate.py",
        "            wanted[arm] = "
        "next_trials(_values(experiment, arm, judged[arm]), augmentations,"
        " seeds)\n"
        "    return {arm: _chosen(_values(experiment, arm, its)) for arm, its in judged.items()}\n",
        "            own = _values(experiment, 'language_model', judged['language_model'])\n"
        "            wanted[arm] = next_trials(own, augmentations, seeds)\n"
        "    return {arm: _chosen(own) for arm in judged}\n",
        "tests/llm4idrec/evaluation/test_evaluate.py::"
        "test_an_arm_chooses_its_own_order_of_candidates",
    ),
    Mutation(
        5,
        "an arm's race is the language model's",
        "llm4idrec/evaluation/evaluate.py",
        "next_trials(_values(experiment, arm, judged[arm]), augmentations, seeds)",
        "next_trials(_values(experiment, 'language_model', judged['language_model']),"
        " augmentations, seeds)",
        "tests/llm4idrec/evaluation/test_evaluate.py::"
        "test_an_arm_chooses_its_own_order_of_candidates",
    ),
    Mutation(
        3,
        "what fell behind on one seed is chosen beside what was judged by all",
        "llm4idrec/evaluation/selection.py",
        "if len(by_seed) == seeds}",
        "if len(by_seed)}",
        "tests/llm4idrec/evaluation/test_selection.py::test_what_is_chosen_was_judged_by_all_seeds",
    ),
    Mutation(
        5,
        "self-training adds what a model proposes that knows less than the others",
        "llm4idrec/evaluation/experiment.py",
        "self._write_own(recommender, data.known, folder / _OWN)",
        "self._write_own(recommender, data.train, folder / _OWN)",
        "tests/llm4idrec/evaluation/test_experiment.py::test_self_is_the_best_of_the_original_fit",
    ),
    Mutation(
        5,
        "a control has fewer seeds than the language model",
        "llm4idrec/evaluation/results.py",
        "        for seed, fit in enumerate(v.tested)\n",
        "        for seed, fit in enumerate(v.tested)\n"
        "        if seed < 2 or v.name in FUSED_ARMS\n",
        "tests/llm4idrec/evaluation/test_evaluate.py::"
        "test_every_arm_chooses_and_is_compared_on_all_seeds",
    ),
    Mutation(
        5,
        "SASRec is no longer a control",
        "params.yaml",
        "  sasrec, sasrec+ease, popularity,",
        "  popularity,",
        _evidence("5_controls", "test_all_of_them_are_there_by_default"),
    ),
    Mutation(
        6,
        "three seeds are the default",
        "llm4idrec/config/comparison.py",
        "    seeds: Annotated[int, Field(ge=2)] = 5\n",
        "    seeds: Annotated[int, Field(ge=2)] = 3\n",
        _evidence("6_significance", "test_five_seeds_by_default"),
    ),
    Mutation(
        6,
        "the test is unpaired",
        "llm4idrec/metrics/significance.py",
        "p_value = mean_test(augmented - original)",
        "p_value = mean_test(augmented - original[:, ::-1])",
        _evidence("6_significance", "test_a_gain_that_all_users_share_is_found_by_pairs"),
    ),
    Mutation(
        6,
        "every seed of a user counts as a user",
        "llm4idrec/metrics/crossed_effects.py",
        "    of_users, of_seeds = users > least or n_seeds == 1, seeds > least\n",
        "    users = min(users, residual) or users / n_seeds\n"
        "    of_users, of_seeds = users > least or n_seeds == 1, seeds > least\n",
        _evidence("6_significance", "test_the_test_is_over_users_not_over_seeds_of_users"),
    ),
    Mutation(
        6,
        "what seeds differ by is left out",
        "llm4idrec/metrics/crossed_effects.py",
        "users > least or n_seeds == 1, seeds > least",
        "True, False",
        _evidence("6_significance", "test_what_seeds_differ_by_is_doubt_in_p_and_interval"),
    ),
    Mutation(
        6,
        "the interval is of users alone, p is not",
        "llm4idrec/metrics/significance.py",
        "RatioTest(original, augmented).interval(1 - level, p_value)",
        "RatioTest(original.mean(axis=0, keepdims=True), augmented.mean(axis=0, keepdims=True))"
        ".interval(1 - level, 0.0)",
        _evidence("6_significance", "test_p_and_interval_are_of_one_test"),
    ),
    Mutation(
        6,
        "one seed of many has a p",
        "llm4idrec/metrics/significance.py",
        "if n_users > 1 and n_seeds > 1:",
        "if n_users > 1:",
        _evidence("6_significance", "test_one_seed_of_many_has_neither_p_nor_interval"),
    ),
    Mutation(
        6,
        "two seeds are enough for a standing",
        "llm4idrec/verdict/judgement.py",
        "FEWEST_UNITS = 3\n",
        "FEWEST_UNITS = 2\n",
        _evidence("6_significance", "test_a_standing_takes_three_seeds"),
    ),
    Mutation(
        6,
        "two runs of what generates are enough for a standing",
        "llm4idrec/verdict/judgement.py",
        'return min(row["n_seeds"], row["n_runs"]) if row["n_runs"] > 1 else row["n_seeds"]',
        'return row["n_seeds"]',
        _evidence("6_significance", "test_a_standing_takes_three_runs"),
    ),
    Mutation(
        6,
        "seeds that share a run count as many",
        "llm4idrec/verdict/per_user.py",
        "    if any(map(is_drawn, names)):\n",
        "    if not names:\n",
        _evidence("6_significance", "test_seeds_that_share_a_run_are_no_further_evidence"),
    ),
    Mutation(
        6,
        "an arm that adds nothing is left out",
        "llm4idrec/verdict/control_comparison.py",
        "for arm in grouped([arm for arm in selection.arms if is_control(arm)])",
        "for arm in [a for a, its in selection.arms.items() if is_control(a) and any(its.chosen)]",
        _evidence("6_significance", "test_an_arm_at_amount_0_is_the_original"),
    ),
    Mutation(
        6,
        "it takes a language model that is ahead of SVD alone",
        "llm4idrec/verdict/variants.py",
        'RIVALS = ("svd", BASE_MODEL, "sasrec")',
        'RIVALS = ("svd",)',
        RIVALS,
    ),
    Mutation(
        6,
        "it takes a language model that is ahead, whether it helps or not",
        "llm4idrec/verdict/judgement.py",
        "    if judge(rows[0]) != Verdict.HELPS:\n",
        "    if judge(rows[0]) == Verdict.NOTHING_CHOSEN:\n",
        _evidence("6_significance", "test_it_takes_no_language_model_that_does_not_help"),
    ),
    Mutation(
        6,
        "the test chooses what to serve",
        "llm4idrec/verdict/bottom_line.py",
        'key=lambda each: (-round(each[1]["validation"], 12), *_size(each[1])),',
        'key=lambda each: (-round(each[1]["test"], 12), *_size(each[1])),',
        _evidence("6_significance", "test_what_to_serve_is_chosen_on_validation"),
    ),
    Mutation(
        6,
        "what is simpler and better is not told",
        "llm4idrec/verdict/tables.py",
        'chose = row["metric"] == bottom_line["metric"]',
        "chose = False",
        _evidence("6_significance", "test_a_gain_is_marked_where_something_simpler_is_better"),
    ),
    Mutation(
        6,
        "nothing chosen is called no difference",
        "llm4idrec/verdict/judgement.py",
        "        return Verdict.NOTHING_CHOSEN\n",
        "        return Verdict.NO_DIFFERENCE\n",
        _evidence("6_significance", "test_the_effect_has_its_interval_and_both_are_needed"),
    ),
    Mutation(
        6,
        "p-values of recommenders are not corrected",
        "llm4idrec/verdict/comparison.py",
        "p_value=p_values[name, metric]",
        "p_value=comparison.p_value",
        _evidence("6_significance", "test_p_values_are_holm_corrected_over_the_recommenders"),
    ),
    Mutation(
        6,
        "p-values of leads are not corrected",
        "llm4idrec/verdict/control_comparison.py",
        "lead_p = corrected({key: lead for key, lead in leads.items() if all(adding[key])})",
        "lead_p = {key: lead.p_value for key, lead in leads.items()}",
        _evidence(
            "6_significance",
            "test_leads_are_holm_corrected_over_recommenders_and_controls",
        ),
    ),
    Mutation(
        6,
        "a small p alone is called help",
        "llm4idrec/verdict/judgement.py",
        "return int(low > 0) - int(high < 0)",
        "return int(high > 0) - int(high < 0)",
        _evidence("6_significance", "test_the_effect_has_its_interval_and_both_are_needed"),
    ),
    Mutation(
        6,
        "the interval is of 80 %",
        "llm4idrec/metrics/significance.py",
        "level: float = 0.95) -> Comparison:",
        "level: float = 0.8) -> Comparison:",
        _evidence("6_significance", "test_the_interval_is_of_95_percent"),
    ),
    Mutation(
        7,
        "candidates are counted wrongly by reason",
        "llm4idrec/augmentation/filtering.py",
        "summary[reason] = before - len(kept)",
        "summary[reason] = before",
        COUNTED,
    ),
    Mutation(
        7,
        "duplicates are counted as mentions",
        "llm4idrec/augmentation/filtering.py",
        'summary["duplicate"] = summary["generated"] - (pc.sum(proposed["votes"]).as_py() or 0)',
        'summary["duplicate"] = summary["generated"] - len(proposed)',
        COUNTED,
    ),
    Mutation(
        7,
        "items outside the catalogue are let through",
        "llm4idrec/augmentation/filtering.py",
        'pc.greater_equal(t["item"], self.known.n_items)',
        'pc.greater(t["item"], self.known.n_items + 9)',
        COUNTED,
    ),
    Mutation(
        7,
        "the hit rate is of the test set",
        "llm4idrec/report/report.py",
        'Interactions.read(files[HELDOUT] / "valid.parquet")',
        'Interactions.read(files[HELDOUT] / "test.parquet")',
        HIT_RATE,
    ),
    Mutation(
        7,
        "the hit rate is of what knows validation",
        "llm4idrec/verdict/additions.py",
        "(_arms(augmented, replicate) for replicate in (final(0), SELECTION))",
        "(_arms(augmented, replicate) for replicate in (final(0), final(0)))",
        HIT_RATE,
    ),
    Mutation(
        7,
        "the hit rate is of every order of candidates at once",
        "llm4idrec/augmentation/merging.py",
        "    rows = generated.filter(within & ordered)",
        "    rows = generated.filter(within | ordered)",
        HIT_RATE,
    ),
    Mutation(
        7,
        "the shift in popularity is not on the page",
        "llm4idrec/report/report.py",
        '"shift": popularity_shift(evaluations, additions, train),',
        '"shift": "",',
        _evidence("7_rates_are_reported", "test_the_shift_in_popularity_is_on_the_page"),
    ),
    Mutation(
        7,
        "users are grouped at random, not by history",
        "llm4idrec/report/gains.py",
        '    lengths = history_lengths[np.unique(evaluation.per_user["user"].to_numpy())]\n',
        '    lengths = history_lengths[np.unique(evaluation.per_user["user"].to_numpy())][::-1]\n',
        _evidence("7_rates_are_reported", "test_results_by_length_of_history_are_on_the_page"),
    ),
)
