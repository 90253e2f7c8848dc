"""Invoice items: one-off charges, on a subscription's next invoice or on one of their own.

Owns the value, what it says on an invoice, when one may be added, and what charging it at once
means for the subscription. Does not own taking it into an invoice (`activities.period_billing`,
`activities.one_off_charge`) nor collecting that.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from billing.catalog import MAX_QUANTITY
from billing.commands import check_command
from billing.errors import Conflict, InvalidInput
from billing.invoice import InvoiceLine, InvoiceRecord
from billing.money import Money
from billing.period import Period
from billing.pricing import LARGEST_CHARGE_MINOR, check_chargeable
from billing.subscription import (
    CommandName,
    OpenInvoice,
    SubscriptionState,
    SubscriptionStatus,
)
from billing.value import Instant, Value

_MOMENT: Final = timedelta(seconds=1)


class InvoiceItemStatus(StrEnum):
    """What became of an item; nothing leads out of the last three."""

    PENDING = "pending"
    INVOICED = "invoiced"
    CANCELED = "canceled"
    LAPSED = "lapsed"
    """The subscription ended before an invoice could take it."""


class InvoiceItem(Value):
    """Something charged once, beside what a subscription costs."""

    id: str
    customer_id: str
    subscription_id: str
    description: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)]
    amount: Money
    """Of all units together."""
    period: Period
    """When the service is or was rendered."""
    created_at: Instant
    status: InvoiceItemStatus = InvoiceItemStatus.PENDING
    invoice_id: str | None = None
    """The invoice that took it."""
    closed_at: Instant | None = None

    @property
    def line(self) -> InvoiceLine:
        """As it stands on an invoice: it has no price of the catalog, and is never prorated."""
        return InvoiceLine(
            description=self.description,
            price_id=None,
            price_version=None,
            quantity=self.quantity,
            period=self.period,
            amount=self.amount,
            item_id=self.id,
        )


def moment(at: datetime) -> Period:
    """The period of what is rendered at once."""
    return Period(start=at, end=at + _MOMENT)


def amount_of(*, unit_amount_minor: int, quantity: int, currency: str) -> Money:
    """What all units cost. Raises `InvalidInput` (`amount_too_large`, `amount_not_chargeable`)."""
    amount = Money(amount_minor=unit_amount_minor * quantity, currency=currency)
    if amount.amount_minor > LARGEST_CHARGE_MINOR:
        raise InvalidInput(
            "amount_too_large",
            f"{amount} is more than one charge can take",
            largest_minor=LARGEST_CHARGE_MINOR,
        )
    check_chargeable(amount)
    return amount


def check_addable(state: SubscriptionState, amount: Money) -> None:
    """Whether the subscription's next invoice can take an item.

    Raises `InvalidInput` (`currency_mismatch`) and `Conflict` (`subscription_ended`,
    `command_not_allowed`, `no_next_invoice`).
    """
    if state.has_ended:
        raise Conflict("subscription_ended", f"the subscription is {state.status}")
    if state.status is SubscriptionStatus.INCOMPLETE:
        raise Conflict("command_not_allowed", "the subscription has not begun")
    if state.cancellation is not None:
        raise Conflict(
            "no_next_invoice",
            f"the subscription ends on {state.cancellation.at:%Y-%m-%d}: no invoice comes after",
        )
    _check_currency(state, amount)


def check_chargeable_now(state: SubscriptionState, amount: Money) -> None:
    """Whether an invoice of its own can be collected through the subscription.

    Raises `InvalidInput` (`currency_mismatch`) and `Conflict` (`command_not_allowed`,
    `change_in_progress`). While past due nothing comes on top of what is owed, and before the first
    payment there is nothing to come on top of.
    """
    check_command(state, CommandName.CHARGE)
    if state.change is not None:
        raise Conflict("change_in_progress", "a change of the subscription is being paid for")
    _check_currency(state, amount)


def charged(
    state: SubscriptionState, invoice: InvoiceRecord, carried: tuple[InvoiceLine, ...]
) -> SubscriptionState:
    """The invoice is to be collected at once, and dunned as any other."""
    invoices = state.open_invoices
    if invoice.amount_due.amount_minor > 0 and state.open_invoice(invoice.id) is None:
        invoices += (
            OpenInvoice(
                invoice_id=invoice.id,
                amount=invoice.amount_due,
                due_at=invoice.due_at,
                next_attempt_at=invoice.due_at,
            ),
        )
    known = {line.item_id for line in state.carried}
    left = tuple(line for line in carried if line.item_id not in known)
    return state.changed(
        open_invoices=invoices, carried=(*state.carried, *left), last_invoice_id=invoice.id
    )


def _check_currency(state: SubscriptionState, amount: Money) -> None:
    if amount.currency != state.terms.currency:
        raise InvalidInput(
            "currency_mismatch", f"the subscription is billed in {state.terms.currency}"
        )
