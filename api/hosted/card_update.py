"""Replacing a customer's card on a page of the gateway, from whichever page of ours.

Owns the making of that page, the way to it and what follows when the customer comes back. Cards
never pass through here. Does not own what completing the page does
(`adapters.temporal.checkout_completion`).
"""

import re
from typing import Final

from starlette.responses import Response

from adapters.db.queries.customers import Customer
from adapters.temporal.checkout_completion import CheckoutCompletion, CheckoutProgress
from adapters.temporal.subscription_signals import SubscriptionSignals
from api.dependencies import Dependencies
from api.gateway_customer import ensure_gateway_customer, with_fresh_keys
from api.hosted import notices
from api.hosted.page import ShownInstead, page, redirect
from billing.errors import GatewayRefused
from billing.ports.gateway import CardUpdateRequest, HostedCheckout

PAGE_ID_HERE: Final = "{CHECKOUT_SESSION_ID}"
"""Replaced by the gateway in `success_url`."""

_PAGE_ID: Final = re.compile(r"cs_[A-Za-z0-9_]{1,200}", re.ASCII)


async def open_card_page(
    deps: Dependencies,
    customer: Customer,
    *,
    currency: str,
    form_id: str,
    success_url: str,
    cancel_url: str,
) -> str:
    """The id of a page at the gateway: one per form, however often it is sent."""
    request = CardUpdateRequest(
        customer_id=customer.id,
        gateway_customer_id=await ensure_gateway_customer(deps, customer),
        currency=currency,
        success_url=success_url,
        cancel_url=cancel_url,
    )
    hosted = await with_fresh_keys(
        lambda key: deps.gateway.create_card_update(request, key=key),
        "card_update.create",
        customer.id,
        form_id,
    )
    return hosted.id


async def lead_to_card_page(
    deps: Dependencies, customer_id: str, page_id: str, *, back: str
) -> Response:
    """Leads the browser to the customer's page while it is open, else `back`."""
    hosted = await _own_page(deps, customer_id, page_id)
    if hosted.url is None or hosted.is_complete:
        return redirect(back)
    return page(notices.to_the_card_page(url=hosted.url))


async def card_is_replaced(deps: Dependencies, customer_id: str, page_id: str) -> bool:
    """Whether the customer completed the page; then the new card is their default."""
    await _own_page(deps, customer_id, page_id)
    completion = CheckoutCompletion(
        engine=deps.engine, gateway=deps.gateway, signals=SubscriptionSignals(deps.temporal)
    )
    return await completion.follow(page_id) is CheckoutProgress.COMPLETE


async def _own_page(deps: Dependencies, customer_id: str, page_id: str) -> HostedCheckout:
    """The page as it is; raises `ShownInstead` for what is not this customer's."""
    if not _PAGE_ID.fullmatch(page_id):
        raise ShownInstead(notices.UNKNOWN)
    try:
        hosted = await deps.gateway.read_checkout(page_id)
    except GatewayRefused as error:
        if error.code == "resource_missing":
            raise ShownInstead(notices.UNKNOWN) from error
        raise
    if hosted.customer_id != customer_id:
        raise ShownInstead(notices.UNKNOWN)
    return hosted
