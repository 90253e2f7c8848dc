"""The tables, one module per concept; importing the package declares them all."""

from adapters.db.tables import (
    api_key,
    audit,
    catalog,
    checkout_session,
    customer,
    domain_event,
    idempotency,
    invoice,
    ledger,
    message,
    payment_attempt,
    subscription,
    test_clock,
    webhook,
)
from adapters.db.tables.schema import metadata

__all__ = [
    "api_key",
    "audit",
    "catalog",
    "checkout_session",
    "customer",
    "domain_event",
    "idempotency",
    "invoice",
    "ledger",
    "message",
    "metadata",
    "payment_attempt",
    "subscription",
    "test_clock",
    "webhook",
]
