"""The double-entry ledger's values (policy P30).

Owns accounts, balanced entries and which entry an event posts. Storage is append-only and checks
the balance again (`adapters/db`).
"""

from enum import StrEnum
from typing import Self

from pydantic import model_validator

from billing.credit_note import CreditNoteDraft
from billing.dispute import Dispute, DisputeState
from billing.ids import effect_key
from billing.invoice import InvoiceDraft, InvoiceRecord, InvoiceStatus
from billing.money import Money
from billing.received_payment import ReceivedPayment
from billing.refund import Refund, RefundState
from billing.value import Instant, Value
from billing.write_off import WriteOff


class Account(StrEnum):
    """The chart of accounts; a positive posting is a debit, a negative one a credit."""

    RECEIVABLE = "receivable"
    CASH = "cash"
    """With the gateway, ours to pay out."""
    BANK = "bank"
    """With the seller: what came outside the gateway (policy P22)."""
    DEFERRED_REVENUE = "deferred_revenue"
    TAX_PAYABLE = "tax_payable"
    """Charged for the authorities, and owed to them."""
    CUSTOMER_BALANCE = "customer_balance"
    """What we owe customers, to be set against invoices."""
    REFUNDS_PAYABLE = "refunds_payable"
    """Promised to a card, not there yet."""
    DISPUTES = "disputes"
    """Withdrawn by a bank that has not decided yet."""
    DISPUTE_LOSSES = "dispute_losses"
    BAD_DEBT = "bad_debt"
    """Owed for service that was delivered, and given up; less what was paid of it after all."""
    WRITE_OFFS = "write_offs"
    """Sold, too little to collect, and never invoiced."""


class Posting(Value):
    """One side of an entry."""

    account: Account
    amount: Money


class JournalEntry(Value):
    """A balanced set of postings, posted once per `source_key`."""

    source_key: str
    occurred_at: Instant
    customer_id: str
    invoice_id: str
    postings: tuple[Posting, ...]

    @model_validator(mode="after")
    def _balanced(self) -> Self:
        totals: dict[str, int] = {}
        for posting in self.postings:
            currency = posting.amount.currency
            totals[currency] = totals.get(currency, 0) + posting.amount.amount_minor
        if any(totals.values()):
            raise ValueError("debits must equal credits in every currency")
        return self


def invoice_finalized(draft: InvoiceDraft, *, from_balance: Money) -> JournalEntry | None:
    """The customer owes what the balance does not pay; the service is still to be delivered.

    What of it is tax is owed to the authorities. A negative total is owed to the customer. None
    where no money is in it.
    """
    total, currency = draft.total, draft.currency
    owed = total - from_balance
    to_balance = Money.zero(currency)
    if owed.amount_minor < 0:
        owed, to_balance = Money.zero(currency), -owed
    postings = (
        Posting(account=Account.RECEIVABLE, amount=owed),
        Posting(account=Account.CUSTOMER_BALANCE, amount=from_balance - to_balance),
        Posting(account=Account.DEFERRED_REVENUE, amount=draft.tax - total),
        Posting(account=Account.TAX_PAYABLE, amount=-draft.tax),
    )
    return _entry(
        effect_key("invoice.finalized", draft.id),
        at=draft.finalized_at,
        customer_id=draft.customer_id,
        invoice_id=draft.id,
        postings=postings,
    )


def payment_received(
    *, invoice_id: str, customer_id: str, payment_intent_id: str, amount: Money, paid_at: Instant
) -> JournalEntry:
    """The gateway holds the money; the customer owes that much less."""
    return JournalEntry(
        source_key=effect_key("payment.received", payment_intent_id),
        occurred_at=paid_at,
        customer_id=customer_id,
        invoice_id=invoice_id,
        postings=_move(debit=Account.CASH, credit=Account.RECEIVABLE, of=amount),
    )


def payment_recorded(payment: ReceivedPayment, *, of: InvoiceRecord) -> JournalEntry:
    """The seller has the money; the customer owes that much less, and has what is beyond it.

    `of` is the invoice before it: of a bad debt, that much less is a loss.
    """
    amount = payment.reported.amount
    is_lost = of.status is InvoiceStatus.UNCOLLECTIBLE
    postings = (
        Posting(account=Account.BANK, amount=amount),
        Posting(
            account=Account.BAD_DEBT if is_lost else Account.RECEIVABLE, amount=-payment.applied
        ),
        Posting(account=Account.CUSTOMER_BALANCE, amount=-payment.to_balance),
    )
    return JournalEntry(
        source_key=effect_key("payment.recorded", payment.id),
        occurred_at=payment.booked_at,
        customer_id=payment.customer_id,
        invoice_id=payment.invoice_id,
        postings=tuple(posting for posting in postings if posting.amount.amount_minor),
    )


def invoice_voided(invoice: InvoiceRecord, *, voided_at: Instant) -> JournalEntry | None:
    """What was never paid is no longer owed, its service not delivered; the balance comes back.

    So does, as balance, what came of it outside the gateway.
    """
    returned = invoice.from_balance + invoice.paid
    postings = (
        Posting(account=Account.RECEIVABLE, amount=returned - invoice.total),
        Posting(account=Account.CUSTOMER_BALANCE, amount=-returned),
        Posting(account=Account.DEFERRED_REVENUE, amount=invoice.total - invoice.tax),
        Posting(account=Account.TAX_PAYABLE, amount=invoice.tax),
    )
    return _entry(
        effect_key("invoice.voided", invoice.id),
        at=voided_at,
        customer_id=invoice.customer_id,
        invoice_id=invoice.id,
        postings=postings,
    )


def invoice_uncollectible(invoice: InvoiceRecord, *, at: Instant) -> JournalEntry | None:
    """What nobody will pay is a loss; the service stays sold."""
    owed = invoice.total - invoice.from_balance - invoice.paid
    return _entry(
        effect_key("invoice.uncollectible", invoice.id),
        at=at,
        customer_id=invoice.customer_id,
        invoice_id=invoice.id,
        postings=_move(debit=Account.BAD_DEBT, credit=Account.RECEIVABLE, of=owed),
    )


def credit_note_issued(draft: CreditNoteDraft) -> JournalEntry | None:
    """Less service and tax are owed; the money is owed to the customer, or to the card."""
    postings = (
        Posting(account=Account.DEFERRED_REVENUE, amount=draft.total - draft.tax),
        Posting(account=Account.TAX_PAYABLE, amount=draft.tax),
        Posting(account=Account.CUSTOMER_BALANCE, amount=-draft.to_balance),
        Posting(account=Account.REFUNDS_PAYABLE, amount=-draft.to_card),
    )
    return _entry(
        effect_key("credit_note.issued", draft.id),
        at=draft.issued_at,
        customer_id=draft.customer_id,
        invoice_id=draft.invoice_id,
        postings=postings,
    )


def refund_succeeded(refund: Refund, *, at: Instant) -> JournalEntry:
    """The gateway has given the money back."""
    return _moved("refund.succeeded", refund, at, Account.REFUNDS_PAYABLE, Account.CASH)


def refund_failed(refund: Refund, *, at: Instant) -> JournalEntry:
    """The money could not go back: the customer has it as balance (policy P31).

    `refund` is as it was before; a success that failed later is cash again.
    """
    held = Account.CASH if refund.state is RefundState.SUCCEEDED else Account.REFUNDS_PAYABLE
    return _moved("refund.failed", refund, at, held, Account.CUSTOMER_BALANCE)


def dispute_opened(dispute: Dispute) -> JournalEntry:
    """The bank has withdrawn the money until it decides."""
    return _disputed("dispute.opened", dispute, dispute.opened_at, Account.DISPUTES, Account.CASH)


def dispute_closed(dispute: Dispute, *, at: Instant) -> JournalEntry:
    """Won: the money is back. Lost: it is gone."""
    is_won = dispute.state is DisputeState.WON
    kept = Account.CASH if is_won else Account.DISPUTE_LOSSES
    return _disputed(f"dispute.{dispute.state}", dispute, at, kept, Account.DISPUTES)


def written_off(write_off: WriteOff, *, customer_id: str) -> JournalEntry:
    """Service that was sold and that no invoice asks for: revenue to be earned, and a loss."""
    return JournalEntry(
        source_key=write_off.source,
        occurred_at=write_off.written_off_at,
        customer_id=customer_id,
        invoice_id=write_off.invoice_id,
        postings=_move(
            debit=Account.WRITE_OFFS, credit=Account.DEFERRED_REVENUE, of=write_off.amount
        ),
    )


def _moved(what: str, refund: Refund, at: Instant, debit: Account, credit: Account) -> JournalEntry:
    return JournalEntry(
        source_key=effect_key(what, refund.id),
        occurred_at=at,
        customer_id=refund.customer_id,
        invoice_id=refund.invoice_id,
        postings=_move(debit=debit, credit=credit, of=refund.amount),
    )


def _disputed(
    what: str, dispute: Dispute, at: Instant, debit: Account, credit: Account
) -> JournalEntry:
    return JournalEntry(
        source_key=effect_key(what, dispute.id),
        occurred_at=at,
        customer_id=dispute.customer_id,
        invoice_id=dispute.invoice_id,
        postings=_move(debit=debit, credit=credit, of=dispute.amount),
    )


def _entry(
    source_key: str,
    *,
    at: Instant,
    customer_id: str,
    invoice_id: str,
    postings: tuple[Posting, ...],
) -> JournalEntry | None:
    """Without the sides that are nothing; None where all are."""
    sides = tuple(posting for posting in postings if posting.amount.amount_minor)
    if not sides:
        return None
    return JournalEntry(
        source_key=source_key,
        occurred_at=at,
        customer_id=customer_id,
        invoice_id=invoice_id,
        postings=sides,
    )


def _move(*, debit: Account, credit: Account, of: Money) -> tuple[Posting, ...]:
    return (Posting(account=debit, amount=of), Posting(account=credit, amount=-of))
