"""What the demo reads of the answers it gets.

Owns the fields that it needs of our API and of Stripe's. Fields that it does not know are left
alone, as any client does.
"""

from datetime import datetime

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


class Subscription(Created):
    """A subscription."""

    status: str
    end_reason: str | None
    ended_at: datetime | None


class PaymentAttempt(Answer):
    """One try to collect an invoice."""

    number: int
    payment: str | None
    outcome: str | None
    decline: str | None


class Invoice(Created):
    """An invoice with what was tried to collect it."""

    number: str
    status: str
    customer: str
    period: Period
    total: Amount
    amount_paid: Amount
    due_at: datetime
    attempts: tuple[PaymentAttempt, ...]


class InvoicePage(Answer):
    """Some invoices of a list."""

    data: tuple[Invoice, ...]
    next_cursor: str | None


class Comparison(Answer):
    """What the ledger says against what the invoices say."""

    currency: str
    ledger_minor: int
    agrees: bool


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
    cash: tuple[Comparison, ...]


class StripeCharge(Created):
    """A charge at Stripe; `currency` in lower case."""

    amount_captured: int
    amount_refunded: int
    currency: str
    status: str


class StripeCharges(Answer):
    """A page of charges."""

    data: tuple[StripeCharge, ...]
    has_more: bool


class StripeCustomers(Answer):
    """A page of customers."""

    data: tuple[Created, ...]


class Ready(Answer):
    """Each part of the system answers."""
