"""The period that begins when something is sold anew (policy P8, P15).

Owns where it is anchored and how long it is. An anniversary anchor makes it a whole one; a calendar
anchor stands on the first day of the month, an add-on's is its parent's, and the period is what is
left of the one around it.
Does not own the periods that follow (`billing.anchor`) nor invoices (`billing.invoice`).
"""

from datetime import datetime
from fractions import Fraction
from typing import assert_never

from billing import anchor
from billing.catalog import AnchorKind
from billing.money import Money, round_half_away
from billing.period import Period
from billing.proration import share
from billing.subscription import SubscriptionState, Terms


def anchor_for(terms: Terms, begins_at: datetime) -> datetime:
    """The anchor of what is sold from then on."""
    if terms.anchored_at is not None:
        return terms.anchored_at
    match terms.anchor:
        case AnchorKind.ANNIVERSARY:
            return begins_at
        case AnchorKind.CALENDAR:
            return anchor.start_of_month(begins_at)
        case _:
            assert_never(terms.anchor)


def is_anchored_anew(current: Terms, target: Terms) -> bool:
    """Whether the boundaries of the one cannot be those of the other."""
    return target.interval != current.interval or target.anchor is not current.anchor


def first_number(terms: Terms, begins_at: datetime) -> int:
    """The number of its first period from its anchor: 0 but for what is anchored elsewhere."""
    if terms.anchored_at is None:
        return 0
    return anchor.period_number(terms.anchored_at, terms.require_interval(), begins_at)


def first_whole_period(terms: Terms, begins_at: datetime) -> Period:
    """The whole interval that the first period is, or is a part of."""
    number = first_number(terms, begins_at)
    return anchor.period(anchor_for(terms, begins_at), terms.require_interval(), number)


def first_period(terms: Terms, begins_at: datetime) -> Period:
    """From then up to the first boundary."""
    return Period(start=begins_at, end=first_whole_period(terms, begins_at).end)


def first_share(terms: Terms, begins_at: datetime) -> Fraction:
    """Which share of a whole interval the first period is, and costs."""
    whole = first_whole_period(terms, begins_at)
    return share(first_period(terms, begins_at), whole, terms.proration)


def first_amount(terms: Terms, begins_at: datetime) -> Money:
    """What the first period costs, for people: from the rounded amount of a whole one."""
    minor = round_half_away(terms.period_amount.amount_minor * first_share(terms, begins_at))
    return terms.period_amount.model_copy(update={"amount_minor": minor})


def running_whole_period(state: SubscriptionState) -> Period:
    """The whole interval that the running period is or is a part of, where pauses left it alone."""
    running = state.running_period
    terms = state.terms
    if terms.anchor is AnchorKind.ANNIVERSARY and terms.anchored_at is None:
        return Period(start=running.start, end=running.end - state.extension)
    if state.anchor_at is None or state.period_number is None:
        return running
    number = state.period_number - state.anchor_number
    return anchor.period(state.anchor_at, state.terms.require_interval(), number)
