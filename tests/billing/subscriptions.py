"""A subscription to start from, and the steps that its workflow would take."""

from datetime import UTC, datetime, timedelta

from billing import lifecycle
from billing.catalog import Trial
from billing.interval import Interval, IntervalUnit
from billing.invoice import due_at, invoice_id
from billing.money import Money
from billing.subscription import SubscriptionState, Terms

CREATED = datetime(2026, 1, 17, 9, 30, tzinfo=UTC)
EIGHTY_DOLLARS = Money(amount_minor=8000, currency="USD")


def terms(
    *,
    trial_days: int | None = None,
    interval: Interval | None = None,
    amount: Money = EIGHTY_DOLLARS,
) -> Terms:
    return Terms(
        product_id="team",
        product_name="Team",
        family="team",
        price_id="team_monthly",
        price_version=1,
        currency=amount.currency,
        interval=interval or Interval(unit=IntervalUnit.MONTH),
        quantity=5,
        period_amount=amount,
        trial=None if trial_days is None else Trial(days=trial_days),
    )


def incomplete(sold: Terms | None = None) -> SubscriptionState:
    return SubscriptionState(
        subscription_id="sub_1",
        customer_id="cus_1",
        terms=sold or terms(),
        created_at=CREATED,
        checkout_expires_at=CREATED + timedelta(hours=24),
    )


def trialing(*, days: int = 14) -> SubscriptionState:
    state = lifecycle.checkout_completed(incomplete(terms(trial_days=days)), CREATED)
    return lifecycle.trial_started(state, lifecycle.first_trial(state, CREATED))


def billed(state: SubscriptionState, now: datetime) -> SubscriptionState:
    """The next period is invoiced at `now`; in arrears what was had until it, or until the end."""
    following = lifecycle.next_billing(state, now)
    number, period = following.number, following.period
    if state.terms.is_in_arrears:
        return _billed_in_arrears(state, following, now)
    return lifecycle.period_billed(
        state,
        number=number,
        period=period,
        anchor_at=following.anchor_at,
        anchor_number=following.anchor_number,
        invoice_id=invoice_id(state.subscription_id, number),
        amount_due=state.terms.period_amount,
        due_at=due_at(period, now),
    )


def _billed_in_arrears(
    state: SubscriptionState, following: lifecycle.NextPeriod, now: datetime
) -> SubscriptionState:
    is_charged, amount = bool(following.accrued), state.terms.period_amount
    bill_id = invoice_id(state.subscription_id, following.number) if is_charged else None
    amount_due = amount if is_charged else Money.zero(amount.currency)
    if state.has_ended:
        return lifecycle.last_billed(state, invoice_id=bill_id, amount_due=amount_due, due_at=now)
    return lifecycle.period_billed(
        state,
        number=following.number,
        period=following.period,
        anchor_at=following.anchor_at,
        anchor_number=following.anchor_number,
        invoice_id=bill_id,
        amount_due=amount_due,
        due_at=due_at(following.period, now),
        for_the_past=is_charged,
    )
