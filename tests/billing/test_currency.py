import pytest

from billing.currency import MINOR_DIGITS, minimum_charge_minor, minor_digits
from billing.errors import InvalidInput
from billing.money import Money


@pytest.mark.parametrize(
    ("code", "digits"),
    [("USD", 2), ("EUR", 2), ("JPY", 0), ("KRW", 0), ("ISK", 0), ("UGX", 0), ("KWD", 3)],
)
def test_minor_units_follow_the_table(code: str, digits: int) -> None:
    assert minor_digits(code) == digits


def test_every_code_is_three_upper_case_letters() -> None:
    assert all(code.isascii() and code.isalpha() and code.isupper() for code in MINOR_DIGITS)
    assert {len(code) for code in MINOR_DIGITS} == {3}


@pytest.mark.parametrize(("code", "minor"), [("USD", 50), ("GBP", 30), ("JPY", 50), ("XPF", 1)])
def test_minimum_charges_follow_the_policy(code: str, minor: int) -> None:
    assert minimum_charge_minor(code) == minor


@pytest.mark.parametrize("code", ["", "usd", "XXX", "US", "USDT", "€", "U\0D", "\ud800"])
def test_unknown_currencies_are_refused(code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        minor_digits(code)
    assert refused.value.code == "unknown_currency"
    with pytest.raises(ValueError, match="currency"):
        Money(amount_minor=1, currency=code)
