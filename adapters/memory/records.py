"""What the in-memory gateway keeps of customers and hosted pages."""

from billing.ports.gateway import HostedCheckout
from billing.value import Value


class Customer(Value):
    """A customer at the gateway."""

    id: str


class Page(Value):
    """A hosted page and whom it is for."""

    shown: HostedCheckout
    gateway_customer_id: str


class Done(Value):
    """The answer of a request that returns nothing."""
