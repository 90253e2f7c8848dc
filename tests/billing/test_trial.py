from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from billing.trial import trial_notice_at, trial_period
from tests.billing.strategies import instants

START = datetime(2026, 1, 17, 9, 30, tzinfo=UTC)


def test_fourteen_days_end_at_the_same_time_of_day() -> None:
    trial = trial_period(START, 14)
    assert trial.end == datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
    assert trial_notice_at(trial) == datetime(2026, 1, 28, 9, 30, tzinfo=UTC)


def test_a_trial_shorter_than_the_notice_is_announced_at_once() -> None:
    for days in (1, 2, 3):
        assert trial_notice_at(trial_period(START, days)) == START


@given(instants, st.integers(min_value=1, max_value=730))
def test_the_notice_falls_into_the_trial(start: datetime, days: int) -> None:
    trial = trial_period(start, days)
    notice = trial_notice_at(trial)
    assert notice in trial
    assert trial.end - notice <= timedelta(days=3)
