"""What the evaluation of one recommender says before the report has everybody's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from llm4idrec.verdict.comparison import compare_recommenders
from llm4idrec.verdict.selection import Selection
from llm4idrec.verdict.sentences import verdict_sentence
from llm4idrec.verdict.wording import listed, recommender_name


def early_sentence(evaluation: Path, recommenders: Sequence[str]) -> str:
    """The verdict on the recommender of that evaluation folder, alone; `recommenders` are all that
    are compared, and the number of the others will correct p (Holm)."""
    selection = Selection.read(evaluation)
    rows = compare_recommenders([evaluation], dataset="", protocol="")
    row = next(row for row in rows if row["metric"] == selection.metric)
    said = verdict_sentence(row, selection.language_model.chosen)
    names = [recommender_name(name) for name in recommenders if name != evaluation.name]
    if not names:
        return said
    return f"{said} This p is of one comparison; the report corrects it for {listed(names)} too."
