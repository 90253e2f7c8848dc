from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.decline import Decline
from billing.dunning import DunningLadder
from tests.billing.strategies import instants

DUE = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
SOFT = Decline(code="card_declined", decline_code="insufficient_funds")
HARD = Decline(code="card_declined", decline_code="stolen_card")
AUTHENTICATION = Decline(code="authentication_required")

ladders = st.lists(st.integers(1, 90), min_size=1, max_size=8, unique=True).map(
    lambda days: DunningLadder(retry_days=tuple(sorted(days)))
)


def _next(rungs_used: int, *, now: datetime, decline: Decline = SOFT) -> datetime | None:
    return DunningLadder().next_attempt_at(DUE, rungs_used=rungs_used, decline=decline, now=now)


def test_the_ladder_is_due_time_three_eight_and_fifteen_days() -> None:
    now = DUE
    tried = []
    for rungs_used in (1, 2, 3):
        attempt = _next(rungs_used, now=now)
        assert attempt is not None
        tried.append((attempt - DUE).days)
        now = attempt
    assert tried == [3, 8, 15]
    assert _next(4, now=now) is None
    assert DunningLadder().attempts == 4
    assert DunningLadder().ends_at(DUE) == DUE + timedelta(days=15)


def test_rungs_that_an_outage_passed_are_skipped() -> None:
    assert _next(1, now=DUE + timedelta(days=10)) == DUE + timedelta(days=15)
    assert _next(1, now=DUE + timedelta(days=15)) is None


@pytest.mark.parametrize("decline", [HARD, AUTHENTICATION])
def test_what_is_not_soft_is_never_retried_by_itself(decline: Decline) -> None:
    assert _next(1, now=DUE, decline=decline) is None


@given(ladders, instants, st.integers(1, 9), st.timedeltas(timedelta(0), timedelta(days=120)))
def test_the_next_attempt_lies_ahead_and_not_after_the_end(
    ladder: DunningLadder, due: datetime, rungs_used: int, late: timedelta
) -> None:
    now = due + late
    attempt = ladder.next_attempt_at(due, rungs_used=rungs_used, decline=SOFT, now=now)
    if attempt is None:
        return
    assert now < attempt <= ladder.ends_at(due)
    assert (attempt - due).days in ladder.retry_days[rungs_used - 1 :]


@pytest.mark.parametrize("days", [(), (0,), (91,), (-1,), tuple(range(1, 10)), (8, 3, 15), (3, 3)])
def test_a_ladder_that_cannot_be_climbed_is_refused(days: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="retry_days"):
        DunningLadder(retry_days=days)
