"""How customers read amounts, days and numbers, each in their locale."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from babel import Locale
from babel.numbers import format_currency
from hypothesis import given
from hypothesis import strategies as st

from adapters.locale_format import LocaleFormat, canonical_tag
from billing.currency import MINOR_DIGITS, minor_digits
from billing.errors import InvalidInput
from billing.money import Money

ENGLISH, GERMAN = LocaleFormat("en-US"), LocaleFormat("de-DE")


@pytest.mark.parametrize(
    ("locale", "amount_minor", "currency", "text"),
    [
        ("en-US", 8000, "USD", "$80.00"),
        ("en-US", 123456789, "USD", "$1,234,567.89"),
        ("en-US", -8000, "EUR", "-€80.00"),
        ("en-US", 500, "JPY", "¥500"),
        ("en-US", 8000, "CAD", "CA$80.00"),
        ("en-US", 5120, "KWD", "KWD\u00a05.120"),
        ("en-US", 12345, "CHF", "CHF\u00a0123.45"),
        ("en-GB", 0, "GBP", "£0.00"),
        ("de-DE", 123456789, "EUR", "1.234.567,89\u00a0€"),
        ("de-DE", 500, "JPY", "500\u00a0¥"),
        ("de-DE", 6170, "KWD", "6,170\u00a0KWD"),
        ("fr-FR", 123456, "EUR", "1\u202f234,56\u00a0€"),
        ("ja-JP", 2715, "JPY", "￥2,715"),
        ("en-IN", 1234567890, "INR", "₹1,23,45,678.90"),
    ],
)
def test_amounts_are_written_as_the_locale_does(
    locale: str, amount_minor: int, currency: str, text: str
) -> None:
    written = LocaleFormat(locale).money(Money(amount_minor=amount_minor, currency=currency))
    assert written == text


@pytest.mark.parametrize("tag", ["en-US", "de-CH", "hi-IN", "ar-EG", "he-IL", "pt-BR", "sv-SE"])
@pytest.mark.parametrize("amount_minor", [0, 5, -123456789])
def test_the_symbol_stands_where_babel_puts_it(tag: str, amount_minor: int) -> None:
    for currency in ("BRL", "EUR", "ILS", "INR"):
        written = LocaleFormat(tag).money(Money(amount_minor=amount_minor, currency=currency))
        by_babel = format_currency(
            Decimal(amount_minor) / 100, currency, locale=Locale.parse(tag, sep="-")
        )
        assert written == by_babel


@given(st.integers(-(10**9), 10**9), st.sampled_from(sorted(MINOR_DIGITS)))
def test_no_minor_unit_is_rounded_away(amount_minor: int, currency: str) -> None:
    """CLDR has fewer decimals than are charged for some currencies, such as RSD and COP."""
    written = ENGLISH.money(Money(amount_minor=amount_minor, currency=currency))
    digits = "".join(letter for letter in written if letter in "-.0123456789")
    assert Decimal(digits).scaleb(minor_digits(currency)) == amount_minor


@pytest.mark.parametrize(
    ("exact_minor", "currency", "text"),
    [
        ("1600", "USD", "$16.00"),
        ("10800.5", "EUR", "€108.005"),
        ("0.04", "USD", "$0.0004"),
        ("2000", "JPY", "¥2,000"),
        ("120000000", "USD", "$1,200,000.00"),
        ("0", "CHF", "CHF\u00a00.00"),
    ],
)
def test_the_price_of_a_unit_keeps_every_decimal_it_has(
    exact_minor: str, currency: str, text: str
) -> None:
    assert ENGLISH.unit_price(Decimal(exact_minor), currency) == text


def test_days_and_times_are_written_as_the_locale_does() -> None:
    instant = datetime(2026, 3, 1, 9, 5, tzinfo=UTC)
    assert ENGLISH.day(instant) == "March 1, 2026"
    assert ENGLISH.moment(instant) == "March 1, 2026 at 9:05\u202fAM UTC"
    assert GERMAN.day(instant) == "1. März 2026"
    assert LocaleFormat("en-GB").day(instant) == "1 March 2026"


def test_one_is_not_counted_like_many() -> None:
    assert (ENGLISH.counted(1, "seat"), ENGLISH.counted(1200, "seat")) == ("1 seat", "1,200 seats")
    assert GERMAN.counted(1200, "seat") == "1.200 seats"
    assert GERMAN.percent(Decimal("8.875")) == "8,875%"


@pytest.mark.parametrize(
    ("given_tag", "tag"), [("de-de", "de-DE"), ("en", "en"), ("zh-TW", "zh-Hant-TW")]
)
def test_a_locale_is_stored_in_one_form(given_tag: str, tag: str) -> None:
    assert canonical_tag(given_tag) == tag
    assert canonical_tag(tag) == tag


@pytest.mark.parametrize("tag", ["", "xx", "en_US", "en-XX", "root", "de-DE-", "../en", "e" * 99])
def test_what_is_no_locale_is_refused(tag: str) -> None:
    with pytest.raises(InvalidInput, match="unknown_locale"):
        canonical_tag(tag)
