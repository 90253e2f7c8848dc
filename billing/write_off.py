"""What is given up of what was sold, as no invoice can ever collect it (policy P5).

Owns the value, its one source key and its event. Does not own when that happens
(`billing.lifecycle`, `billing.changing`) nor the entry that it posts (`billing.ledger`).
"""

from collections.abc import Sequence
from datetime import datetime

from billing.event import DomainEvent
from billing.ids import effect_key
from billing.invoice import InvoiceLine
from billing.money import Money
from billing.value import Instant, Value


class WriteOff(Value):
    """Carried to a next invoice that will never come."""

    source: str
    """Of one cause, something is written off once."""
    invoice_id: str
    """The last invoice, which left it to the next one."""
    amount: Money
    written_off_at: Instant


def write_offs_of(
    carried: Sequence[InvoiceLine],
    *,
    subscription_id: str,
    cause: str,
    invoice_id: str | None,
    now: datetime,
) -> tuple[WriteOff, ...]:
    """One for all that is `carried`; none where nothing is."""
    if not carried or invoice_id is None:
        return ()
    amount = sum((line.amount for line in carried), Money.zero(carried[0].amount.currency))
    if not amount.amount_minor:
        return ()
    source = effect_key("carried.written_off", subscription_id, cause)
    return (WriteOff(source=source, invoice_id=invoice_id, amount=amount, written_off_at=now),)


def written_off_event(
    write_off: WriteOff, *, customer_id: str, subscription_id: str
) -> DomainEvent:
    """It is no longer owed."""
    return DomainEvent(
        key=write_off.source,
        type="carried.written_off",
        at=write_off.written_off_at,
        customer_id=customer_id,
        subscription_id=subscription_id,
        details={
            "invoice_id": write_off.invoice_id,
            "amount_minor": write_off.amount.amount_minor,
            "currency": write_off.amount.currency,
        },
    )
