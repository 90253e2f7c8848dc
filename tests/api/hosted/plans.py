"""What the shops sell whose customers look after their subscriptions themselves."""

from decimal import Decimal
from typing import Final

from billing.catalog import Catalog, Product, Trial
from billing.interval import Interval, IntervalUnit
from billing.price import Price
from billing.price_model import PerUnit


def _price(
    price_id: str,
    product_id: str,
    cents: int,
    unit: IntervalUnit = IntervalUnit.MONTH,
    *,
    most: int = 1_000,
    currency: str = "USD",
) -> Price:
    return Price(
        id=price_id,
        product_id=product_id,
        currency=currency,
        model=PerUnit(unit_amount_minor=Decimal(cents)),
        interval=Interval(unit=unit),
        unit_name="seat",
        maximum_quantity=most,
    )


PLANS: Final = Catalog(
    products=(
        Product(id="personal", name="Personal", family="plan"),
        Product(
            id="team",
            name="Team",
            family="plan",
            trial=Trial(days=14),
            free_fallback="personal_free",
        ),
        Product(id="business", name="Business", family="plan"),
        Product(id="assistant", name="Assistant", family="assistant"),
        Product(id="domains", name="Domains", family="domains", addon_to="plan"),
    ),
    prices=(
        _price("personal_free", "personal", 0, most=1),
        _price("team_monthly", "team", 1600),
        _price("team_yearly", "team", 18000, IntervalUnit.YEAR),
        _price("team_monthly_eur", "team", 1500, currency="EUR"),
        _price("business_monthly", "business", 2400, most=50),
        _price("assistant_monthly", "assistant", 2000, most=1),
        _price("domains_yearly", "domains", 12000, IntervalUnit.YEAR, most=1),
    ),
)
"""Team at $16.00 a seat, monthly; more, less, yearly, in euros and of other families besides."""
