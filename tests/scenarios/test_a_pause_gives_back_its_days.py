"""$11.00 from 1 April, paused from the 11th to the 21st: $3.67, or a later end of the period."""

from decimal import Decimal

from billing.catalog import Catalog, PauseMode, PausePolicy, Product
from billing.interval import Interval, IntervalUnit
from billing.price import Price
from billing.price_model import PerUnit
from tests.scenarios.company import Company, Customer

_APRIL = "2026-04-01T00:00:00Z"
_CLUBS = Catalog(
    products=(
        Product(
            id="club", name="Club", family="club", pause=PausePolicy(mode=PauseMode.KEEP_ANCHOR)
        ),
    ),
    prices=(
        Price(
            id="club_monthly",
            product_id="club",
            currency="USD",
            model=PerUnit(unit_amount_minor=Decimal(1100)),
            interval=Interval(unit=IntervalUnit.MONTH),
        ),
    ),
)


async def paused(company: Company, price: str) -> tuple[Customer, str]:
    """A customer whose pause has just ended by itself."""
    ned = await company.customer(_APRIL, card="pm_card_visa")
    subscription = await ned.subscribe(price)
    await ned.live_until("2026-04-11T00:00:00Z")
    await ned.pause(subscription, "2026-04-21T00:00:00Z")
    assert (await ned.subscription(subscription))["status"] == "paused"
    await ned.live_until("2026-04-21T00:00:00Z")
    assert (await ned.subscription(subscription))["status"] == "active"
    assert company.messages() == ["subscription_paused", "subscription_resumed"]
    return ned, subscription


async def test_ten_days_that_were_paid_for_pay_for_ten_others(company: Company) -> None:
    async with company.shop.transactions() as tx:
        await tx.catalog.put_on_sale(_CLUBS)
    ned, _ = await paused(company, "club_monthly")

    shown = await company.shop.read(f"/v1/customers/{ned.id}/balance")
    assert [amount["text"] for amount in shown["balances"]] == ["USD 3.67"]
    await ned.live_until("2026-05-01T00:00:00Z")
    renewal = (await ned.invoices())[-1]
    assert renewal["due_at"] == "2026-05-01T00:00:00Z"
    assert (renewal["from_balance"]["text"], renewal["amount_paid"]["text"]) == (
        "USD 3.67",
        "USD 7.33",
    )
    assert await company.books_balance()


async def test_ten_days_are_added_at_the_period_s_end(company: Company) -> None:
    ned, pro = await paused(company, "pro_monthly")

    period = (await ned.subscription(pro))["current_period"]
    assert period == {"start": _APRIL, "end": "2026-05-11T00:00:00Z"}
    await ned.live_until("2026-06-11T00:00:00Z")
    assert await ned.billed() == [
        (_APRIL, "USD 11.00", "paid"),
        ("2026-05-11T00:00:00Z", "USD 11.00", "paid"),
        ("2026-06-11T00:00:00Z", "USD 11.00", "paid"),
    ]
    assert await company.books_balance()
