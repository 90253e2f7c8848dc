"""What a document belongs to: a subscription, or a purchase.

Owns the two fields that say so, and the filter of lists by either. Stored, both are one id.
"""

from typing import Annotated, TypedDict

from fastapi import Depends, Query
from pydantic import Field

from api.fields import PurchaseId, SubscriptionId
from billing.errors import InvalidInput
from billing.purchase import is_purchase_id

SubscriptionOf = Annotated[
    str | None,
    Field(description="Null where a purchase has it", examples=["sub_4a1b9c0d2e3f4a1b9c0d2e3f"]),
]
PurchaseOf = Annotated[
    str | None,
    Field(
        description="What was bought without a subscription",
        examples=["pur_4a1b9c0d2e3f4a1b9c0d2e3f"],
    ),
]


class Sale(TypedDict):
    """One of the two."""

    subscription: str | None
    purchase: str | None


def sale_of(subscription_id: str) -> Sale:
    """What the stored id is."""
    if is_purchase_id(subscription_id):
        return Sale(subscription=None, purchase=subscription_id)
    return Sale(subscription=subscription_id, purchase=None)


async def wanted_sale(
    subscription: Annotated[SubscriptionId | None, Query()] = None,
    purchase: Annotated[PurchaseId | None, Query()] = None,
) -> str | None:
    """The id to look for. Raises `InvalidInput` (`subscription_or_purchase`) for both."""
    if subscription is not None and purchase is not None:
        raise InvalidInput(
            "subscription_or_purchase", "a document has a subscription or a purchase: name one"
        )
    return subscription or purchase


WantedSale = Annotated[str | None, Depends(wanted_sale)]
