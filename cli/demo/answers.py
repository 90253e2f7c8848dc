"""What the demo reads of the answers it gets.

Owns the fields that it needs of our API and of Stripe's. Fields that it does not know are left
alone, as any client does.
"""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict

from billing.money import Money


class Answer(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Amount(Answer):
    """An amount of money."""

    amount_minor: int
    currency: str

    @property
    def money(self) -> Money:
        """The same, as a value to add and show."""
        return Money(amount_minor=self.amount_minor, currency=self.currency)

    @classmethod
    def of(cls, money: Money) -> Self:
        """The same, as it is answered."""
        return cls(amount_minor=money.amount_minor, currency=money.currency)


class Period(Answer):
    """From `start` up to, and without, `end`."""

    start: datetime
    end: datetime


class Created(Answer):
    """Anything that was made, by its id."""

    id: str


class Checkout(Created):
    """A checkout session."""

    url: str | None
    subscription: str


class TestClock(Created):
    """A test clock."""

    __test__ = False

    status: str
    frozen_at: datetime


class OpenInvoice(Created):
    """An invoice that is not paid yet."""

    attempts_made: int


class Paying(Created):
    """A change that waits for its payment."""

    action_url: str | None


class Subscription(Created):
    """A subscription."""

    status: str
    price: str
    quantity: int
    end_reason: str | None
    ended_at: datetime | None
    change: Paying | None
    pending_change: Created | None
    open_invoices: tuple[OpenInvoice, ...]


class Change(Created):
    """A change of a subscription; `result` says what became of it."""

    result: str


class PortalSession(Answer):
    """A link to the portal."""

    url: str


class PaymentAttempt(Answer):
    """One try to collect an invoice."""

    number: int
    amount: Amount
    payment: str | None
    outcome: str | None
    decline: str | None


class LineDiscount(Answer):
    """What a coupon takes off a line."""

    amount: Amount


class LineTax(Answer):
    """A line's share of its invoice's tax."""

    inclusive: bool
    amount: Amount


class InvoiceLine(Answer):
    """One amount for one thing."""

    description: str
    amount: Amount
    discounts: tuple[LineDiscount, ...]
    tax: LineTax | None


class ReceivedPayment(Created):
    """What came outside Stripe."""

    amount: Amount
    applied: Amount


class Invoice(Created):
    """An invoice with what was tried to collect it, and what came by itself."""

    number: str
    status: str
    customer: str
    period: Period
    change: str | None
    total: Amount
    from_balance: Amount
    amount_paid: Amount
    amount_due: Amount
    pay_url: str | None
    due_at: datetime
    lines: tuple[InvoiceLine, ...]
    attempts: tuple[PaymentAttempt, ...]
    received_payments: tuple[ReceivedPayment, ...]

    @property
    def by_transfer(self) -> Money:
        """What of it was paid outside Stripe."""
        nothing = Money.zero(self.total.currency)
        return sum((each.applied.money for each in self.received_payments), nothing)

    @property
    def by_card(self) -> Money:
        """What payments at Stripe brought in."""
        return self.amount_paid.money - self.by_transfer


class InvoicePage(Answer):
    """Some invoices of a list."""

    data: tuple[Invoice, ...]
    next_cursor: str | None


class Refund(Created):
    """Money on its way back to a card."""

    state: str
    amount: Amount
    is_external: bool


class CreditNoteLine(Answer):
    """What was given back of one thing."""

    description: str
    amount: Amount


class CreditNote(Created):
    """What was given back of an invoice."""

    number: str
    invoice: str
    total: Amount
    tax: Amount
    to_card: Amount
    to_balance: Amount
    issued_at: datetime
    lines: tuple[CreditNoteLine, ...]
    refund: Refund | None


class CreditNotePage(Answer):
    """Some credit notes of a list."""

    data: tuple[CreditNote, ...]
    next_cursor: str | None


class Dispute(Created):
    """A payment that a bank takes back, for now or for good."""

    state: str
    amount: Amount
    reason: str
    opened_at: datetime


class DisputePage(Answer):
    """Some disputes of a list."""

    data: tuple[Dispute, ...]
    next_cursor: str | None


class Balance(Answer):
    """What a customer has in their favour, per currency."""

    balances: tuple[Amount, ...]


class Account(Answer):
    """One account of the ledger in one currency."""

    account: str
    currency: str
    debits_minor: int
    credits_minor: int


class LedgerReport(Answer):
    """The books of some customers."""

    balanced: bool
    trial_balance: tuple[Account, ...]


class StripeCharge(Created):
    """A charge at Stripe; `currency` in lower case."""

    payment_intent: str
    amount_captured: int
    amount_refunded: int
    currency: str
    disputed: bool
    status: str


class StripeCharges(Answer):
    """A page of charges."""

    data: tuple[StripeCharge, ...]
    has_more: bool


class StripeMovement(Answer):
    """What moved the account's balance, before fees; below zero what was taken."""

    amount: int


class StripeDispute(Created):
    """A dispute at Stripe, and what it has moved."""

    status: str
    balance_transactions: tuple[StripeMovement, ...]


class StripeDisputes(Answer):
    """The disputes of a charge."""

    data: tuple[StripeDispute, ...]


class StripeCustomers(Answer):
    """A page of customers."""

    data: tuple[Created, ...]


class Ready(Answer):
    """Each part of the system answers."""


class Problem(Answer):
    """Why something is refused."""

    code: str
