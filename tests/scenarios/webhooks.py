"""Stripe's webhooks arriving, for stories about what others do at Stripe.

Owns the arrival: every event that Stripe has told is processed as the worker's inbox does it.
"""

from adapters.stripe.client import connect_stripe
from tests.scenarios.company import Company
from worker.gateway_events import GatewayEvents


async def arrive(company: Company, *, backwards: bool = False) -> None:
    """Every webhook so far, those that arrived before once more."""
    deps = company.shop.deps
    async with connect_stripe(
        api_key=deps.settings.stripe_api_key.get_secret_value(),
        api_base=deps.settings.stripe_api_base,
    ) as stripe:
        told = (await stripe.v1.events.list_async({"limit": 100})).data
    events = GatewayEvents(engine=deps.engine, gateway=deps.gateway, temporal=deps.temporal)
    for event in told if backwards else reversed(told):
        await events.apply(event.type, event.data.object["id"])


async def last_payment(company: Company) -> str:
    """What Stripe calls the payment that it took last."""
    deps = company.shop.deps
    async with connect_stripe(
        api_key=deps.settings.stripe_api_key.get_secret_value(),
        api_base=deps.settings.stripe_api_base,
    ) as stripe:
        [payment] = (await stripe.v1.payment_intents.list_async({"limit": 1})).data
    return payment.id
