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
DISJOINT = _evidence("1_train_only", "test_train_and_held_out_pairs_are_disjoint")
LATER = _evidence("1_train_only", "test_what_is_held_out_by_time_is_later")
FUTURE = _evidence("1_train_only", "test_the_future_shapes_no_train_pair")
HIT = _evidence("2_original_train", "test_a_generated_item_can_be_a_hit")
CATALOGUE = _evidence("2_original_train", "test_the_catalogue_is_that_of_the_original_train")
NO_CHOICE = _evidence("3_chosen_on_validation", "test_the_test_set_shapes_no_choice")
NUMBERS = _evidence("4_shuffled_ids", "test_numbers_say_nothing_about_the_ids_as_given")
PROBE = _evidence(
    "4_shuffled_ids",
    "test_the_probe_finds_what_ids_as_given_give_away_and_the_numbers_do_not",
)
VOLUME = _evidence("5_controls", "test_a_control_adds_as_many_items_for_every_user")
TWIN = _evidence("5_controls", "test_the_same_candidates_are_filtered_and_merged_alike")
CHOSEN = _evidence(
    "5_controls", "test_controls_are_trained_on_what_was_chosen_for_the_language_model"
)
COUNTED = _evidence("7_rates_are_reported", "test_invalid_duplicate_and_seen_are_counted")
HIT_RATE = _evidence(
    "7_rates_are_reported",
    "test_the_validation_hit_rate_of_what_is_added_is_on_the_page",
)

WITH_VALID = """    held = Interactions.read({train}.parent{up} / "heldout" / "valid.parquet")
    known = held.item < interactions.n_items
    interactions = interactions.union(held.user[known], held.item[known], held.timestamp[known])
"""

_BUILT = "        built = build_prompts(interactions, config.prompts, lists, seed=config.seed)\n"
_BY_TIME = (
    "    n_valid, n_test = _shares(np.bincount(user), valid, test)\n"
    "    return _from_the_end(user, np.lexsort((line, {})), n_valid=n_valid, n_test=n_test)\n"
)
_FILTER = "            CandidateFilter(interactions, config.filter, config.ease),\n"
_CONTROLS = "        write_controls(interactions, folder, config)\n"

MUTATIONS = (
    Mutation(
        1,
        "generation reads train and validation",
        "llm4idrec/generation/generator.py",
        "    train = Interactions.read(given.train)\n",
        "    interactions = Interactions.read(given.train)\n"
        + WITH_VALID.format(train="given.train", up=".parent")
        + "    train = interactions\n",
        SEES_TRAIN,
    ),
    Mutation(
        1,
        "prompts are built of train and validation",
        "llm4idrec/stages/prompts.py",
        _BUILT,
        "    " + WITH_VALID.format(train="train", up="").replace("\n    ", "\n        ") + _BUILT,
        SEES_TRAIN,
    ),
    Mutation(
        1,
        "the filter takes what is held out for seen",
        "llm4idrec/stages/augment.py",
        _FILTER,
        "            CandidateFilter((t := interactions).union("
        "(h := Interactions.read(train.parent / 'heldout' / 'valid.parquet')).user["
        "k := h.item < t.n_items], h.item[k], h.timestamp[k]), config.filter, config.ease),\n",
        SEES_TRAIN,
    ),
    Mutation(
        1,
        "controls are fitted on what is held out too",
        "llm4idrec/stages/controls.py",
        _CONTROLS,
        "    "
        + WITH_VALID.format(train="train", up="").replace("\n    ", "\n        ")
        + _CONTROLS,
        SEES_TRAIN,
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
        2,
        "generated items are masked at the test",
        "llm4idrec/evaluation/experiment.py",
        "max(cutoffs), data.train_and_valid)",
        "max(cutoffs), data.training_set(self._generated(fit, data), fit.augmentation, True))",
        HIT,
    ),
    Mutation(
        2,
        "generated items are masked at validation",
        "llm4idrec/evaluation/experiment.py",
        "Validation(data.valid, data.train, ",
        "Validation(data.valid, train, ",
        HIT,
    ),
    Mutation(
        2,
        "test users are those with generated items",
        "llm4idrec/evaluation/data.py",
        "        return evaluated_users(self.train, self.test)\n",
        "        return np.intersect1d(self.generated['user'].to_numpy(), self.test.user)"
        ".astype(np.int32)\n",
        _evidence("2_original_train", "test_test_users_are_those_of_the_original_train"),
    ),
    Mutation(
        2,
        "popularity is counted in the augmented data",
        "llm4idrec/evaluation/experiment.py",
        "mean_popularity(ranked, data.train)",
        "mean_popularity(ranked, data.training_set(data.generated, self.augmentations[-1]))",
        _evidence("2_original_train", "test_seen_is_the_original_history_and_what_was_validated"),
    ),
    Mutation(
        2,
        "the catalogue is that of the held-out data",
        "llm4idrec/evaluation/experiment.py",
        "coverage(ranked[:, :n], data.train.n_items)",
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
        3,
        "the epoch is chosen on the test set",
        "llm4idrec/evaluation/experiment.py",
        "Validation(data.valid, data.train, ",
        "Validation(data.test, data.train, ",
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
        "the filter is tuned on the test set",
        "llm4idrec/stages/tune.py",
        'heldout / "valid.parquet"',
        'heldout / "test.parquet"',
        _evidence("3_chosen_on_validation", "test_the_filter_is_tuned_without_the_test_set"),
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
        5,
        "controls may add more than the language model",
        "llm4idrec/augmentation/filtering.py",
        "name: self._first(proposed, its, max_items)[0]",
        "name: self._first(proposed, its, None)[0]",
        VOLUME,
    ),
    Mutation(
        5,
        "controls skip the agreement with the item-item model",
        "llm4idrec/augmentation/filtering.py",
        "name: self._first(proposed, its, max_items)[0]",
        "name: self._first(proposed, None, max_items)[0]",
        TWIN,
    ),
    Mutation(
        5,
        "controls are merged with smaller relative ranks",
        "llm4idrec/augmentation/merging.py",
        "    return with_relative_ranks(controls, train).select(MERGED_CONTROLS",
        '    half = pa.array(controls["rank"].to_numpy() // 2)\n'
        '    place = controls.column_names.index("rank")\n'
        '    controls = controls.set_column(place, "rank", half)\n'
        "    return with_relative_ranks(controls, train).select(MERGED_CONTROLS",
        TWIN,
    ),
    Mutation(
        5,
        "controls are trained on the largest amount",
        "llm4idrec/evaluation/evaluate.py",
        "[Fit(chosen, seed, name) for seed in fewer]",
        "[Fit(experiment.augmentations[-1], seed, name) for seed in fewer]",
        CHOSEN,
    ),
    Mutation(
        5,
        "self-training may add more than the language model",
        "llm4idrec/evaluation/experiment.py",
        "ease=self.ease, max_items=max_items\n",
        "ease=self.ease, max_items=None\n",
        CHOSEN,
    ),
    Mutation(
        5,
        "SASRec is no longer a control",
        "params.yaml",
        "controls: [random, popularity, itemknn, ease, sasrec, self]",
        "controls: [random, popularity, itemknn, ease, self]",
        _evidence("5_controls", "test_all_of_them_are_fitted_by_default"),
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
        "if n_users > 1 and (n_seeds > 1 or not seeded):",
        "if n_users > 1:",
        _evidence("6_significance", "test_one_seed_of_many_has_neither_p_nor_interval"),
    ),
    Mutation(
        6,
        "two seeds are enough for a standing",
        "llm4idrec/verdict/judgement.py",
        "FEWEST_SEEDS = 3\n",
        "FEWEST_SEEDS = 2\n",
        _evidence(
            "6_significance",
            "test_a_standing_takes_three_common_seeds_and_its_figures_are_of_them",
        ),
    ),
    Mutation(
        6,
        "the language model's mean beside a control is over all of its seeds",
        "llm4idrec/verdict/control_comparison.py",
        '"language_model": lead.augmented,',
        '"language_model": own["value"],',
        _evidence(
            "6_significance",
            "test_a_standing_takes_three_common_seeds_and_its_figures_are_of_them",
        ),
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
        "gain_p, lead_p = corrected(gains), corrected(leads)",
        "gain_p, lead_p = ({k: c.p_value for k, c in d.items()} for d in (gains, leads))",
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
        "level: float = 0.95\n",
        "level: float = 0.8\n",
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
        'pc.greater_equal(t["item"], self.train.n_items)',
        'pc.greater(t["item"], self.train.n_items + 9)',
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
