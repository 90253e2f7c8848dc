"""A company that lets Stripe Tax know the rates: what is previewed is charged, outages included."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from adapters.stripe.client import connect_stripe
from adapters.tax_provider import tax_rates
from api.dependencies import Dependencies
from local.temporal import Server
from simulator.faults import Fault
from tests.cli.terminal import Terminal
from tests.conftest import StripeSimulator
from tests.scenarios.company import Company

JUNE = "2026-06-01T00:00:00Z"
JULY = "2026-07-01T00:00:00Z"
MANHATTAN = {"country": "US", "region": "NY", "postal_code": "10001"}


@pytest.fixture
def terminal(database_url: str, temporal_server: Server) -> Terminal:
    """An operator's."""
    return Terminal(database_url=database_url, temporal_address=temporal_server.address)


@pytest.fixture
async def deps(deps: Dependencies, simulator: StripeSimulator) -> AsyncIterator[Dependencies]:
    settings = deps.settings.model_copy(update={"tax": "stripe"})
    async with connect_stripe(api_key=simulator.api_key, api_base=simulator.base_url) as stripe:
        yield replace(deps, taxes=tax_rates(settings, engine=deps.engine, stripe=stripe))


async def test_what_stripe_tax_knows_is_previewed_charged_and_reported(company: Company) -> None:
    ada = await company.customer(JUNE, card="pm_card_visa")
    moved = await company.shop.client.patch(f"/v1/customers/{ada.id}", json={"address": MANHATTAN})
    assert moved.status_code == 200, moved.text
    team = await ada.subscribe("team_monthly", seats=10, trial=False)
    await ada.becomes(team, "active")
    foreseen = await company.shop.read(f"/v1/subscriptions/{team}/upcoming_invoice")
    [tax] = foreseen["taxes"]
    assert (tax["jurisdiction"], tax["rate"], tax["amount"]["text"]) == (
        "US-NY",
        "8.875",
        "USD 14.20",
    )

    outage = {"kind": "server_error", "method": "POST", "path": "/v1/tax/calculations", "times": 3}
    await company.stripe.inject(Fault.model_validate(outage))
    await ada.live_until(JULY)

    assert (await ada.subscription(team))["status"] == "active"
    assert await company.captured() == 2 * 17_420
    assert await company.books_balance()


async def test_an_address_that_says_too_little_is_refused_before_anything_is_sold(
    company: Company,
) -> None:
    ada = await company.customer(JUNE, card="pm_card_visa")
    address = {"address": {"country": "US", "region": "NY"}}
    moved = await company.shop.client.patch(f"/v1/customers/{ada.id}", json=address)
    assert moved.status_code == 200, moved.text
    order = {"customer": ada.id, "price": "team_monthly", "quantity": 1, "trial": False}
    [card] = (await company.shop.read(f"/v1/customers/{ada.id}/payment_methods"))["data"]
    for body in (order, order | {"payment_method": card["id"]}):
        refused = await company.shop.post("/v1/subscriptions", body)
        assert (refused.status_code, refused.json()["code"]) == (422, "tax_location_invalid")
    assert await company.captured() == 0


async def test_a_renewal_waits_until_an_operator_has_completed_the_address(
    company: Company, terminal: Terminal
) -> None:
    ada = await company.customer(JUNE, card="pm_card_visa")
    team = await ada.subscribe("team_monthly", seats=10, trial=False)
    await ada.becomes(team, "active")
    await company.shop.client.patch(f"/v1/customers/{ada.id}", json={"address": {"country": "US"}})
    more = await company.shop.post(f"/v1/subscriptions/{team}/change", {"quantity": 11})
    assert (more.status_code, more.json()["code"]) == (422, "tax_location_invalid")

    await ada.live_until("2026-07-02T00:00:00Z")
    shown = (await terminal.subscriptions("show", team)).out
    assert "tax_location_invalid" in shown
    assert await company.captured() == 16_000

    await company.shop.client.patch(f"/v1/customers/{ada.id}", json={"address": MANHATTAN})
    await terminal.subscriptions("retry", team, "--reason", "address completed")
    await ada.live_until("2026-07-03T00:00:00Z")
    assert await company.captured() == 16_000 + 17_420
    assert await company.books_balance()
