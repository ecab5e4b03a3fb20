"""The answer in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llm4idrec.augmentation.arms import BASE_MODEL, has_ease
from llm4idrec.augmentation.choice import Augmentation
from llm4idrec.verdict.bottom_line import BottomLine, System
from llm4idrec.verdict.comparison import Row
from llm4idrec.verdict.control_comparison import ArmRow
from llm4idrec.verdict.judgement import (
    FEWEST_UNITS,
    SIGNIFICANCE_LEVEL,
    Need,
    Standing,
    Verdict,
    judge,
    need,
    rivals,
    standing,
    units,
)
from llm4idrec.verdict.variants import is_control
from llm4idrec.verdict.wording import (
    arm_name,
    interval,
    listed,
    metric_name,
    p_text,
    percent,
    recommender_name,
    system_name,
    system_names,
    units_text,
    value_interval,
)

SOURCES = "sources"
"""What the ledger calls the look at everything that generates, ranking by itself."""

ELSEWHERE = "score"
"""The same for rankings that were made elsewhere."""
_LOOKS = {SOURCES: "what generates, by itself", ELSEWHERE: "rankings made elsewhere"}


def bottom_line_sentence(found: BottomLine) -> str:
    """What to serve, and whether that takes a language model."""
    systems, metric = found["systems"], metric_name(found["metric"])
    names, best = system_names(systems), systems[0]
    spread = value_interval(best["test_low"], best["test_high"])
    text = (
        f"erve {names[0]}: {metric} on test {best['test']:.4f} (95 % interval {spread}). "
        f"Validation chose it among {len(systems)}."
    )
    if best["uses_language_model"]:
        return f"S{text} {_rest(found, found['best_without'], 'Without')}"
    paid = _certain(found) and (found["lead"] or 0) > 0
    why = "Validation prefers no language model" if paid else "A language model does not pay here"
    return f"{why}: s{text} {_rest(found, found['best_with'], 'With')}"


def _certain(found: BottomLine) -> bool:
    """Whether the test tells the best with a language model from the best without."""
    return found["lead_p_value"] is not None and found["lead_p_value"] < SIGNIFICANCE_LEVEL


def _rest(found: BottomLine, place: int | None, word: str) -> str:
    """The best of those that were not chosen, `word` a language model, and the lead of the best
    that has one."""
    if place is None:
        return f"{word} a language model there is nothing to compare with."
    other, name = found["systems"][place], system_names(found["systems"])[place]
    lead = f"the lead{' of the language model' if word == 'With' else ''} is"
    low, high, p_value = found["lead_low"], found["lead_high"], found["lead_p_value"]
    doubt = "" if _certain(found) else ", so the test cannot tell the two apart"
    return (
        f"{word} a language model the best is {name}: {other['test']:.4f}; {lead} "
        f"{percent(found['lead'])} (95 % interval {interval(low, high)}, {p_text(p_value)}){doubt}."
        f"{_passed_over(found, other)}"
    )


def _passed_over(found: BottomLine, told: System) -> str:
    """Which of the same kind has more on the test than the one that validation preferred; empty if
    none has. Without this a lead over `told` could be taken for one over all of its kind."""
    systems, kind = found["systems"], told["uses_language_model"]
    more = [n for n, system in enumerate(systems) if system["uses_language_model"] == kind]
    most = max(more, key=lambda n: systems[n]["test"])
    if systems[most]["test"] <= told["test"]:
        return ""
    return f" On the test {system_names(systems)[most]} has more: {systems[most]['test']:.4f}."


def mark(row: Row, simpler: System | None) -> str:
    """The verdict, and behind it `simpler_text`."""
    more = simpler_text(row, simpler)
    return f"{judge(row)}; {more}" if more else str(judge(row))


def simpler_text(row: Row, simpler: System | None) -> str:
    """What is simpler and better on validation than a gain; empty if nothing is, or no gain."""
    if judge(row) != Verdict.HELPS or simpler is None:
        return ""
    name, test = system_name(simpler), simpler["test"]
    alone = f"{name} alone" if simpler["parts"] == 1 else name
    if test > row["augmented"]:
        return f"{alone} has more: {test:.4f}"
    return f"{alone} has more on validation, but not on the test: {test:.4f}"


def runs_sentence(n_runs: int) -> str:
    """What a single training of the generator leaves open; empty if there were more."""
    if n_runs > 1:
        return ""
    return "What generates was trained once, so its luck is in no interval."


def future_sentence(protocol: str) -> str:
    """What a recommender could see of the future, by the `protocol` of a row; empty if nothing."""
    if protocol == "random":
        return (
            "The split is random: recommenders are trained on interactions that are later than "
            "some they are tested on, so they see the future of users and items."
        )
    if protocol.startswith("random"):  # with a given test set
        return (
            "Validation is a random share of the train file: what is chosen there is chosen by "
            "recommenders that see interactions later than those they are validated on."
        )
    return ""


def verdict_sentence(row: Row, chosen: Augmentation) -> str:
    """The answer for one recommender; `chosen` is what validation chose to add."""
    name, metric = recommender_name(row["recommender"]), metric_name(row["metric"])
    verdict = judge(row)
    if verdict == Verdict.NOTHING_CHOSEN:
        return (
            f"Nothing was chosen for {name}: validation chose amount 0, that is, none of the "
            f"generated items, so both data sets are the same ({metric} {row['original']:.4f})."
        )
    exponent = chosen.popularity_exponent
    order = f" (popularity discount {exponent:g})" if exponent else ""
    claim = {
        Verdict.HELPS: f"Augmentation helps {name}",
        Verdict.HARMS: f"Augmentation harms {name}",
        Verdict.NO_DIFFERENCE: f"Augmentation makes no difference worth having to {name}",
        Verdict.CANNOT_TELL: f"These data cannot tell whether augmentation helps {name}",
    }[verdict]
    return (
        f"{claim}: with {chosen.amount:g} generated items for each item of a history{order}, "
        f"{metric} goes from {row['original']:.4f} to {row['augmented']:.4f}, "
        f"{percent(row['relative_gain'])} "
        f"({_certainty(row)}; {units_text(row['n_seeds'], units(row))}, {row['n_users']} users)."
    )


def _certainty(row: Row) -> str:
    """Interval and p, or why there are none."""
    if row["p_value"] is None:
        return "no interval and no p, which take two seeds and two users"
    spread = interval(row["ci_low"], row["ci_high"])
    return f"95 % interval {spread}, {p_text(row['p_value'])}"


def control_comparison_sentence(rows: Sequence[ArmRow]) -> str:
    """The language model against the other arms that are alone; `rows` are of one recommender and
    metric."""
    name, metric = recommender_name(rows[0]["recommender"]), metric_name(rows[0]["metric"])
    controls = [row for row in rows if is_control(row["arm"]) and not has_ease(row["arm"])]
    if not controls:
        return "Nothing stood in the language model's place."
    adding = [row for row in controls if row["amount"]]
    idle = [arm_name(row["arm"]) for row in controls if not row["amount"]]
    nothing = f" Nothing was chosen from {listed(idle)}." if idle else ""
    if not adding:
        return nothing.strip()
    if units(rows[0]) < FEWEST_UNITS:
        return (
            f"Beside the other arms ({name}, {metric}) the language model has no standing: "
            f"that takes {FEWEST_UNITS} trainings.{nothing}"
        )
    ahead, level, behind = (
        ", ".join(arm_name(row["arm"]) for row in adding if standing(row) == place) or "none"
        for place in (Standing.AHEAD, Standing.LEVEL, Standing.BEHIND)
    )
    return (
        f"Beside the other arms that are alone ({name}, {metric}), each with the amount that "
        f"validation chose for it, the language model is ahead of {ahead} "
        f"(p < {SIGNIFICANCE_LEVEL:g}), level with {level}, behind {behind}.{nothing}"
    )


def need_sentence(rows: Sequence[ArmRow]) -> str:
    """Whether a language model is needed, if it helps; else empty. `rows` are of one recommender
    and metric."""
    name, answer = recommender_name(rows[0]["recommender"]), need(rows)
    present = rivals(rows)
    if answer == Need.NO_HELP:
        return ""
    if answer == Need.TAKES_ONE:
        names = listed([arm_name(row["arm"]) for row in present])
        return f"A language model is needed: alone it helps {name}, and it is ahead of {names}."
    if answer == Need.ITS_BASE_DOES:
        others = listed([arm_name(row["arm"]) for row in present if row["arm"] != BASE_MODEL])
        return (
            f"The adapter is not needed, as far as these data tell: for {name}, its items are not "
            f"ahead of those from the {arm_name(BASE_MODEL)}, but of those from {others}."
        )
    if answer == Need.OTHERS_DO:
        equal = [r["arm"] for r in present if standing(r) in (Standing.LEVEL, Standing.BEHIND)]
        names = listed([arm_name(arm) for arm in equal])
        return (
            f"A language model is not needed, as far as these data tell: for {name}, its items "
            f"are not ahead of those from {names}."
        )
    return (
        f"Whether a language model is needed for {name} cannot be told: this takes SVD and the "
        f"base model without adapter in its place, and {FEWEST_UNITS} trainings."
    )


def cost_sentence(seconds: float) -> str:
    """What the language model cost."""
    return f"Base model, adapter and generation took {seconds / 60:,.1f} minutes."


def looks_sentence(looks: Mapping[str, int]) -> str:
    """How often the test set was looked at, by recommender."""
    times = [
        f"{'once' if n == 1 else f'{n} times'} for " + _LOOKS.get(name, recommender_name(name))
        for name, n in looks.items()
    ]
    return f"The test set was looked at {', '.join(times)}."
