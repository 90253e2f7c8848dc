"""Another page at the gateway for a checkout whose first card was declined.

Owns the replacement of one page by the next; the checkout session and its subscription stay the
same. Does not own when it is offered (`checkout_return`).
"""

from adapters.db.engine import transactions
from adapters.db.queries.checkout_sessions import CheckoutSession
from adapters.hosted_link import HostedLinks
from api.dependencies import Dependencies
from api.gateway_customer import with_fresh_keys
from billing.errors import GatewayRefused
from billing.ports.gateway import CheckoutRequest
from billing.subscription import SubscriptionState


async def fresh_page(deps: Dependencies, session: CheckoutSession, state: SubscriptionState) -> str:
    """The address of the page to go to: a new one, or the one that took the refused one's place.

    The idempotency key follows from the page that is replaced: two clicks make one page.
    """
    if session.is_open and session.url is not None:
        return session.url
    async with transactions(deps.engine)() as tx:
        customer = await tx.customers.get(session.customer_id)
    if customer.gateway_customer_id is None:
        raise GatewayRefused("no_gateway_customer", "the customer is unknown at the gateway")
    request = CheckoutRequest(
        checkout_session_id=session.id,
        subscription_id=session.subscription_id,
        gateway_customer_id=customer.gateway_customer_id,
        currency=state.terms.currency,
        success_url=HostedLinks.of(deps.settings).checkout_return(session.id),
        cancel_url=session.cancel_url,
    )
    hosted = await with_fresh_keys(
        lambda key: deps.gateway.create_checkout(request, key=key),
        "checkout.retry",
        session.id,
        session.stripe_session_id or "",
    )
    if hosted.url is None:
        raise GatewayRefused("page_closed", "the gateway made a page that cannot be visited")
    async with transactions(deps.engine)() as tx:
        await tx.checkout_sessions.replace_page(
            session.id, replaced=session.stripe_session_id, by=hosted.id, url=hosted.url
        )
    return hosted.url
