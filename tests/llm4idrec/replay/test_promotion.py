"""Who serves after a window."""

from __future__ import annotations

import numpy as np

from llm4idrec.metrics.ranking import FloatArray
from llm4idrec.replay.lines import ALONE, CHALLENGER, CHAMPION, FORMER, RETRAINED
from llm4idrec.replay.promotion import (
    Outcome,
    Since,
    Standing,
    decide,
    renew,
)

DRAW = np.random.default_rng(0)
USERS = DRAW.random(200)


def lines(**ahead: float) -> dict[str, FloatArray]:
    """Metrics of 200 users: so much more than each user's own, with a little noise."""
    names = {"challenger": CHALLENGER, "champion": CHAMPION, "former": FORMER}
    return {
        names[name]: USERS + more + DRAW.normal(0, 0.01, len(USERS)) for name, more in ahead.items()
    }


def after(standing: Standing, night: int, found: dict[str, FloatArray]) -> Outcome:
    """As if the window were the first since the champion serves."""
    return decide(standing, night, window=found, since=Since(1, found))


def kinds(outcome: Outcome) -> list[tuple[str, int]]:
    return [(decision.kind, decision.night) for decision in outcome.decisions]


def test_the_first_has_no_rival() -> None:
    outcome = after(Standing(0), 0, lines(challenger=0.0, champion=0.0))
    assert kinds(outcome) == []
    assert outcome.standing == Standing(0)


def test_who_is_ahead_is_promoted() -> None:
    outcome = after(Standing(2), 5, lines(challenger=0.05, champion=0.0))
    assert kinds(outcome) == [("promoted", 5)]
    assert outcome.standing == Standing(5, former=2)
    assert "p < 0.001" in outcome.decisions[0].reason


def test_who_is_level_or_behind_is_refused() -> None:
    for more in (0.0, -0.05):
        outcome = after(Standing(2), 5, lines(challenger=more, champion=0.0))
        assert kinds(outcome) == [("refused", 5)]
        assert outcome.standing == Standing(2)


def test_a_champion_behind_the_one_before_is_rolled_back() -> None:
    found = lines(challenger=-0.05, champion=-0.05, former=0.0)
    outcome = after(Standing(4, former=2), 5, found)
    assert kinds(outcome) == [("rolled back", 4), ("refused", 5)]
    assert outcome.standing == Standing(2)


def test_after_a_rollback_the_challenger_meets_the_one_before() -> None:
    found = lines(challenger=0.02, champion=-0.05, former=0.0)
    outcome = after(Standing(4, former=2), 5, found)
    assert kinds(outcome) == [("rolled back", 4), ("promoted", 5)]
    assert outcome.standing == Standing(5, former=2)


def test_a_champion_that_holds_is_on_trial_no_more() -> None:
    found = lines(challenger=0.0, champion=0.0, former=0.0)
    outcome = after(Standing(4, former=2), 5, found)
    assert kinds(outcome) == [("refused", 5)]
    assert outcome.standing == Standing(4)


def test_too_few_users_tell_nothing() -> None:
    found = {CHAMPION: np.array([0.1]), CHALLENGER: np.array([0.9])}
    outcome = after(Standing(0), 3, found)
    assert kinds(outcome) == [("refused", 3)]
    assert outcome.decisions[0].reason == "over 1 window, too few users came again to tell"


def test_all_windows_since_the_champion_serves_are_counted() -> None:
    """Level in the last one, ahead in all."""
    since = Since(4, lines(challenger=0.05, champion=0.0))
    outcome = decide(Standing(0), 4, window=lines(challenger=0.0, champion=0.0), since=since)
    assert kinds(outcome) == [("promoted", 4)]
    assert outcome.decisions[0].reason.startswith("over 4 windows, ")


def test_a_first_window_is_judged_by_itself() -> None:
    """Whether a champion is rolled back does not go by windows before it."""
    found = lines(challenger=0.0, champion=0.0, former=0.0)
    since = Since(1, lines(challenger=-0.1, champion=-0.1))
    assert after(Standing(4, former=2), 5, found).standing == Standing(4)
    outcome = decide(Standing(4, former=2), 5, window=found, since=since)
    assert outcome.standing == Standing(4)


def test_models_trained_anew_that_are_ahead_of_adapters_make_a_new_base() -> None:
    found = {CHALLENGER + ALONE: USERS, RETRAINED + ALONE: lines(champion=0.05)[CHAMPION]}
    standing = Standing(2, former=1, base=0)
    outcome = renew(standing, 5, Since(3, found))
    assert kinds(outcome) == [("new base", 6)]
    assert outcome.decisions[0].reason.startswith("over 3 windows, adapters to models trained anew")
    assert outcome.standing == Standing(2, former=1, base=6)


def test_where_adapters_keep_up_the_base_stays() -> None:
    for more in (0.0, -0.05):
        ahead = lines(champion=more, challenger=0.0)
        found = {CHALLENGER + ALONE: ahead[CHALLENGER], RETRAINED + ALONE: ahead[CHAMPION]}
        assert renew(Standing(2), 5, Since(3, found)) == Outcome([], Standing(2))


def test_who_serves_does_not_change_the_base() -> None:
    found = lines(challenger=0.02, champion=-0.05, former=0.0)
    outcome = after(Standing(4, former=2, base=3), 5, found)
    assert outcome.standing == Standing(5, former=2, base=3)
    found = lines(challenger=0.0, champion=0.0, former=0.0)
    assert after(Standing(4, former=2, base=3), 5, found).standing == Standing(4, base=3)
