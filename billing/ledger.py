"""The double-entry ledger's values (policy P30).

Owns accounts, balanced entries and which entry an event posts. Storage is append-only and checks
the balance again (`adapters/db`).
"""

from enum import StrEnum
from typing import Self

from pydantic import model_validator

from billing.ids import effect_key
from billing.invoice import InvoiceDraft
from billing.money import Money
from billing.value import Instant, Value


class Account(StrEnum):
    """The chart of accounts; a positive posting is a debit, a negative one a credit."""

    RECEIVABLE = "receivable"
    CASH = "cash"
    DEFERRED_REVENUE = "deferred_revenue"


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


def invoice_finalized(draft: InvoiceDraft) -> JournalEntry:
    """The customer owes the total; the service is still to be delivered."""
    return JournalEntry(
        source_key=effect_key("invoice.finalized", draft.id),
        occurred_at=draft.finalized_at,
        customer_id=draft.customer_id,
        invoice_id=draft.id,
        postings=_move(debit=Account.RECEIVABLE, credit=Account.DEFERRED_REVENUE, of=draft.total),
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


def invoice_voided(
    *, invoice_id: str, customer_id: str, unpaid: Money, voided_at: Instant
) -> JournalEntry:
    """What was never paid is no longer owed, and its service not delivered."""
    return JournalEntry(
        source_key=effect_key("invoice.voided", invoice_id),
        occurred_at=voided_at,
        customer_id=customer_id,
        invoice_id=invoice_id,
        postings=_move(debit=Account.DEFERRED_REVENUE, credit=Account.RECEIVABLE, of=unpaid),
    )


def _move(*, debit: Account, credit: Account, of: Money) -> tuple[Posting, ...]:
    return (Posting(account=debit, amount=of), Posting(account=credit, amount=-of))
