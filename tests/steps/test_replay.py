"""Great Expectations' pages of a replay say of each window what the replay decided."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from llm4idrec.replay.arrivals import Arrivals
from llm4idrec.replay.expectations import replay_validation
from llm4idrec.replay.measure import Measure
from llm4idrec.replay.night import CHECKS, REPORT
from llm4idrec.replay.replay import read_reports
from llm4idrec.runtime.files import read_json, write_json
from steps.validation import validate
from tests.llm4idrec.replay.nights import shuffled
from tests.llm4idrec.replay.test_bad_nights import half, shop, twice
from tests.llm4idrec.replay.year import lived


class Cells(HTMLParser):
    """The texts of a page."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_data(self, data: str) -> None:
        self.texts += [data.strip()] if data.strip() else []


def shown(docs: Path) -> dict[str, bool]:
    """Name of each window's suite, in their order, and whether all was met by its page."""
    pages = sorted((docs / "validations").rglob("*.html"))
    return {
        page.relative_to(docs / "validations").parts[0]: "Failed" not in Cells(page).texts
        for page in pages
    }


@pytest.mark.slow
@pytest.mark.parametrize("fault", [None, shuffled, half, twice])
def test_pages_say_of_each_window_what_was_decided(
    fault: Callable[[Arrivals], Arrivals] | None, tmp_path: Path
) -> None:
    out = lived(tmp_path / "lived", shop(fault), every="day", begin=0.3)
    validate(replay_validation(out), tmp_path / "docs")
    over = [report for report in read_reports(out) if report["is_over"]]
    names = [
        f"{number:03d} {report['window']}{' refused' if report['refused'] else ''}"
        for number, report in enumerate(over, 1)
    ]
    assert shown(tmp_path / "docs") == {name: "refused" not in name for name in names}
    refused = [report for report in over if report["refused"]]
    assert len(refused) == (fault is not None)
    summary = read_json(tmp_path / "docs/summary.json")
    assert (summary["windows"], summary["windows_refused"]) == (len(over), len(refused))
    checks = [Measure(**check) for report in over for check in report[CHECKS]]
    assert summary["expectations_met"] == sum(check.is_plausible for check in checks)
    index = " ".join(Cells(tmp_path / "docs/index.html").texts)
    assert [name for name in names if name not in index] == []


@pytest.mark.slow
def test_a_window_that_was_accepted_is_shown_with_what_is_odd_in_it(tmp_path: Path) -> None:
    bad = shop(half)
    first = read_reports(lived(tmp_path / "lived", bad, every="day", begin=0.3))
    (number,) = (n for n, report in enumerate(first) if report["refused"])
    name, sentence = first[number]["window"], first[number]["refused"]
    out = lived(tmp_path / "lived", bad, every="day", begin=0.3, accept=[name])
    validate(replay_validation(out), tmp_path / "docs")
    met = shown(tmp_path / "docs")
    assert met[f"{number + 1:03d} {name} accepted by name"] is False
    assert list(met.values()).count(False) == 1
    (page,) = (tmp_path / "docs/validations").glob("*accepted*/**/*.html")
    assert sentence.split(";")[0] in " ".join(Cells(page).texts)


def test_nights_that_were_lived_before_checks_were_kept_get_theirs(tmp_path: Path) -> None:
    out = lived(tmp_path, shop(), every="day", begin=0.7)
    told = read_reports(out)
    for number, report in enumerate(told):
        old = {key: value for key, value in report.items() if key != CHECKS}
        write_json(out / f"night-{number + 1:03d}" / REPORT, old)
    again = lived(tmp_path, shop(), every="day", begin=0.7)
    assert read_reports(again) == told
    assert [bool(report[CHECKS]) for report in told] == [r["is_over"] for r in told]
