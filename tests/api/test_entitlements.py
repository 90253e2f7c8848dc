"""What a customer may do, over HTTP: from what runs and from grants, and nothing else."""

from datetime import timedelta

import pytest

from api.present import machine_now
from billing.catalog import Catalog
from billing.commands import cancel_now
from billing.entitlement import Entitlement, Limit
from billing.offer import Offer, terms_of
from billing.subscription import SubscriptionState, SubscriptionStatus
from tests.api.shop import CATALOG, Shop, problem

TEAM, PRO, ASSISTANT = CATALOG.products
USERS = Entitlement(feature="users", limit=Limit(amount=1, unit="user", per_unit=True))
TEAM_WITH_USERS = TEAM.model_copy(
    update={"entitlements": (USERS, Entitlement(feature="single_sign_on"))}
)


@pytest.fixture
def catalog() -> Catalog:
    """Team gives something, the others nothing."""
    return CATALOG.model_copy(update={"products": (TEAM_WITH_USERS, PRO, ASSISTANT)})


async def _subscribed(shop: Shop, customer: str, *, seats: int = 3) -> SubscriptionState:
    """As its workflow would have stored it."""
    now = machine_now()
    offer = Offer(product=TEAM_WITH_USERS, price=CATALOG.prices[0])
    state = SubscriptionState(
        subscription_id=customer.replace("cus_", "sub_"),
        customer_id=customer,
        terms=terms_of(offer, quantity=seats, trial=None, segment=None),
        revision=1,
        status=SubscriptionStatus.ACTIVE,
        created_at=now,
        checkout_expires_at=now + timedelta(days=1),
    )
    async with shop.transactions() as tx:
        await tx.subscriptions.save(state)
    return state


async def test_a_customer_has_what_their_subscription_was_sold_with(idle_shop: Shop) -> None:
    customer = await idle_shop.customer()
    path = f"/v1/customers/{customer}/entitlements"
    assert (await idle_shop.read(path))["entitlements"] == []
    state = await _subscribed(idle_shop, customer)
    source: dict[str, object] = {
        "type": "subscription",
        "id": state.subscription_id,
        "until": None,
    }
    assert (await idle_shop.read(path))["entitlements"] == [
        {
            "feature": "single_sign_on",
            "kind": "feature",
            "limit": None,
            "unlimited": False,
            "unit": None,
            "sources": [source | {"limit": None, "unlimited": False, "combine": None}],
        },
        {
            "feature": "users",
            "kind": "limit",
            "limit": 3,
            "unlimited": False,
            "unit": "user",
            "sources": [source | {"limit": 3, "unlimited": False, "combine": "highest"}],
        },
    ]
    async with idle_shop.transactions() as tx:
        await tx.subscriptions.save(cancel_now(state, machine_now()))
    assert (await idle_shop.read(path))["entitlements"] == []


async def test_a_grant_comes_on_top_and_is_revoked_once(idle_shop: Shop) -> None:
    customer = await idle_shop.customer()
    await _subscribed(idle_shop, customer)
    path = f"/v1/customers/{customer}"
    body = {"feature": "users", "limit": 10, "reason": "a pilot"}
    grant = await idle_shop.made(f"{path}/entitlement_grants", body, key="once")
    await idle_shop.forget_answers()
    assert await idle_shop.made(f"{path}/entitlement_grants", body, key="once") == grant
    assert (grant["limit"], grant["combine"], grant["until"]) == (10, "sum", None)
    users = (await idle_shop.read(f"{path}/entitlements"))["entitlements"][1]
    assert (users["feature"], users["limit"], len(users["sources"])) == ("users", 13, 2)

    revoke = f"{path}/entitlement_grants/{grant['id']}/revoke"
    ended = await idle_shop.made(revoke, {"reason": "it is over"}, key="revoked")
    await idle_shop.forget_answers()
    assert await idle_shop.made(revoke, {"reason": "it is over"}, key="revoked") == ended
    assert ended["ended_at"] is not None
    problem(await idle_shop.post(revoke, {"reason": "again"}), 409, "grant_ended")
    users = (await idle_shop.read(f"{path}/entitlements"))["entitlements"][1]
    assert users["limit"] == 3
    assert (await idle_shop.read(f"{path}/entitlement_grants"))["data"] == [ended]


async def test_a_grant_ends_by_itself_on_its_customers_clock(idle_shop: Shop) -> None:
    clock = await idle_shop.clock("2026-03-01T00:00:00Z")
    customer = await idle_shop.customer(clock=clock)
    path = f"/v1/customers/{customer}"
    await idle_shop.made(
        f"{path}/entitlement_grants",
        {
            "feature": "single_sign_on",
            "until": "2026-03-01T00:00:01Z",
            "reason": "for a second",
        },
    )
    found = await idle_shop.read(f"{path}/entitlements")
    assert [each["feature"] for each in found["entitlements"]] == ["single_sign_on"]
    assert found["at"] == "2026-03-01T00:00:00Z"


async def test_what_cannot_be_granted_is_refused(idle_shop: Shop) -> None:
    customer = await idle_shop.customer()
    path = f"/v1/customers/{customer}/entitlement_grants"
    for body, code in (
        ({"feature": "unheard_of"}, "feature_not_found"),
        ({"feature": "single_sign_on", "limit": 3}, "limit_not_expected"),
        ({"feature": "users"}, "limit_missing"),
        ({"feature": "users", "limit": 3, "unlimited": True}, "limit_missing"),
        ({"feature": "users", "limit": 3, "until": "2020-01-01T00:00:00Z"}, "until_in_past"),
    ):
        problem(await idle_shop.post(path, {**body, "reason": "why"}), 422, code)
    answer = await idle_shop.post(f"{path}/grant_unknown/revoke", {"reason": "why"})
    problem(answer, 404, "grant_not_found")
    for unknown in ("entitlements", "entitlement_grants"):
        answer = await idle_shop.client.get(f"/v1/customers/cus_unknown/{unknown}")
        problem(answer, 404, "customer_not_found")
