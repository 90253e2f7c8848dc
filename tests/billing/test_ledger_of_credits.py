"""The entries of what goes back, is disputed, or is paid by a balance (policy P30, P31)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import ledger
from billing.credit_note import CreditNoteDraft, CreditNoteLine, CreditReason, draft_for
from billing.dispute import Dispute, DisputeState
from billing.invoice import InvoiceDraft, InvoiceLine, InvoiceRecord, InvoiceStatus
from billing.ledger import Account, JournalEntry
from billing.money import Money
from billing.period import Period
from billing.proration import LineRef
from billing.refund import Refund, RefundState

AT = datetime(2026, 4, 11, tzinfo=UTC)
PERIOD = Period(start=AT, end=AT + timedelta(days=20))
AMOUNTS = st.integers(1, 10**9)


def usd(minor: int) -> Money:
    return Money(amount_minor=minor, currency="USD")


def line(minor: int, *, credits_it: bool = False) -> InvoiceLine:
    return InvoiceLine(
        description="Team",
        price_id="team_monthly",
        price_version=1,
        quantity=10,
        period=PERIOD,
        amount=usd(minor),
        credits=LineRef(invoice_id="in_0", position=1) if credits_it else None,
    )


def invoice(*lines: InvoiceLine) -> InvoiceDraft:
    return InvoiceDraft(
        id="in_1",
        customer_id="cus_1",
        subscription_id="sub_1",
        currency="USD",
        period=PERIOD,
        finalized_at=AT,
        due_at=AT,
        lines=lines,
        total=sum((each.amount for each in lines), usd(0)),
    )


def note(card: int, balance: int) -> CreditNoteDraft:
    given_back = CreditNoteLine(
        description="Unused time",
        debit=LineRef(invoice_id="in_1", position=1),
        period=PERIOD,
        amount=usd(card + balance),
    )
    return draft_for(
        source="cancel:1",
        invoice_id="in_1",
        customer_id="cus_1",
        subscription_id="sub_1",
        reason=CreditReason.CANCELED,
        lines=[given_back],
        to_card=usd(card),
        now=AT,
    )


def refund(minor: int, state: RefundState = RefundState.PENDING) -> Refund:
    return Refund(
        id="re_1",
        credit_note_id="cn_1",
        invoice_id="in_1",
        customer_id="cus_1",
        subscription_id="sub_1",
        payment_id="pi_1",
        amount=usd(minor),
        state=state,
        requested_at=AT,
    )


def dispute(minor: int, state: DisputeState = DisputeState.OPEN) -> Dispute:
    return Dispute(
        id="du_1",
        payment_id="pi_1",
        invoice_id="in_1",
        customer_id="cus_1",
        subscription_id="sub_1",
        amount=usd(minor),
        state=state,
        reason="fraudulent",
        opened_at=AT,
    )


def accounts(*entries: JournalEntry | None) -> dict[Account, int]:
    """What the entries come to, without the accounts that are where they were."""
    totals: dict[Account, int] = {}
    for entry in entries:
        assert entry is not None
        assert sum(posting.amount.amount_minor for posting in entry.postings) == 0
        for posting in entry.postings:
            assert posting.amount.amount_minor != 0
            totals[posting.account] = totals.get(posting.account, 0) + posting.amount.amount_minor
    return {account: minor for account, minor in totals.items() if minor}


def paid(minor: int) -> JournalEntry:
    return ledger.payment_received(
        invoice_id="in_1",
        customer_id="cus_1",
        payment_intent_id="pi_1",
        amount=usd(minor),
        paid_at=AT,
    )


def finalized(draft: InvoiceDraft, from_balance: int = 0) -> JournalEntry | None:
    return ledger.invoice_finalized(draft, from_balance=usd(from_balance))


def test_a_balance_pays_what_a_receivable_would_be() -> None:
    assert accounts(finalized(invoice(line(16000)), 4000)) == {
        Account.RECEIVABLE: 12000,
        Account.CUSTOMER_BALANCE: 4000,
        Account.DEFERRED_REVENUE: -16000,
    }
    assert accounts(finalized(invoice(line(16000)), 16000)) == {
        Account.CUSTOMER_BALANCE: 16000,
        Account.DEFERRED_REVENUE: -16000,
    }


def test_an_invoice_below_zero_is_owed_to_the_customer() -> None:
    draft = invoice(line(-53167, credits_it=True), line(10800))
    assert accounts(finalized(draft)) == {
        Account.CUSTOMER_BALANCE: -42367,
        Account.DEFERRED_REVENUE: 42367,
    }


def test_an_invoice_over_nothing_posts_nothing() -> None:
    assert finalized(invoice(line(0))) is None
    assert finalized(invoice(line(27), line(-27))) is None


@given(AMOUNTS, st.integers(0, 10**9))
def test_a_voided_invoice_leaves_nothing_and_gives_the_balance_back(total: int, used: int) -> None:
    used = min(total, used)
    record = InvoiceRecord(
        id="in_1",
        number="IN-1",
        status=InvoiceStatus.OPEN,
        customer_id="cus_1",
        subscription_id="sub_1",
        total=usd(total),
        paid=usd(0),
        from_balance=usd(used),
        period=PERIOD,
        due_at=AT,
    )
    voided = ledger.invoice_voided(record, voided_at=AT)
    assert accounts(finalized(invoice(line(total)), used), voided) == {}


@given(st.integers(0, 10**9), st.integers(1, 10**9))
def test_a_credit_note_owes_the_card_and_the_balance_what_it_says(card: int, balance: int) -> None:
    expected = {
        Account.DEFERRED_REVENUE: card + balance,
        Account.CUSTOMER_BALANCE: -balance,
        Account.REFUNDS_PAYABLE: -card,
    }
    assert accounts(ledger.credit_note_issued(note(card, balance))) == {
        account: minor for account, minor in expected.items() if minor
    }


def test_forty_of_the_balance_and_a_hundred_and_twenty_of_the_card_go_back_to_both() -> None:
    assert (
        accounts(
            finalized(invoice(line(16000)), 4000),
            paid(12000),
            ledger.credit_note_issued(note(12000, 4000)),
            ledger.refund_succeeded(refund(12000), at=AT),
        )
        == {}
    )


@pytest.mark.parametrize("had_succeeded", [False, True])
def test_a_failed_refund_is_the_customers_balance_also_after_it_had_succeeded(
    *, had_succeeded: bool
) -> None:
    entries = [finalized(invoice(line(16000))), paid(16000)]
    entries.append(ledger.credit_note_issued(note(16000, 0)))
    if had_succeeded:
        entries.append(ledger.refund_succeeded(refund(16000), at=AT))
    before = refund(16000, RefundState.SUCCEEDED if had_succeeded else RefundState.PENDING)
    entries.append(ledger.refund_failed(before, at=AT))
    assert accounts(*entries) == {Account.CASH: 16000, Account.CUSTOMER_BALANCE: -16000}


@pytest.mark.parametrize(
    ("state", "left"),
    [
        (DisputeState.WON, {Account.CASH: 16000}),
        (DisputeState.LOST, {Account.DISPUTE_LOSSES: 16000}),
    ],
)
def test_a_dispute_takes_the_money_until_it_is_decided(
    state: DisputeState, left: dict[Account, int]
) -> None:
    opened = ledger.dispute_opened(dispute(16000))
    assert accounts(paid(16000), opened) == {
        Account.DISPUTES: 16000,
        Account.RECEIVABLE: -16000,
    }
    closed = ledger.dispute_closed(dispute(16000, state), at=AT)
    assert accounts(paid(16000), opened, closed) == left | {Account.RECEIVABLE: -16000}


def test_every_fact_has_a_source_key_of_its_own() -> None:
    entries = [
        finalized(invoice(line(16000))),
        ledger.credit_note_issued(note(12000, 4000)),
        ledger.refund_succeeded(refund(12000), at=AT),
        ledger.refund_failed(refund(12000), at=AT),
        ledger.dispute_opened(dispute(16000)),
        ledger.dispute_closed(dispute(16000, DisputeState.WON), at=AT),
        ledger.dispute_closed(dispute(16000, DisputeState.LOST), at=AT),
    ]
    keys = [entry.source_key for entry in entries if entry is not None]
    assert keys == [
        "invoice.finalized:in_1",
        f"credit_note.issued:{note(12000, 4000).id}",
        "refund.succeeded:re_1",
        "refund.failed:re_1",
        "dispute.opened:du_1",
        "dispute.won:du_1",
        "dispute.lost:du_1",
    ]
