"""What the billing system needs of its database about money: what is owed, paid and given back.

Owns the part of the port that keeps documents, attempts to pay them, balances and the journal, and
the values that it answers with. All writes are idempotent by the business keys of what they write.
Does not own the transaction that they are a part of (`billing.ports.storage`).
"""

from datetime import datetime
from typing import Protocol

from billing.balance import BalanceMovement
from billing.credit_note import CreditNoteDraft, Settled
from billing.dispute import Dispute
from billing.invoice import InvoiceDraft, InvoiceRecord
from billing.invoice_item import InvoiceItem
from billing.ledger import JournalEntry
from billing.lineage import Lineage
from billing.money import Money
from billing.payment import CollectionOutcome
from billing.ports.customers import CustomerRecord
from billing.proration import Debit
from billing.received_payment import ReceivedPayment
from billing.refund import Refund
from billing.value import Instant, Value


class PaymentAttempt(Value):
    """One try to collect one invoice: the intent, the gateway's id and what came of it."""

    invoice_id: str
    number: int
    payment_method_id: str
    amount: Money
    started_at: Instant
    """The machine's real time: idempotency keys age in real time."""
    attempted_at: Instant
    """The subscription's time: the card networks' limits count in it."""
    payment_id: str | None = None
    failed_creations: int = 0
    """Creations that the gateway answered with 5xx; each needs a key of its own."""
    failed_confirmations: int = 0
    """Confirmations and cancellations answered with 5xx; each needs a key of its own."""
    outcome: CollectionOutcome | None = None


class OwedInvoice(Value):
    """An invoice that somebody wants to collect, with what has to be known before."""

    invoice: InvoiceRecord
    customer: CustomerRecord
    recorded_revision: int
    """Of its subscription, with the run that recorded it."""
    recorded_lineage: Lineage | None


class EarlierAttempts(Value):
    """What was tried before an attempt is made."""

    of_invoice: tuple[PaymentAttempt, ...]
    """In the order of their numbers."""
    declined: tuple[PaymentAttempt, ...]
    """The customer's over the same amount; latest first. The card networks count those (P19)."""
    last_of_method: PaymentAttempt | None
    """The latest that came to an outcome, whatever it was for."""


class Invoices(Protocol):
    """Finalised invoices; their numbers have no gaps (policy P29)."""

    async def finalize(self, draft: InvoiceDraft) -> InvoiceRecord:
        """Numbers and stores the invoice, once per draft id.

        The customer's balance pays what it can; an invoice of which nothing is left to collect is
        paid at once, and a negative one goes to the balance. Both move in this transaction.
        """
        ...

    async def debits(
        self, subscription_id: str, *, ending_after: datetime, with_sent: bool = False
    ) -> tuple[Debit, ...]:
        """The positive lines of paid invoices whose period ends later, with what was given back.

        Paid but for what a transfer left, too little to charge, is paid here (policy P5).
        `with_sent`, of those too that were sent and are open (policy P22).
        Without what was charged once: no time of it is unused. Given back by credit lines of
        invoices that are not void and by credit notes. In the order of invoice number and position.
        """
        ...

    async def debits_of(self, invoice_id: str) -> tuple[Debit, ...]:
        """All positive lines of one invoice, with what was given back of each."""
        ...

    async def settled(self, invoice_id: str) -> Settled:
        """How a paid invoice was paid and what of it went back. Locks the invoice.

        Raises `NotFound` (`invoice_not_found`).
        """
        ...

    async def get(self, invoice_id: str) -> InvoiceRecord | None:
        """The invoice, locked until the transaction ends."""
        ...

    async def to_collect(self, invoice_id: str) -> OwedInvoice:
        """The invoice of a subscription, locked until the transaction ends.

        Raises `NotFound` (`invoice_not_found`).
        """
        ...

    async def mark_paid(self, invoice_id: str, *, paid_at: datetime) -> bool:
        """Open to paid; whether it was open."""
        ...

    async def mark_void(self, invoice_id: str, *, voided_at: datetime) -> None:
        """Open to void; what the balance had paid, and what was received, goes to the balance."""
        ...

    async def mark_uncollectible(self, invoice_id: str, *, at: datetime) -> None:
        """Open to uncollectible: a bad debt."""
        ...


class ReceivedPayments(Protocol):
    """Payments that came outside the gateway, of open invoices and bad debts (policy P22)."""

    async def get(self, invoice_id: str, reference: str) -> ReceivedPayment | None:
        """The payment of an invoice with that reference."""
        ...

    async def add(self, payment: ReceivedPayment) -> None:
        """Stores it, with what it pays of its invoice and what of it becomes balance.

        The invoice is locked before. Raises `Conflict` (`invoice_not_open`), also where another
        amount is due than the payment was computed from.
        """
        ...


class InvoiceItems(Protocol):
    """One-off charges that wait for an invoice. Those of a subscription that ends lapse with it."""

    async def add_invoiced(self, item: InvoiceItem, *, invoice_id: str, at: datetime) -> None:
        """An item that an invoice has from the beginning; once per id."""
        ...

    async def pending(self, subscription_id: str) -> tuple[InvoiceItem, ...]:
        """Those that wait, in the order in which they were added."""
        ...

    async def take(
        self, subscription_id: str, *, invoice_id: str, at: datetime
    ) -> tuple[InvoiceItem, ...]:
        """The pending items, from now on the invoice's; in the order in which they were added.

        Where the invoice is finalised already: those that it took.
        """
        ...


class PaymentAttempts(Protocol):
    """Every try to collect, kept for ever."""

    async def get(self, invoice_id: str, number: int) -> PaymentAttempt | None:
        """One attempt."""
        ...

    async def unfinished(self, invoice_id: str) -> tuple[PaymentAttempt, ...]:
        """Attempts that might still take money, oldest first."""
        ...

    async def put(self, attempt: PaymentAttempt) -> None:
        """Stores or replaces by invoice and number; an outcome that is final never changes."""
        ...

    async def by_payment(self, payment_id: str) -> PaymentAttempt | None:
        """The attempt that made a payment at the gateway."""
        ...

    async def waiting(self, *, started_before: datetime) -> tuple[str, ...]:
        """Payments that a bank or a customer had not decided on when they were last looked at.

        Of open invoices, and of attempts that really began before then; oldest first.
        """
        ...

    async def start_payment(self, attempt: PaymentAttempt) -> bool:
        """Records the gateway's payment of an attempt, where it is still to be made.

        False where the invoice is not open any more, or where somebody else went on with the
        attempt: made another payment of it, or began another request.
        """
        ...

    async def earlier(
        self, invoice: InvoiceRecord, *, payment_method_id: str | None, since: datetime
    ) -> EarlierAttempts:
        """What was tried of the invoice, and what speaks against a method; declines since then."""
        ...


class Balances(Protocol):
    """What customers have in their favour."""

    async def move(self, movement: BalanceMovement) -> None:
        """Once per source key. Raises `BooksBroken` (`balance_negative`)."""
        ...

    async def of(self, customer_id: str, currency: str) -> Money:
        """The balance now; zero where there never was one."""
        ...


class CreditNotes(Protocol):
    """Issued credit notes; their numbers have no gaps."""

    async def issue(self, draft: CreditNoteDraft) -> str:
        """Numbers and stores the note once per id, moves the balance, and returns its number."""
        ...

    async def of_source(self, subscription_id: str, source: str) -> tuple[CreditNoteDraft, ...]:
        """What a cause has led to so far."""
        ...


class Refunds(Protocol):
    """Refunds and where they stand."""

    async def get(self, refund_id: str) -> Refund | None:
        """One refund, locked until the transaction ends."""
        ...

    async def by_gateway_id(self, gateway_refund_id: str) -> Refund | None:
        """The refund that the gateway knows under its own id, locked."""
        ...

    async def put(self, refund: Refund) -> None:
        """Stores or replaces by id."""
        ...

    async def unfinished(self) -> tuple[str, ...]:
        """Ids of refunds that are pending."""
        ...


class Disputes(Protocol):
    """Disputes of payments of ours."""

    async def get(self, dispute_id: str) -> Dispute | None:
        """One dispute, locked until the transaction ends."""
        ...

    async def put(self, dispute: Dispute) -> None:
        """Stores or replaces by id."""
        ...


class Ledger(Protocol):
    """The journal."""

    async def post(self, entry: JournalEntry) -> None:
        """Once per source key."""
        ...
