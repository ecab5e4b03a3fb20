"""What the report says of a recommender in words and tables."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from llm4idrec.metrics.popularity_bands import BANDS
from llm4idrec.report.markup import table
from llm4idrec.report.results import Evaluation
from llm4idrec.verdict.comparison import Row
from llm4idrec.verdict.control_comparison import SourceRow
from llm4idrec.verdict.judgement import Verdict, judge, standing
from llm4idrec.verdict.sentences import control_comparison_sentence, verdict_sentence
from llm4idrec.verdict.variants import COMPARED, LANGUAGE_MODEL
from llm4idrec.verdict.wording import (
    interval,
    metric_name,
    p_text,
    percent,
    seeds_text,
    source_name,
)


def summary(evaluations: Sequence[Evaluation]) -> str:
    """The answer over all recommenders, in words."""
    answers = [judge(evaluation.headline) for evaluation in evaluations]
    helped = [e for e, a in zip(evaluations, answers, strict=True) if a == Verdict.HELPS]
    ahead = [e.title for e in helped if e.ahead_of_all]
    if len(evaluations) == 1:
        name = evaluations[0].title
        text = {
            Verdict.NO_DIFFERENCE: f"Augmentation makes no difference worth having to {name}.",
            Verdict.CANNOT_TELL: f"These data cannot tell whether augmentation helps {name}.",
            Verdict.NOTHING_CHOSEN: f"Validation chose to add nothing for {name}.",
        }.get(answers[0], f"Augmentation {answers[0]} {name}.")  # `helps` or `harms`
        lead = "is ahead of every control" if ahead else "is not ahead of every control"
    else:
        text = f"Augmentation helps {len(helped)} of {len(evaluations)} recommenders"
        harmed = answers.count(Verdict.HARMS)
        text += f" and harms {harmed}." if harmed else "."
        lead = f"is ahead of every control for {', '.join(ahead) or 'none of them'}"
    return f"{text} The language model {lead}." if any(e.controls for e in helped) else text


def verdict(evaluation: Evaluation) -> str:
    """The answer for one recommender: the gain at a glance, and in words."""
    row = evaluation.headline
    answer = judge(row)
    gain = "<b>nothing added</b>"
    if evaluation.chosen.amount:
        spread = f"95 % interval {interval(row['ci_low'], row['ci_high'])}"
        gain = f"<b>{percent(row['relative_gain'])}</b> "
        gain += f"<small>{metric_name(evaluation.metric)}, {spread}</small>"
    controls = control_comparison_sentence(evaluation.sources_of(row["metric"]))
    words = verdict_sentence(row, evaluation.chosen), controls
    return (
        f'<div class="verdict {str(answer).replace(" ", "-")}">'
        f'<h3>{escape(evaluation.title)} <span class="badge">{answer}</span></h3>'
        f'<p class="gain">{gain}</p>'
        + "".join(f"<p>{escape(word)}</p>" for word in words)
        + "</div>"
    )


def results(evaluation: Evaluation, metric: str) -> str:
    """Original, language model and controls side by side; the figures of a row are all of the same
    seeds, and what they are compared with is beside them."""
    head = ("Added items from", metric_name(metric), "gain", "lead of the language model")
    rows = evaluation.sources_of(metric)
    original = next(row["original"] for row in evaluation.rows if row["metric"] == metric)
    seeds = seeds_text(rows[0]["n_seeds"])
    first = "nothing<small>original</small>", f"{original:.4f}<small>{seeds}</small>", "", ""
    lines: list[Sequence[str]] = [first]
    for row in rows:
        name = f"{source_name(row['source'])}<small>{row['generated_pairs']:,.0f} pairs</small>"
        value = f"{row['value']:.4f}<small>{seeds_text(row['n_seeds'])}</small>"
        before = f"<small>over {row['original']:.4f}</small>"
        lines.append((name, value, f"{_gain(row)}{before}", _lead(row)))
    return table(f"{evaluation.title}, {metric_name(metric)}", head, lines)


def _gain(row: Row | SourceRow) -> str:
    """Over the original data."""
    spread = interval(row["ci_low"], row["ci_high"])
    return _effect(row["relative_gain"], spread, row["p_value"])


def _lead(row: SourceRow) -> str:
    """The language model's, over a control; on its own row at most that nothing was chosen."""
    if row["source"] == LANGUAGE_MODEL:
        return "" if row["amount"] else str(Verdict.NOTHING_CHOSEN)
    spread = interval(row["lead_low"], row["lead_high"])
    effect = _effect(row["lead"], spread, row["lead_p_value"])
    own = f"<small>from {row['language_model']:.4f}</small>"
    return f"{effect}{own}<small>{standing(row)}</small>"


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
    keys = [f"{variant}_{metric}_in_catalogue" for variant in COMPARED]
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
    for variant in (*COMPARED, *evaluation.controls):
        recalls = [evaluation.summary.get(f"{variant}_recall_at_{cutoff}_{b}") for b in BANDS]
        shown = evaluation.summary[f"{variant}_coverage_at_{cutoff}"]
        popularity = evaluation.summary[f"{variant}_popularity_at_{cutoff}"]
        cells = ("n/a" if recall is None else f"{recall:.4f}" for recall in recalls)
        lines.append((source_name(variant), *cells, f"{100 * shown:.1f} %", f"{popularity:.0f}"))
    return table(f"{evaluation.title}, Recall@{cutoff}", head, lines)
