"""Coupons and tax rates as the catalog's owner writes them, and what is told of mistakes."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from adapters.catalog_file import CatalogFileError, parse_catalog
from billing.discount import Coupon, CouponDuration
from billing.money import Money
from billing.tax import TaxRate

_PRODUCTS = """
products:
  - id: team
    name: Team
    family: plan
    tax_category: software
    prices:
      - {id: team_monthly, amount: "10.00", currency: EUR, interval: month, tax_inclusive: true}
"""
_SOLD = (
    _PRODUCTS
    + """
seller: {country: DE}
tax_rates:
  - {country: DE, name: VAT, rate: "19", from: 2021-01-01}
  - country: US
    region: NY
    category: software
    name: Sales tax
    rate: "8.875"
    from: "2026-01-01"
coupons:
  - {id: SPRING, name: Spring sale, percent: "20", duration: once, redeem_by: 2026-07-01}
  - id: TEN
    name: Ten off
    amount: "10.00"
    currency: EUR
    duration: repeating
    invoices: 3
    products: [team]
    redemption_limit: 500
    carries_over: true
"""
)


def test_coupons_and_tax_rates_are_read_as_they_are_written() -> None:
    catalog = parse_catalog(_SOLD.encode(), source="catalog.yaml")
    assert catalog.products[0].tax_category == "software"
    assert catalog.prices[0].tax_inclusive
    assert catalog.tax.seller_country == "DE"
    assert catalog.tax.rates == (
        TaxRate(
            country="DE",
            name="VAT",
            rate=Decimal(19),
            effective_from=datetime(2021, 1, 1, tzinfo=UTC),
        ),
        TaxRate(
            country="US",
            region="NY",
            category="software",
            name="Sales tax",
            rate=Decimal("8.875"),
            effective_from=datetime(2026, 1, 1, tzinfo=UTC),
        ),
    )
    assert catalog.coupons == (
        Coupon(
            id="SPRING",
            name="Spring sale",
            percent=Decimal(20),
            duration=CouponDuration.ONCE,
            redeem_by=datetime(2026, 7, 1, tzinfo=UTC),
        ),
        Coupon(
            id="TEN",
            name="Ten off",
            amount=Money(amount_minor=1000, currency="EUR"),
            duration=CouponDuration.REPEATING,
            invoices=3,
            products=("team",),
            redemption_limit=500,
            carries_over=True,
        ),
    )


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ('coupons: [{id: A, name: A, duration: once, percent: "0"}]', "percent: write more than 0"),
        ('coupons: [{id: A, name: A, duration: once, amount: "5.00"}]', "write both"),
        ("coupons: [{id: A, name: A, duration: once}]", "a percent or an amount"),
        ('coupons: [{id: A, name: A, duration: repeating, percent: "5"}]', "say how many"),
        (
            'coupons: [{id: A B, name: A, duration: once, percent: "5"}]',
            "id: write up to 63 letters",
        ),
        (
            'coupons: [{id: A, name: A, duration: once, percent: "5", products: [pro]}]',
            "products: 'pro' is no product of the catalog",
        ),
        (
            'coupons: [{id: A, name: A, duration: once, amount: "0.001", currency: EUR}]',
            "amount: write no more decimals than",
        ),
        ('tax_rates: [{country: UK, name: VAT, rate: "20", from: 2021-01-01}]', "no ISO 3166-1"),
        (
            'tax_rates: [{country: GB, name: VAT, rate: "120", from: 2021-01-01}]',
            "rate: write 100 or less",
        ),
        ("tax_rates: [{country: GB, name: VAT, rate: 20, from: 2021-01-01}]", "in quotes"),
        ('tax_rates: [{country: GB, name: VAT, rate: "20", from: 2021-02-30}]', "from is a day"),
        (
            "tax_rates:" + 2 * '\n  - {country: GB, name: VAT, rate: "20", from: 2021-01-01}',
            "GB from 2021-01-01' is used in line 10",
        ),
        (
            'tax_rates: [{country: GB, name: VAT, rate: "20", from: 2021-01-01}]',
            "tax_category: no tax rate is of the category 'software'",
        ),
        ("seller: {country: XX}", "no ISO 3166-1"),
    ],
)
def test_a_mistake_is_told_with_what_to_write_instead(section: str, told: str) -> None:
    with pytest.raises(CatalogFileError) as refused:
        parse_catalog(f"{_PRODUCTS}{section}\n".encode(), source="catalog.yaml")
    assert told in str(refused.value)
    assert all(problem.line > 1 for problem in refused.value.problems)
