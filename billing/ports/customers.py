"""What the billing system needs to know of its customers.

Owns the part of the port that is about who pays, and with what. Does not own the transaction that
it is a part of (`billing.ports.storage`).
"""

from typing import Protocol

from billing.locale import DEFAULT_LOCALE
from billing.net_terms import NetDays
from billing.value import Value


class CustomerRecord(Value):
    """A customer, as activities need it."""

    id: str
    email: str
    name: str | None
    gateway_customer_id: str | None
    default_payment_method_id: str | None
    locale: str = DEFAULT_LOCALE
    segment: str | None = None
    """Which dunning ladder of a product is meant for the customer (policy P18)."""
    net_days: NetDays | None = None
    """Of an invoice customer: what is finalised is sent, and due so much later (policy P22)."""

    @property
    def can_be_billed(self) -> bool:
        """Whether there is something to charge, or nothing is charged by itself."""
        return self.default_payment_method_id is not None or self.net_days is not None


class Customers(Protocol):
    """Customers and their saved payment methods."""

    async def get(self, customer_id: str) -> CustomerRecord:
        """Raises `NotFound` (`customer_not_found`)."""
        ...

    async def set_default_payment_method(self, customer_id: str, payment_method_id: str) -> None:
        """What later charges use."""
        ...
