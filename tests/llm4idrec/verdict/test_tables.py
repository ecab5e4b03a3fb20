"""The answer in tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from llm4idrec.errors import InputError
from llm4idrec.runtime.files import write_json
from llm4idrec.verdict.bottom_line import BottomLine
from llm4idrec.verdict.comparison import Row
from llm4idrec.verdict.tables import (
    answer,
    bottom_line_table,
    control_comparison_table,
    needs,
    verdict_table,
)
from tests.llm4idrec.verdict.rows import (
    CONTROL_ROW,
    MODEL_ROW,
    ROW,
    bottom_line_of,
    changed_arm,
    changed_row,
    system,
)

BEST = bottom_line_of(system("language_model", 0.4), system("original", 0.3, of="ease"))


def test_verdict() -> None:
    rows = [ROW, changed_row(ci_low=-0.0002, p_value=0.5, recommender="ncl")]
    lines = verdict_table(rows, BEST).split("\n")
    assert lines[0].split()[:5] == ["recommender", "metric", "seeds", "original", "augmented"]
    assert lines[1].split()[:6] == ["MF", "NDCG@20", "5", "0.2000", "0.2200", "+10.0"]
    assert lines[1].endswith("< 0.001  helps")
    assert "+0.0 to +15.0 %" in lines[2]
    assert lines[2].endswith("0.500  cannot tell")
    assert lines[1].index("0.2000") == lines[2].index("0.2000")


@pytest.mark.parametrize("protocol", ["random", "global_time"])
def test_the_answer_says_once_what_a_random_split_shows(tmp_path: Path, protocol: str) -> None:
    rows = [changed_row(protocol=protocol, recommender=name) for name in ("mf", "ease")]
    text = answer(*written(tmp_path, rows, BEST))
    assert text.count("so they see the future") == (protocol == "random")


def test_the_bottom_line_comes_first(tmp_path: Path) -> None:
    lines = answer(*written(tmp_path, [ROW], BEST)).split("\n")
    assert lines[0].startswith("Serve the language model's own ranking: NDCG@20 on test 0.4000")
    assert " ".join(lines[2].split()).startswith("NDCG@20 of validation test 95 % interval")
    assert lines[3].endswith("0.4000  0.4000  0.3900 to 0.4100             yes")
    assert lines[4].startswith("EASE   ")
    assert lines[6].split()[:3] == ["recommender", "metric", "seeds"]


def test_the_verdict_is_told_in_two_metrics(tmp_path: Path) -> None:
    metrics = ("recall_at_10", "ndcg_at_20", "recall_at_20", "hr_at_20")
    rows = [changed_row(metric=metric) for metric in metrics]
    text = answer(*written(tmp_path, rows, BEST))
    told = [line.split()[1] for line in text.split("\n") if line.endswith("helps")]
    assert told == ["NDCG@20", "Recall@20"]


def test_ten_systems_are_told() -> None:
    many = [system("svd", 1 - place / 100) for place in range(12)]
    assert len(bottom_line_table(bottom_line_of(*many)).split("\n")) == 11


def test_a_gain_of_the_metric_that_chose_is_marked() -> None:
    own = system("language_model", 0.21, of="mf")
    found = bottom_line_of(system("original", 0.3, of="ease"), own)
    table = verdict_table([ROW, changed_row(metric="recall_at_20")], found)
    assert [line.partition("< 0.001  ")[2] for line in table.split("\n")] == [
        "",
        "helps; EASE alone has more: 0.3000",
        "helps",
    ]


def test_a_single_training_of_what_generates_is_told(tmp_path: Path) -> None:
    assert "trained once" not in answer(*written(tmp_path, [ROW], BEST))
    once = bottom_line_of(*BEST["systems"], n_runs=1)
    assert answer(*written(tmp_path, [ROW], once)).endswith("so its luck is in no interval.")


def test_arms_alone_then_with_ease() -> None:
    """What adds nothing is named below."""
    rows = [MODEL_ROW, changed_arm(arm="svd+ease", lead_p_value=0.2), CONTROL_ROW]
    rows += [changed_arm(arm=arm, amount=0.0) for arm in ("sasrec", "random", "sasrec+ease")]
    rows.append(changed_arm(metric="hr_at_20", headline=False))
    lines = control_comparison_table(rows).split("\n")
    assert (lines[0], lines[5], lines[6]) == ("alone", "", "together with EASE")
    cells = "language model 0.5 0 0.2000 +10.0 % +5.0 to +15.0 %"
    assert " ".join(lines[2].split()[2:]) == cells
    assert lines[3].endswith(
        "+10.0 %  +5.0 to +15.0 %            +2.0 %  +1.0 to +3.0 %  0.002  ahead"
    )
    assert lines[2].index("0.2000") == lines[3].index("0.2000")
    assert lines[4] == "MF, nothing chosen: SASRec, random items"
    assert lines[8].split()[:7] == ["MF", "NDCG@20", "SVD", "+", "EASE", "0.5", "0"]
    assert lines[8].endswith("0.200  level")
    assert lines[9:] == ["MF, nothing chosen: SASRec + EASE"]
    idle = [row for row in rows if row["arm"] in ("language_model", "sasrec+ease")]
    assert control_comparison_table(idle).endswith(
        "\n\ntogether with EASE\nMF, nothing chosen: SASRec + EASE"
    )


def test_without_controls() -> None:
    assert control_comparison_table([MODEL_ROW]).startswith("alone\nrecommender")
    assert needs([MODEL_ROW]).startswith("Whether a language model is needed for MF cannot")
    assert needs([changed_arm(MODEL_ROW, ci_low=-0.1)]) == ""


def test_nothing_chosen() -> None:
    assert verdict_table([changed_row(amount=0.0)], BEST).endswith("nothing chosen")
    rows = [changed_arm(MODEL_ROW, amount=0.0)]
    assert control_comparison_table(rows).endswith("nothing chosen")


def test_files_of_an_earlier_version_are_refused(tmp_path: Path) -> None:
    files = written(tmp_path, [ROW], BEST)
    assert "ahead" in answer(*files)
    kept = {name: {k: v for k, v in row.items() if k != key} for name, row, key in (
        ("comparison", ROW, "amount"), ("controls", CONTROL_ROW, "arm"),
        ("bottom_line", BEST, "systems"))}  # fmt: skip
    for file, key in zip(files, ("amount", "arm", "systems"), strict=True):
        before = file.read_text()
        content = kept[file.stem] if file.stem == "bottom_line" else [kept[file.stem]]
        write_json(file, content)
        expected = f"{file.name}: a row has no `{key}`; expected rows as this version writes them"
        with pytest.raises(InputError, match=expected):
            answer(*files)
        file.write_text(before)


def written(folder: Path, rows: Sequence[Row], best: BottomLine) -> tuple[Path, Path, Path]:
    contents = {"comparison": rows, "controls": [MODEL_ROW, CONTROL_ROW], "bottom_line": best}
    for name, content in contents.items():
        write_json(folder / f"{name}.json", content)
    files = [folder / f"{name}.json" for name in contents]
    return files[0], files[1], files[2]
