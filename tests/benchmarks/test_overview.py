"""The picture of several data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from benchmarks.overview import overview
from llm4idrec.runtime.files import write_json

SYSTEM = {"parts": 1, "validation": 0.1, "test_low": 0.0, "test_high": 1.0}
ROW = {"protocol": "user_time", "amount": 0.5, "original": 0.1, "augmented": 0.12}


def reports(folder: Path, dataset: str, rows: list[dict[str, Any]]) -> Path:
    """Folder of a run where the language model ranks best."""
    folder.mkdir()
    write_json(
        folder / "comparison.json",
        [ROW | {"dataset": dataset, "metric": m} | r for r in rows for m in ("ndcg_at_20", "mrr")],
    )
    model = {"recommender": None, "variant": "language_model", "uses_language_model": True}
    ease = {"recommender": "ease", "variant": "original", "uses_language_model": False}
    systems = [SYSTEM | model | {"test": 0.31}, SYSTEM | ease | {"test": 0.22}]
    found = {"metric": "ndcg_at_20", "systems": systems, "best_with": 0, "best_without": 1}
    write_json(folder / "bottom_line.json", found)
    return folder


def gain(recommender: str, low: float, value: float, high: float) -> dict[str, Any]:
    ends = {"ci_low": low, "relative_gain": value, "ci_high": high}
    return {"recommender": recommender, "p_value": 0.001 if low > 0 else 0.4} | ends


def test_a_group_a_data_set(tmp_path: Path) -> None:
    nothing = gain("ease", 0.0, 0.0, 0.0) | {"amount": 0.0}
    folders = [
        reports(tmp_path / "a", "shop", [gain("ials", 0.1, 0.2, 0.3), nothing]),
        reports(tmp_path / "b", "shop", [gain("mf", -0.1, 0.1, 0.3)]),
        reports(tmp_path / "c", "films", [gain("ials", 0.1, 0.15, 0.2)]),
    ]
    root = ElementTree.fromstring(overview(folders))
    words = [text.text or "" for text in root.iter("{http://www.w3.org/2000/svg}text")]
    shop = words[words.index("shop, user time") : words.index("films, user time")]
    assert shop == [
        *("shop, user time", "iALS", "+20.0 %", "0.1200", "EASE", "none", "0.1000"),
        *("MF", "+10.0 %", "0.1200"),
        *("serve: the language model", "", "0.3100", "without: EASE", "", "0.2200"),
    ]
    dots = [dot.get("fill") for dot in root.iter("{http://www.w3.org/2000/svg}circle")]
    assert dots == ["var(--model)", "var(--control)", "var(--model)"]
