from datetime import UTC, datetime, timedelta

import pytest

from billing import collecting, settlement
from billing.decline import Decline
from billing.errors import GatewayUnreachable
from billing.invoice import InvoiceRecord, InvoiceStatus
from billing.money import Money
from billing.payment import ActionRequired, CollectionOutcome, Declined, Paid, Processing
from billing.period import Period
from billing.ports.books import PaymentAttempt
from billing.ports.gateway import GatewayPayment, PaymentStatus, nearest_to_money
from tests.billing.subscriptions import EIGHTY_DOLLARS, billed, trialing

AT = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
LOST = Decline(code="card_declined", decline_code="lost_card")


def _payment(
    status: PaymentStatus, *, decline: Decline | None = None, identifier: str = "pi_1"
) -> GatewayPayment:
    action_url = "https://bank" if status is PaymentStatus.REQUIRES_ACTION else None
    return GatewayPayment(
        id=identifier,
        status=status,
        amount=EIGHTY_DOLLARS,
        created_at=AT,
        decline=decline,
        action_url=action_url,
    )


@pytest.mark.parametrize(
    ("payment", "outcome"),
    [
        (_payment(PaymentStatus.SUCCEEDED), Paid(amount=EIGHTY_DOLLARS, paid_at=AT)),
        (_payment(PaymentStatus.PROCESSING), Processing()),
        (_payment(PaymentStatus.REQUIRES_ACTION), ActionRequired(url="https://bank")),
        (
            _payment(PaymentStatus.REQUIRES_PAYMENT_METHOD, decline=LOST),
            Declined(decline=LOST),
        ),
    ],
)
def test_a_payment_is_read_as_what_it_is(
    payment: GatewayPayment, outcome: CollectionOutcome
) -> None:
    assert collecting.outcome_of(payment, paid_at=AT) == outcome


@pytest.mark.parametrize("status", [PaymentStatus.CANCELED, PaymentStatus.REQUIRES_PAYMENT_METHOD])
def test_what_took_no_money_is_a_decline_even_without_a_reason(status: PaymentStatus) -> None:
    assert isinstance(collecting.outcome_of(_payment(status), paid_at=AT), Declined)


def test_a_payment_that_was_not_tried_is_no_outcome() -> None:
    with pytest.raises(GatewayUnreachable):
        collecting.outcome_of(_payment(PaymentStatus.REQUIRES_CONFIRMATION), paid_at=AT)


def test_of_several_payments_the_nearest_to_money_counts() -> None:
    canceled = _payment(PaymentStatus.CANCELED)
    waiting = _payment(PaymentStatus.REQUIRES_CONFIRMATION)
    processing = _payment(PaymentStatus.PROCESSING)
    paid = _payment(PaymentStatus.SUCCEEDED)
    assert nearest_to_money([canceled, waiting, processing, paid]) == paid
    assert nearest_to_money([canceled, processing, waiting]) == processing
    assert nearest_to_money([canceled, waiting]) == waiting
    first, second = (_payment(PaymentStatus.SUCCEEDED, identifier=name) for name in "ab")
    assert nearest_to_money([first, second]) == first
    assert nearest_to_money([]) is None


def test_an_outcome_tells_of_the_attempt_and_of_a_changed_status_once_each() -> None:
    before = billed(trialing(), AT)
    invoice = before.open_invoices[0].invoice_id
    outcome = Declined(decline=LOST)
    after = settlement.collected(before, invoice, outcome, AT)
    declined, past_due = collecting.events(before, after, invoice, outcome, AT)
    assert declined.key == f"payment.declined:{invoice}:1"
    assert declined.details["reason"] == "lost_card"
    assert past_due.type == "subscription.past_due"
    again = list(collecting.events(before, after, invoice, outcome, AT))
    assert [event.key for event in again] == [declined.key, past_due.key]


def test_what_an_attempt_paid_is_told_and_not_what_a_transfer_had_paid_before() -> None:
    invoice = InvoiceRecord(
        id="in_1",
        number="PN-000001",
        status=InvoiceStatus.OPEN,
        customer_id="cus_1",
        subscription_id="sub_1",
        total=EIGHTY_DOLLARS,
        paid=Money(amount_minor=30_00, currency="USD"),
        from_balance=Money.zero("USD"),
        period=Period(start=AT, end=AT + timedelta(days=28)),
        due_at=AT,
    )
    attempt = PaymentAttempt(
        invoice_id="in_1",
        number=2,
        payment_method_id="pm_1",
        amount=Money(amount_minor=50_00, currency="USD"),
        started_at=AT,
        attempted_at=AT,
    )
    told = collecting.paid_event(invoice, attempt, AT)
    assert (told.details["amount_minor"], told.details["attempt"]) == (50_00, 2)
