"""What is bought once with a subscription, and stands on its first invoice.

Owns how it is asked for, and the items that it makes. Does not own the rest of an order
(`api.subscription_start`) nor one-off charges of a running subscription (`api.invoice_items`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.queries import catalog
from api.configured import Configured
from api.fields import PriceId, Quantity
from billing.ids import derived_id
from billing.invoice_item import InvoiceItem
from billing.one_off_charge import sold_once
from billing.subscription import SubscriptionState

MOST_ITEMS: Final = 10


class AddedItem(Configured):
    """So many units at a one-off price."""

    price: PriceId
    quantity: Quantity = 1
    discountable: bool = Field(
        default=True, description="Whether the subscription's coupons are for it"
    )


def _not_empty(items: tuple[AddedItem, ...]) -> tuple[AddedItem, ...]:
    """Asked once all of them are read: the length alone would count those that are in order."""
    if not items:
        raise PydanticCustomError("list_length_out_of_range", "write at least one item")
    return items


PurchasedItems = Annotated[
    tuple[AddedItem, ...],
    AfterValidator(_not_empty),
    Field(
        json_schema_extra={"minItems": 1},
        max_length=MOST_ITEMS,
        description="One-off prices, all in one currency. The first one's product says how a"
        " payment that is refused is tried again",
        examples=[[{"price": "onboarding_session", "quantity": 1}]],
    ),
]
AddInvoiceItems = Annotated[
    tuple[AddedItem, ...],
    Field(
        max_length=MOST_ITEMS,
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
    return await items_of(
        connection,
        added,
        customer_id=state.customer_id,
        subscription_id=state.subscription_id,
        currency=state.terms.currency,
        now=state.created_at,
    )


async def items_of(
    connection: AsyncConnection,
    added: Sequence[AddedItem],
    *,
    customer_id: str,
    subscription_id: str,
    currency: str,
    now: datetime,
) -> tuple[InvoiceItem, ...]:
    """The same for the same subscription or purchase. Raises as `first_items_of` does."""
    items: list[InvoiceItem] = []
    for number, wanted in enumerate(added, start=1):
        offer = await catalog.offer(connection, wanted.price, now=now)
        if offer is None:
            raise await catalog.not_offered(connection, wanted.price, now=now)
        items.append(
            sold_once(
                offer,
                item_id=derived_id("ii", subscription_id, str(number)),
                customer_id=customer_id,
                subscription_id=subscription_id,
                quantity=wanted.quantity,
                currency=currency,
                configuration=wanted.configuration,
                now=now,
                discountable=wanted.discountable,
            )
        )
    return tuple(items)
