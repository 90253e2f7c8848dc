"""What is bought once with a subscription, and stands on its first invoice.

Owns how it is asked for, and the items that it makes. Does not own the rest of an order
(`api.subscription_start`) nor one-off charges of a running subscription (`api.invoice_items`).
"""

from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries import catalog
from api.configured import Configured
from api.fields import PriceId, Quantity
from billing.ids import derived_id
from billing.invoice_item import InvoiceItem
from billing.one_off_charge import sold_once
from billing.subscription import SubscriptionState

_MOST: Final = 10


class AddedItem(Configured):
    """So many units at a one-off price."""

    price: PriceId
    quantity: Quantity = 1
    discountable: bool = Field(
        default=True, description="Whether the subscription's coupons are for it"
    )


AddInvoiceItems = Annotated[
    tuple[AddedItem, ...],
    Field(
        max_length=_MOST,
        description="One-off prices that are charged on the first invoice besides, in the"
        " subscription's currency; after a trial with the first period",
        examples=[[{"price": "onboarding_session", "quantity": 1}]],
    ),
]


async def first_items_of(
    connection: AsyncConnection, state: SubscriptionState, added: Sequence[AddedItem]
) -> tuple[InvoiceItem, ...]:
    """The items of a subscription that is to start; the same for the same subscription.

    Raises `InvalidInput` (`price_not_found`, `price_retired`, and as
    `billing.one_off_charge.sold_once` does).
    """
    items: list[InvoiceItem] = []
    for number, wanted in enumerate(added, start=1):
        offer = await catalog.offer(connection, wanted.price, now=state.created_at)
        if offer is None:
            raise await catalog.not_offered(connection, wanted.price, now=state.created_at)
        items.append(
            sold_once(
                offer,
                item_id=derived_id("ii", state.subscription_id, str(number)),
                customer_id=state.customer_id,
                subscription_id=state.subscription_id,
                quantity=wanted.quantity,
                currency=state.terms.currency,
                configuration=wanted.configuration,
                now=state.created_at,
                discountable=wanted.discountable,
            )
        )
    return tuple(items)
