"""Purchases stand where subscriptions do, and whoever counts those leaves them out."""

from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import snapshot, transactions
from adapters.db.queries import running_subscriptions, subscription_search, subscriptions
from adapters.db.queries.subscription_search import SubscriptionSearch
from adapters.db.queries.subscriptions import SubscriptionFilter
from billing.migration import PriceVersion
from billing.money import Money
from billing.ports.storage import Claim
from billing.subscription import OpenInvoice, PurchaseKind, SubscriptionState, SubscriptionStatus
from tests.adapters.db.company import START, TEAM, open_shop, subscribe, subscription

_OPEN = OpenInvoice(
    invoice_id="in_1",
    amount=Money(amount_minor=8_000, currency="USD"),
    due_at=START,
    next_attempt_at=None,
    attempts_made=1,
)


def _purchase(number: int, status: SubscriptionStatus) -> SubscriptionState:
    """One that owes; at a recurring price, which whoever looks by price must not fall for."""
    return subscription(number).changed(
        subscription_id=f"pur_{number}",
        purchase=PurchaseKind.INVOICE,
        status=status,
        open_invoices=(_OPEN,),
    )


async def test_purchases_are_no_subscriptions(engine: AsyncEngine) -> None:
    owing = _purchase(2, SubscriptionStatus.PAST_DUE)
    at_checkout = _purchase(3, SubscriptionStatus.INCOMPLETE)
    await open_shop(engine)
    await subscribe(engine, subscription(1), owing, at_checkout)
    async with snapshot(engine) as connection:
        assert await running_subscriptions.counts(connection) == {(TEAM.id, TEAM.version): 1}
        listed = await subscriptions.page_of(connection, SubscriptionFilter(), limit=10)
        bought = await subscriptions.page_of(
            connection, SubscriptionFilter(purchases=True), limit=10
        )
        found = await subscription_search.search(connection, SubscriptionSearch(), limit=10)
        of_purchases = await subscription_search.search(
            connection, SubscriptionSearch(purchases=True, dunning_attempt=None), limit=10
        )
    assert [each.state.subscription_id for each in listed.items] == ["sub_1"]
    assert [each.state.subscription_id for each in found] == ["sub_1"]
    ids = {"pur_2", "pur_3"}
    assert {each.state.subscription_id for each in bought.items} == ids
    assert {each.state.subscription_id for each in of_purchases} == ids
    async with transactions(engine)() as tx:
        source = PriceVersion(price_id=TEAM.id, version=TEAM.version)
        pages = [page async for page in tx.migrations.candidates("mig_1", [source])]
        assert [each.state.subscription_id for page in pages for each in page] == ["sub_1"]
        # A new card is for what is sold and not paid; at a checkout another one may be waited for.
        assert await tx.subscriptions.charged_to("cus_1") == ("pur_2",)


async def test_a_purchase_takes_no_place_and_is_stopped_by_none(engine: AsyncEngine) -> None:
    running, purchase = subscription(1), _purchase(2, SubscriptionStatus.INCOMPLETE)
    await open_shop(engine)
    await subscribe(engine, running, purchase)
    async with transactions(engine)() as tx:
        assert await tx.subscriptions.claim(purchase, with_trial=False) is Claim.GRANTED
        assert await tx.subscriptions.claim(running, with_trial=False) is Claim.GRANTED
        assert await tx.subscriptions.claim(purchase, with_trial=False) is Claim.GRANTED
        assert await tx.subscriptions.charged_to("cus_1") == ("sub_1",)
