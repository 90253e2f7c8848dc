"""Amounts, days and numbers as a customer's locale writes them: on pages, in messages, in PDFs.

Owns which locales there are (CLDR's, through Babel) and how each is used. Amounts keep the minor
unit that is charged, whatever CLDR thinks of it: nothing is rounded here. Instants are told in UTC,
because a customer's zone is not known. Does not own the texts around them, which are English.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import NumberPattern, format_decimal, get_currency_symbol, parse_pattern

from billing.currency import minor_digits
from billing.errors import InvalidInput
from billing.locale import DEFAULT_LOCALE
from billing.money import Money
from billing.period import Period

_TAG: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?", re.ASCII)
_SEPARATOR: Final = "-"
_NO_BREAK: Final = "\u00a0"
_SYMBOL: Final = "\u00a4"
_CODE_TOUCHES_DIGIT: Final = re.compile(r"(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])")
"""CLDR's spacing between a currency's letters and the number, which Babel leaves out."""


def canonical_tag(tag: str) -> str:
    """The locale as it is stored: `de-de` is `de-DE`. Raises `InvalidInput` (`unknown_locale`)."""
    if _TAG.fullmatch(tag):
        try:
            return str(_locale(tag)).replace("_", _SEPARATOR)
        except (UnknownLocaleError, ValueError):
            pass
    raise InvalidInput("unknown_locale", "write a locale that CLDR knows, such as en-US or de-DE")


@dataclass(frozen=True, slots=True)
class LocaleFormat:
    """How one locale writes; the tag is a canonical one."""

    tag: str = DEFAULT_LOCALE

    def money(self, amount: Money) -> str:
        """`$1,234.50`, `1.234,50 €`, `CHF 1,234.50`."""
        return self._money(amount.amount_minor, amount.currency, minor_digits(amount.currency))

    def unit_price(self, exact_minor: Decimal, currency: str) -> str:
        """What one unit costs: with all decimals that it has, and at least the currency's."""
        exponent = exact_minor.normalize().as_tuple().exponent
        beyond = -exponent if isinstance(exponent, int) and exponent < 0 else 0
        return self._money(exact_minor, currency, minor_digits(currency) + beyond)

    def number(self, number: int) -> str:
        """`1,200`."""
        return _decimal(self.tag, number)

    def counted(self, number: int, unit_name: str) -> str:
        """`1 seat`, `1,200 seats`."""
        return f"{self.number(number)} {unit_name if number == 1 else unit_name + 's'}"

    def percent(self, rate: Decimal) -> str:
        """`8.875%` of a rate of 8.875."""
        return _decimal(self.tag, rate) + "%"

    def day(self, instant: datetime) -> str:
        """`January 31, 2026`."""
        return format_date(instant, "long", locale=_locale(self.tag))

    def moment(self, instant: datetime) -> str:
        """`January 31, 2026 at 9:30 AM UTC`."""
        time = format_time(instant, "short", locale=_locale(self.tag))
        return f"{self.day(instant)} at {time} UTC"

    def span(self, period: Period) -> str:
        """`January 31, 2026 to February 28, 2026`."""
        return f"{self.day(period.start)} to {self.day(period.end)}"

    def _money(self, minor: int | Decimal, currency: str, digits: int) -> str:
        return _amount(self.tag, minor, currency, digits)


ENGLISH: Final = LocaleFormat()
"""The default locale's."""


@lru_cache(maxsize=256)
def _locale(tag: str) -> Locale:
    return Locale.parse(tag, sep=_SEPARATOR)


@lru_cache(maxsize=4096)
def _decimal(tag: str, number: int | Decimal) -> str:
    return format_decimal(number, locale=_locale(tag), decimal_quantization=False)


@lru_cache(maxsize=4096)
def _amount(tag: str, minor: int | Decimal, currency: str, digits: int) -> str:
    """Prices come again and again, and Babel takes a tenth of a millisecond for three of them.

    Amounts that are equal are written alike.
    """
    major = Decimal(minor).scaleb(-minor_digits(currency))
    written = _currency_pattern(tag, currency, digits).apply(major, _locale(tag))
    return _CODE_TOUCHES_DIGIT.sub(_NO_BREAK, written)


@lru_cache(maxsize=4096)
def _currency_pattern(tag: str, currency: str, digits: int) -> NumberPattern:
    """With the currency's symbol in its place: Babel looks it up anew for every amount."""
    locale = _locale(tag)
    pattern = parse_pattern(locale.currency_formats["standard"].pattern)
    pattern.frac_prec = (digits, digits)
    symbol = get_currency_symbol(currency, locale)
    pattern.prefix = _with_symbol(pattern.prefix, symbol)
    pattern.suffix = _with_symbol(pattern.suffix, symbol)
    return pattern


def _with_symbol(affix: tuple[str, str], symbol: str) -> tuple[str, str]:
    """What stands beside a number, and beside a negative one."""
    positive, negative = affix
    return positive.replace(_SYMBOL, symbol), negative.replace(_SYMBOL, symbol)
