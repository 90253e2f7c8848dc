"""Trials: their extent and their notice (policy P10)."""

from datetime import datetime, timedelta
from typing import Final

from billing.period import Period

NOTICE: Final = timedelta(days=3)


def trial_period(started_at: datetime, days: int) -> Period:
    """`days` times 24 hours from the start; its end becomes the billing anchor."""
    return Period(start=started_at, end=started_at + timedelta(days=days))


def trial_notice_at(trial: Period) -> datetime:
    """Three days before the end, or at once where the trial is shorter than that."""
    return max(trial.start, trial.end - NOTICE)
