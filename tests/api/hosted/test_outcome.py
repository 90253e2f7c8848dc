"""What a state means to a customer who comes back."""

from datetime import UTC, datetime, timedelta

import pytest

from api.hosted.outcome import OutcomeKind, checkout_outcome, payment_outcome
from billing import lifecycle, settlement
from billing.catalog import Trial
from billing.decline import Decline
from billing.interval import Interval, IntervalUnit
from billing.money import Money
from billing.payment import ActionRequired, CollectionOutcome, Declined, Paid, Processing
from billing.period import Period
from billing.subscription import EndReason, SubscriptionState, Terms

_NOW = datetime(2026, 1, 17, 9, 30, tzinfo=UTC)
_AMOUNT = Money(amount_minor=8000, currency="USD")
_DECLINED = Declined(decline=Decline(code="card_declined"))
_BANK = ActionRequired(url="https://bank.example/3ds")


def _waiting(*, trial: bool = False) -> SubscriptionState:
    return SubscriptionState(
        subscription_id="sub_1",
        customer_id="cus_1",
        terms=Terms(
            product_id="team",
            product_name="Team",
            family="plan",
            price_id="team_monthly",
            price_version=1,
            currency="USD",
            interval=Interval(unit=IntervalUnit.MONTH),
            quantity=5,
            period_amount=_AMOUNT,
            trial=Trial(days=14) if trial else None,
        ),
        created_at=_NOW,
        checkout_expires_at=_NOW + timedelta(hours=24),
    )


def _billed() -> SubscriptionState:
    ready = lifecycle.checkout_completed(_waiting(), _NOW)
    return lifecycle.period_billed(
        ready,
        number=0,
        period=Period(start=_NOW, end=_NOW + timedelta(days=31)),
        anchor_at=_NOW,
        invoice_id="in_1",
        amount_due=_AMOUNT,
        due_at=_NOW,
    )


def _after(outcome: CollectionOutcome) -> SubscriptionState:
    return settlement.collected(_billed(), "in_1", outcome, _NOW)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (_waiting(), OutcomeKind.WORKING),
        (lifecycle.checkout_completed(_waiting(), _NOW), OutcomeKind.WORKING),
        (_billed(), OutcomeKind.WORKING),
        (
            lifecycle.trial_started(
                _waiting(trial=True), lifecycle.first_trial(_waiting(trial=True), _NOW)
            ),
            OutcomeKind.LIVE,
        ),
        (_after(Paid(amount=_AMOUNT, paid_at=_NOW)), OutcomeKind.LIVE),
        (_after(_DECLINED), OutcomeKind.REFUSED),
        (_after(_BANK), OutcomeKind.ACTION_REQUIRED),
        (_after(Processing()), OutcomeKind.PROCESSING),
        (lifecycle.checkout_completed(_after(_DECLINED), _NOW), OutcomeKind.WORKING),
        (settlement.payment_news(_after(_BANK), "in_1", _NOW), OutcomeKind.WORKING),
        (lifecycle.ended(_waiting(), EndReason.CHECKOUT_EXPIRED, _NOW), OutcomeKind.ENDED),
        (lifecycle.ended(_waiting(), EndReason.FAMILY_TAKEN, _NOW), OutcomeKind.FAMILY_TAKEN),
        (lifecycle.ended(_waiting(), EndReason.TRIAL_USED, _NOW), OutcomeKind.TRIAL_USED),
    ],
)
def test_a_checkout_is_told_by_the_subscription(
    state: SubscriptionState, expected: OutcomeKind
) -> None:
    assert checkout_outcome(state).kind is expected


def test_a_customer_who_must_authenticate_is_told_where() -> None:
    assert checkout_outcome(_after(_BANK)).action_url == "https://bank.example/3ds"


def test_an_invoice_that_is_no_longer_open_has_no_outcome_in_the_state() -> None:
    assert payment_outcome(_after(Paid(amount=_AMOUNT, paid_at=_NOW)), "in_1") is None


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (_DECLINED, OutcomeKind.REFUSED),
        (_BANK, OutcomeKind.ACTION_REQUIRED),
        (Processing(), OutcomeKind.PROCESSING),
    ],
)
def test_a_payment_is_told_by_its_invoice(
    outcome: CollectionOutcome, expected: OutcomeKind
) -> None:
    told = payment_outcome(_after(outcome), "in_1")
    assert told is not None
    assert told.kind is expected
