from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.decline import DeclineKind
from billing.dunning import DunningLadder, DunningPolicy, FinalAction, RetryLimit
from tests.billing.strategies import instants

DUE = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
SOFT = DeclineKind.SOFT

ladders = st.lists(st.integers(1, 90), min_size=1, max_size=8, unique=True).map(
    lambda days: DunningLadder(retry_days=tuple(sorted(days)))
)


def _next(
    rungs_used: int,
    *,
    now: datetime,
    kind: DeclineKind = SOFT,
    grace_until: datetime | None = None,
) -> datetime | None:
    return DunningLadder().next_attempt_at(
        DUE, rungs_used=rungs_used, kind=kind, now=now, grace_until=grace_until
    )


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


@pytest.mark.parametrize("kind", [kind for kind in DeclineKind if kind is not SOFT])
def test_what_is_not_soft_is_never_retried_by_itself(kind: DeclineKind) -> None:
    assert _next(1, now=DUE, kind=kind) is None
    assert _next(1, now=DUE, kind=kind, grace_until=DUE + timedelta(days=40)) is None


def test_a_grace_moves_the_end_and_is_tried_once_more_there() -> None:
    grace_until = DUE + timedelta(days=22, hours=5)
    assert DunningLadder().ends_at(DUE, grace_until=grace_until) == grace_until
    day_15 = DUE + timedelta(days=15)
    assert _next(3, now=DUE + timedelta(days=8), grace_until=grace_until) == day_15
    assert _next(4, now=day_15, grace_until=grace_until) == grace_until
    assert _next(5, now=grace_until, grace_until=grace_until) is None


def test_a_grace_that_ends_before_the_ladder_changes_nothing() -> None:
    for grace_until in (DUE + timedelta(days=10), DUE + timedelta(days=15)):
        assert DunningLadder().ends_at(DUE, grace_until=grace_until) == DUE + timedelta(days=15)
        tried = [_next(rungs_used, now=DUE, grace_until=grace_until) for rungs_used in (1, 2, 3, 4)]
        assert tried == [*(DUE + timedelta(days=days) for days in (3, 8, 15)), None]


@given(
    ladders,
    instants,
    st.integers(1, 9),
    st.timedeltas(timedelta(0), timedelta(days=120)),
    st.none() | st.timedeltas(timedelta(0), timedelta(days=120)),
)
def test_the_next_attempt_lies_ahead_and_not_after_the_end(
    ladder: DunningLadder,
    due: datetime,
    rungs_used: int,
    late: timedelta,
    grace: timedelta | None,
) -> None:
    now = due + late
    grace_until = None if grace is None else due + grace
    end = ladder.ends_at(due, grace_until=grace_until)
    attempt = ladder.next_attempt_at(
        due, rungs_used=rungs_used, kind=SOFT, now=now, grace_until=grace_until
    )
    if attempt is None:
        assert now >= end or (end == ladder.ends_at(due) and rungs_used > len(ladder.retry_days))
        return
    assert now < attempt <= end
    assert attempt == end or (attempt - due).days in ladder.retry_days[rungs_used - 1 :]


@pytest.mark.parametrize("days", [(), (0,), (91,), (-1,), tuple(range(1, 10)), (8, 3, 15), (3, 3)])
def test_a_ladder_that_cannot_be_climbed_is_refused(days: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="retry_days"):
        DunningLadder(retry_days=days)


def test_a_segment_has_its_ladder_and_everybody_else_the_products() -> None:
    slow = DunningLadder(retry_days=(30,), final_action=FinalAction.UNPAID)
    policy = DunningPolicy(segments={"enterprise": slow})
    assert policy.ladder_for("enterprise") == slow
    for other in (None, "students"):
        assert policy.ladder_for(other) == policy.ladder
    assert policy.ladder.final_action is FinalAction.DOWNGRADE_TO_FREE
    assert policy.ladder.retry_days == (3, 8, 15)
    with pytest.raises(ValueError, match="segments"):
        DunningPolicy(segments={"Enterprise": slow})


def test_a_ladder_recorded_before_there_was_a_choice_still_ends_in_a_cancellation() -> None:
    recorded = DunningLadder.model_validate_json('{"retry_days": [3, 8, 15]}')
    assert recorded.final_action is FinalAction.CANCEL
    assert recorded.retry_limit == RetryLimit(attempts=15, days=30)
