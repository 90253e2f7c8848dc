from datetime import UTC, datetime

import pytest
from hypothesis import given

from billing.invoice import InvoiceDraft, InvoiceRecord, InvoiceStatus
from billing.ledger import (
    Account,
    JournalEntry,
    Posting,
    invoice_finalized,
    invoice_voided,
    payment_received,
)
from billing.money import Money
from billing.period import Period
from tests.billing.strategies import amounts

AT = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
PERIOD = Period(start=AT, end=AT.replace(year=2027))


def _finalized(total: Money, *, from_balance_minor: int = 0) -> JournalEntry:
    draft = InvoiceDraft.model_construct(
        id="in_1",
        customer_id="cus_1",
        subscription_id="sub_1",
        currency=total.currency,
        period=PERIOD,
        finalized_at=AT,
        due_at=AT,
        lines=(),
        total=total,
    )
    from_balance = Money(amount_minor=from_balance_minor, currency=total.currency)
    entry = invoice_finalized(draft, from_balance=from_balance)
    assert entry is not None
    return entry


def _paid(amount: Money) -> JournalEntry:
    return payment_received(
        invoice_id="in_1", customer_id="cus_1", payment_intent_id="pi_1", amount=amount, paid_at=AT
    )


def _voided(total: Money, *, from_balance_minor: int = 0) -> JournalEntry:
    zero = Money.zero(total.currency)
    invoice = InvoiceRecord(
        id="in_1",
        number="IN-1",
        status=InvoiceStatus.OPEN,
        customer_id="cus_1",
        subscription_id="sub_1",
        total=total,
        paid=zero,
        from_balance=Money(amount_minor=from_balance_minor, currency=total.currency),
        period=PERIOD,
        due_at=AT,
    )
    entry = invoice_voided(invoice, voided_at=AT)
    assert entry is not None
    return entry


def _balances(*entries: JournalEntry) -> dict[Account, int]:
    totals = dict.fromkeys(Account, 0)
    for entry in entries:
        for posting in entry.postings:
            totals[posting.account] += posting.amount.amount_minor
    return totals


@given(amounts().filter(lambda amount: amount.amount_minor > 0))
def test_every_entry_balances(amount: Money) -> None:
    for entry in (_finalized(amount), _paid(amount), _voided(amount)):
        assert sum(_balances(entry).values()) == 0


@given(amounts().filter(lambda amount: amount.amount_minor > 0))
def test_a_paid_invoice_leaves_cash_and_the_service_to_deliver(amount: Money) -> None:
    assert _balances(_finalized(amount), _paid(amount)) == dict.fromkeys(Account, 0) | {
        Account.CASH: amount.amount_minor,
        Account.DEFERRED_REVENUE: -amount.amount_minor,
    }


@given(amounts().filter(lambda amount: amount.amount_minor > 0))
def test_a_voided_invoice_leaves_nothing(amount: Money) -> None:
    assert set(_balances(_finalized(amount), _voided(amount)).values()) == {0}


def test_each_event_has_a_source_key_of_its_own() -> None:
    amount = Money(amount_minor=8000, currency="USD")
    keys = [entry.source_key for entry in (_finalized(amount), _paid(amount), _voided(amount))]
    assert keys == ["invoice.finalized:in_1", "payment.received:pi_1", "invoice.voided:in_1"]


@pytest.mark.parametrize(
    "postings",
    [
        [("receivable", 1, "USD")],
        [("receivable", 100, "USD"), ("cash", -99, "USD")],
        [("receivable", 100, "USD"), ("cash", -100, "EUR")],
    ],
)
def test_what_does_not_balance_in_every_currency_is_refused(
    postings: list[tuple[str, int, str]],
) -> None:
    with pytest.raises(ValueError, match="debits must equal credits"):
        JournalEntry(
            source_key="k",
            occurred_at=AT,
            customer_id="cus_1",
            invoice_id="in_1",
            postings=tuple(
                Posting(
                    account=Account(account),
                    amount=Money(amount_minor=minor, currency=currency),
                )
                for account, minor, currency in postings
            ),
        )
