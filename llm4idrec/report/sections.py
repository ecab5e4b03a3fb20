"""What the report says of a recommender in words and tables."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from llm4idrec.augmentation.arms import LANGUAGE_MODEL, ORIGINAL, has_ease
from llm4idrec.metrics.popularity_bands import BANDS
from llm4idrec.report.markup import table
from llm4idrec.report.results import Evaluation
from llm4idrec.verdict.bottom_line import System
from llm4idrec.verdict.comparison import Row
from llm4idrec.verdict.control_comparison import ArmRow
from llm4idrec.verdict.judgement import Need, Verdict, judge, need, standing, units
from llm4idrec.verdict.sentences import (
    control_comparison_sentence,
    need_sentence,
    simpler_text,
    verdict_sentence,
)
from llm4idrec.verdict.wording import (
    arm_name,
    interval,
    listed,
    metric_name,
    p_text,
    percent,
    units_text,
)


def summary(evaluations: Sequence[Evaluation]) -> str:
    """The answer over all recommenders, in words."""
    answers = [judge(evaluation.headline) for evaluation in evaluations]
    helped = [e for e, a in zip(evaluations, answers, strict=True) if a == Verdict.HELPS]
    takes = {e.title: need(e.arms_of(e.metric)) for e in helped}
    if len(evaluations) == 1:
        name = evaluations[0].title
        text = {
            Verdict.NO_DIFFERENCE: f"Augmentation makes no difference worth having to {name}.",
            Verdict.CANNOT_TELL: f"These data cannot tell whether augmentation helps {name}.",
            Verdict.NOTHING_CHOSEN: f"Validation chose to add nothing for {name}.",
        }.get(answers[0], f"Augmentation {answers[0]} {name}.")  # `helps` or `harms`
    else:
        text = f"Augmentation helps {len(helped)} of {len(evaluations)} recommenders"
        harmed = answers.count(Verdict.HARMS)
        text += f" and harms {harmed}." if harmed else "."
    if not any(len(e.arms_of(e.metric)) > 1 for e in helped):
        return text
    if len(evaluations) == 1:
        return f"{text} {need_sentence(evaluations[0].arms_of(evaluations[0].metric))}"
    taking = [name for name, its in takes.items() if its == Need.TAKES_ONE]
    names = listed(taking) if taking else "none of them"
    what = (
        "The adapter" if not taking and Need.ITS_BASE_DOES in takes.values() else "A language model"
    )
    return f"{text} {what} is needed for {names}."


def verdict(evaluation: Evaluation, simpler: System | None) -> str:
    """The answer for one recommender: the gain at a glance, and in words; `simpler` is what is
    better without a language model, if anything is."""
    row, arms = evaluation.headline, evaluation.arms_of(evaluation.metric)
    answer, more = judge(row), simpler_text(row, simpler)
    gain = "<b>nothing added</b>"
    if evaluation.chosen.amount:
        spread = f"95 % interval {interval(row['ci_low'], row['ci_high'])}"
        gain = f"<b>{percent(row['relative_gain'])}</b> "
        gain += f"<small>{metric_name(evaluation.metric)}, {spread}</small>"
    words = [verdict_sentence(row, evaluation.chosen)]
    if len(arms) > 1:
        words += [need_sentence(arms), control_comparison_sentence(arms)]
    return (
        f'<div class="verdict {str(answer).replace(" ", "-")}">'
        f'<h3>{escape(evaluation.title)} <span class="badge">{answer}</span></h3>'
        f'<p class="gain">{gain}</p>'
        + (f"<p><b>But {escape(more)}.</b></p>" if more else "")
        + "".join(f"<p>{escape(word)}</p>" for word in words if word)
        + "</div>"
    )


def results(evaluation: Evaluation, metric: str) -> str:
    """Original data and every arm: those that are alone, then those together with EASE; what adds
    nothing is named below."""
    head = (metric_name(metric), "gain", "lead of the language model")
    rows = evaluation.arms_of(metric)
    original = next(row["original"] for row in evaluation.rows if row["metric"] == metric)
    seeds = units_text(rows[0]["n_seeds"], units(rows[0]))
    first = f"nothing<small>original, {seeds}</small>", f"{original:.4f}", "", ""
    parts = []
    for ease in (False, True):
        group = [row for row in rows if has_ease(row["arm"]) == ease]
        told = [row for row in group if row["amount"] or row["arm"] == LANGUAGE_MODEL]
        lines: list[Sequence[str]] = [] if ease else [first]
        lines += map(_arm, told)
        which = "together with EASE" if ease else "alone"
        caption = f"{evaluation.title}, {metric_name(metric)}: {which}"
        if lines:
            parts.append(table(caption, ("Added items from", *head), lines))
        if idle := [arm_name(row["arm"]) for row in group if row not in told]:
            parts.append(f'<p class="soft">Nothing was chosen from {escape(listed(idle))}.</p>')
    return "".join(parts)


def _arm(row: ArmRow) -> tuple[str, str, str, str]:
    how = str(Verdict.NOTHING_CHOSEN)
    if row["amount"]:
        how = f"{row['amount']:g}, discount {row['popularity_exponent']:g}, "
        how += f"{row['generated_pairs']:,.0f} pairs"
    name = f"{arm_name(row['arm'])}<small>{how}</small>"
    return name, f"{row['value']:.4f}", _gain(row), _lead(row)


def _gain(row: Row | ArmRow) -> str:
    """Over the original data; at amount 0 there is none."""
    if row["amount"] == 0:
        return ""
    spread = interval(row["ci_low"], row["ci_high"])
    return _effect(row["relative_gain"], spread, row["p_value"])


def _lead(row: ArmRow) -> str:
    """The language model's, over another arm; on its own row there is none."""
    if row["arm"] == LANGUAGE_MODEL:
        return ""
    spread = interval(row["lead_low"], row["lead_high"])
    effect = _effect(row["lead"], spread, row["lead_p_value"])
    return f"{effect}<small>{standing(row)}</small>"


def _effect(change: float | None, spread: str, p_value: float | None) -> str:
    """A relative change with, below or beside it, its interval and p."""
    small = spread.removesuffix(" %"), escape(p_text(p_value))
    return percent(change) + "".join(f"<small>{text}</small>" for text in small)


def every_metric(evaluation: Evaluation) -> str:
    """Original against augmented data."""
    head = ("", "original", "augmented", "gain")
    lines = [
        (
            metric_name(row["metric"]),
            f"{row['original']:.4f}",
            f"{row['augmented']:.4f}",
            _gain(row),
        )
        for row in evaluation.rows
    ]
    lines += [line for row in evaluation.rows if (line := _in_catalogue(evaluation, row["metric"]))]
    return table(evaluation.title, head, lines)


def _in_catalogue(evaluation: Evaluation, metric: str) -> tuple[str, str, str, str] | None:
    """The same where only items of the catalogue count as test items; None if it is not known."""
    keys = [f"{variant}_{metric}_in_catalogue" for variant in (ORIGINAL, LANGUAGE_MODEL)]
    if not all(key in evaluation.summary for key in keys):
        return None
    original, augmented = (evaluation.summary[key] for key in keys)
    gain = percent(augmented / original - 1 if original else None)
    name = f"{metric_name(metric)}<small>test items of the catalogue only</small>"
    return name, f"{original:.4f}", f"{augmented:.4f}", gain


def by_popularity(evaluation: Evaluation) -> str:
    """Recall within bands of item popularity, and what the recommender puts forward."""
    cutoff = evaluation.cutoff
    head = ("Added items from", *BANDS, "items shown", "mean popularity")
    lines = []
    for variant in (ORIGINAL, *(row["arm"] for row in evaluation.added)):
        recalls = [evaluation.summary.get(f"{variant}_recall_at_{cutoff}_{b}") for b in BANDS]
        shown = evaluation.summary[f"{variant}_coverage_at_{cutoff}"]
        popularity = evaluation.summary[f"{variant}_popularity_at_{cutoff}"]
        cells = ("n/a" if recall is None else f"{recall:.4f}" for recall in recalls)
        lines.append((arm_name(variant), *cells, f"{100 * shown:.1f} %", f"{popularity:.0f}"))
    return table(f"{evaluation.title}, Recall@{cutoff}", head, lines)
