"""Tax: which rate applies, reverse charge and exemption, and the arithmetic of one rate."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.tax import (
    Taxpayer,
    TaxRate,
    TaxReason,
    TaxTable,
    TaxTreatment,
    tax_on,
    tax_within,
)


def on(year: int, month: int = 1) -> datetime:
    return datetime(year, month, 1, tzinfo=UTC)


LONG_AGO, NOW = on(2020), on(2026)


def rate(
    country: str,
    percent: str,
    *,
    region: str | None = None,
    category: str | None = None,
    since: datetime = LONG_AGO,
) -> TaxRate:
    return TaxRate(
        country=country,
        region=region,
        category=category,
        name="VAT" if country != "US" else "Sales tax",
        rate=Decimal(percent),
        effective_from=since,
    )


TABLE = TaxTable(
    seller_country="DE",
    rates=(
        rate("DE", "19"),
        rate("DE", "16", since=on(2020, 7)),
        rate("DE", "19", since=on(2021)),
        rate("DE", "7", category="books"),
        rate("FR", "20"),
        rate("US", "8", region="NY"),
        rate("US", "8.875", region="NY", since=on(2026)),
        rate("US", "0", region="NY", category="books"),
        rate("GB", "20"),
    ),
)


def rate_of(taxpayer: Taxpayer, at: datetime = NOW, category: str | None = None) -> str | None:
    treatment = TABLE.taxation(taxpayer, at).of(category)
    return None if treatment is None else f"{treatment.rate}"


def test_the_latest_rate_of_a_place_applies_from_its_day_on() -> None:
    german = Taxpayer(country="DE")
    years = [on(2019), on(2020), on(2020, 7), on(2020, 12), on(2021), on(2026)]
    assert [rate_of(german, at) for at in years] == [None, "19", "16", "16", "19", "19"]


def test_a_region_and_a_category_have_rates_of_their_own() -> None:
    new_yorker = Taxpayer(country="US", region="NY")
    assert [rate_of(new_yorker, on(2025)), rate_of(new_yorker)] == ["8", "8.875"]
    assert rate_of(new_yorker, category="books") == "0"
    assert rate_of(Taxpayer(country="DE"), category="books") == "7"
    assert rate_of(Taxpayer(country="DE"), category="unheard_of") == "19"


def test_no_tax_is_charged_where_the_table_has_no_row_or_the_country_is_unknown() -> None:
    for taxpayer in (
        Taxpayer(),
        Taxpayer(country="US"),
        Taxpayer(country="US", region="CA"),
        Taxpayer(country="JP", is_exempt=True),
    ):
        assert rate_of(taxpayer) is None


def test_a_business_in_another_country_of_the_union_accounts_for_the_vat_itself() -> None:
    treatment = TABLE.taxation(Taxpayer(country="FR", vat_id="FR40303265045"), on(2026)).of(None)
    assert treatment == TaxTreatment(
        jurisdiction="FR", name="VAT", rate=Decimal(0), reason=TaxReason.REVERSE_CHARGE
    )
    assert "Reverse charge" in TaxReason.REVERSE_CHARGE.words
    assert rate_of(Taxpayer(country="DE", vat_id="DE136695976")) == "19"
    assert rate_of(Taxpayer(country="GB", vat_id="GB980780684")) == "20"
    assert rate_of(Taxpayer(country="FR")) == "20"


def test_who_is_exempt_pays_nothing_and_the_invoice_says_why() -> None:
    treatment = TABLE.taxation(Taxpayer(country="DE", is_exempt=True), on(2026)).of(None)
    assert treatment is not None
    assert (treatment.rate, treatment.reason) == (Decimal(0), TaxReason.EXEMPT)


def test_a_place_has_one_rate_per_category_and_day() -> None:
    with pytest.raises(ValueError, match="DE has two rates"):
        TaxTable(rates=(rate("DE", "19"), rate("DE", "20")))


def test_ten_euros_with_19_percent_in_them_are_8_40_and_1_60() -> None:
    assert tax_within(1000, Decimal(19)) == 160
    assert tax_on(840, Decimal(19)) == 160


@given(st.integers(-(10**8), 10**8), st.decimals(0, 100, places=6))
def test_a_tax_is_the_nearest_whole_and_never_more_than_its_price(
    minor: int, percent: Decimal
) -> None:
    assert tax_on(-minor, percent) == -tax_on(minor, percent)
    within = tax_within(minor, percent)
    assert abs(within) <= abs(minor)
    assert abs(tax_on(minor - within, percent) - within) <= 1


def test_what_is_sold_keeps_its_category_beside_whatever_rate_applies() -> None:
    taxpayer = Taxpayer(country="DE")
    taxation = TABLE.taxation(taxpayer, NOW)
    found = [taxation.of(each) for each in ("books", "software", None)]
    assert [each.category for each in found if each is not None] == ["books", "software", None]
    assert [f"{each.rate:f}" for each in found if each is not None] == ["7", "19", "19"]
    abroad = TABLE.taxation(Taxpayer(country="FR", vat_id="FR1"), NOW).of("books")
    assert abroad is not None
    assert (abroad.reason, abroad.category) == (TaxReason.REVERSE_CHARGE, "books")
