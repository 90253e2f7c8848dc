"""How customers read amounts, days and declines."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from adapters.plain_english import counted, day, formatted, moment, unit_price, why_declined
from billing.money import Money


@pytest.mark.parametrize(
    ("amount_minor", "currency", "text"),
    [
        (8000, "USD", "$80.00"),
        (123456789, "USD", "$1,234,567.89"),
        (-8000, "EUR", "-€80.00"),
        (500, "JPY", "¥500"),
        (8000, "CAD", "CAD 80.00"),
        (5120, "KWD", "KWD 5.120"),
        (0, "GBP", "£0.00"),
    ],
)
def test_amounts_are_written_for_people(amount_minor: int, currency: str, text: str) -> None:
    assert formatted(Money(amount_minor=amount_minor, currency=currency)) == text


@pytest.mark.parametrize(
    ("exact_minor", "currency", "text"),
    [
        ("1600", "USD", "$16.00"),
        ("10800.5", "EUR", "€108.005"),
        ("0.04", "USD", "$0.0004"),
        ("2000", "JPY", "¥2,000"),
        ("120000000", "USD", "$1,200,000.00"),
        ("0", "CHF", "CHF 0.00"),
    ],
)
def test_the_price_of_a_unit_keeps_every_decimal_it_has(
    exact_minor: str, currency: str, text: str
) -> None:
    assert unit_price(Decimal(exact_minor), currency) == text


def test_days_have_the_names_of_their_months() -> None:
    instant = datetime(2026, 3, 1, 9, 5, tzinfo=UTC)
    assert day(instant) == "1 March 2026"
    assert moment(instant) == "1 March 2026 at 09:05 UTC"


def test_one_is_not_counted_like_many() -> None:
    assert (counted(1, "seat"), counted(1200, "seat")) == ("1 seat", "1,200 seats")


@pytest.mark.parametrize("reason", ["stolen_card", "lost_card", "fraudulent", None, "unheard_of"])
def test_delicate_and_unknown_declines_are_the_banks(reason: str | None) -> None:
    assert why_declined(reason) == "your bank declined it"
