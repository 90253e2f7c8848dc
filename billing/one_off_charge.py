"""Charging something once: at which price, when a subscription takes it, and what that does to it.

Owns the item that a one-off price makes, the conditions, the draft of its own invoice and the
transition. Does not own the item's value (`billing.invoice_item`), who writes its invoice
(`activities.period_billing`, `activities.one_off_charge`) nor collecting that.
"""

from collections.abc import Sequence
from datetime import datetime

from billing import sending
from billing.assessment import Assessment
from billing.commands import check_command
from billing.configuration import PLAIN, Configuration
from billing.discount import DiscountUse, after_uses
from billing.errors import Conflict, InvalidInput
from billing.invoice import InvoiceDraft, InvoiceLine, InvoiceRecord, draft_for_item
from billing.invoice_item import InvoiceItem, SoldOnce, moment
from billing.money import Money
from billing.offer import Offer
from billing.period import Period
from billing.price import Price
from billing.pricing import charge_for, check_not_too_large, check_quantity, rounded
from billing.subscription import (
    CommandName,
    SubscriptionState,
    SubscriptionStatus,
)
from billing.tax import Taxation


def sold_once(  # noqa: PLR0913 - what an item is made of
    offer: Offer,
    *,
    item_id: str,
    customer_id: str,
    subscription_id: str,
    quantity: int,
    currency: str,
    now: datetime,
    configuration: Configuration = PLAIN,
    period: Period | None = None,
    description: str | None = None,
    discountable: bool = True,
) -> InvoiceItem:
    """An item of `quantity` units at a one-off price, in the subscription's `currency`.

    Rendered now where no `period` is given. Raises `InvalidInput` (`price_recurring`,
    `currency_not_sold`, and as `billing.pricing.check_quantity` and
    `billing.price.Price.configured` do).
    """
    product, interval = offer.product, offer.price.interval
    if interval is not None:
        raise InvalidInput(
            "price_recurring",
            f"{offer.price.id} is charged {interval}: start a subscription to it",
        )
    price = offer.price.in_currency(currency).configured(configuration)
    check_quantity(price, quantity)
    charged = charge_for(price, quantity)
    units = price.unit_name if quantity == 1 else f"{price.unit_name}s"
    return InvoiceItem(
        id=item_id,
        customer_id=customer_id,
        subscription_id=subscription_id,
        description=description
        or ", ".join((product.name, *configuration.values, f"{quantity} {units}")),
        quantity=quantity,
        amount=rounded(charged),
        period=period or moment(now),
        created_at=now,
        sold=SoldOnce(
            price_id=price.id,
            price_version=price.version,
            product_id=product.id,
            tax_category=product.tax_category,
            tax_inclusive=price.tax_inclusive,
            explanation=charged,
        ),
        discountable=discountable,
    )


def check_addable(
    state: SubscriptionState, amount: Money, *, waiting: Sequence[InvoiceItem] = ()
) -> None:
    """Whether the subscription's next invoice can take an item beside those that wait for it.

    Raises `InvalidInput` (`currency_mismatch`; `amount_too_large` where all of it together is more
    than one charge can take) and `Conflict` (`subscription_ended`, `command_not_allowed`,
    `no_next_invoice`).
    """
    if state.has_ended:
        raise Conflict("subscription_ended", f"the subscription is {state.status}")
    if state.status is SubscriptionStatus.INCOMPLETE:
        raise Conflict("command_not_allowed", "the subscription has not begun")
    ends = state.period is not None and state.ends_by(state.period.end)
    if ends or state.cancellation is not None:
        raise Conflict("no_next_invoice", "the subscription ends: no invoice comes after")
    _check_currency(state, amount)
    bought = state.first_items if state.period_number is None else ()
    others = (item.amount for item in (*bought, *waiting))
    together = sum(others, state.terms.period_amount + amount)
    check_not_too_large(together, what="with this the next invoice")


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


def drafted(
    state: SubscriptionState,
    item: InvoiceItem,
    *,
    price: Price,
    taxation: Taxation,
    now: datetime,
) -> InvoiceDraft:
    """The item's own invoice: discounted by the subscription's coupons (policy P3), then taxed.

    By its own price where it has one; else it is taxed as what is subscribed at `price`.
    """
    own = item.terms(taxation)
    discounts = state.discounts if item.discountable else ()
    by = (
        Assessment(
            product_id=state.terms.product_id,
            discounts=discounts,
            treatment=taxation.of(state.terms.tax_category),
            tax_inclusive=price.tax_inclusive,
        )
        if own is None
        else Assessment(product_id=own.product_id, items=(own,), discounts=discounts)
    )
    return draft_for_item(
        item.line,
        customer_id=state.customer_id,
        subscription_id=state.subscription_id,
        item_id=item.id,
        by=by,
        now=now,
    )


def charged(
    state: SubscriptionState,
    invoice: InvoiceRecord,
    *,
    carried: tuple[InvoiceLine, ...],
    uses: tuple[DiscountUse, ...] = (),
) -> SubscriptionState:
    """The invoice is to be collected at once, and dunned as any other.

    It has used the discounts from now on, whatever becomes of its payment; once, also where a run
    after a reset hears of it again.
    """
    if state.last_invoice_id == invoice.id:
        return state.changed()
    invoices = state.open_invoices
    if invoice.amount_due.amount_minor > 0 and state.open_invoice(invoice.id) is None:
        invoices += (
            sending.opened(
                invoice_id=invoice.id,
                amount=invoice.amount_due,
                due_at=invoice.due_at,
                net_days=invoice.net_days,
            ),
        )
    known = {line.item_id for line in state.carried}
    left = tuple(line for line in carried if line.item_id not in known)
    return state.changed(
        open_invoices=invoices,
        carried=(*state.carried, *left),
        discounts=after_uses(state.discounts, uses, period_number=None),
        messages=(*state.messages, *sending.news_of(state, invoices)),
        last_invoice_id=invoice.id,
    )


def _check_currency(state: SubscriptionState, amount: Money) -> None:
    if amount.currency != state.terms.currency:
        raise InvalidInput(
            "currency_mismatch", f"the subscription is billed in {state.terms.currency}"
        )
