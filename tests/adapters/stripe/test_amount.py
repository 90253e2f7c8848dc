import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.stripe.amount import from_stripe, to_stripe
from billing.currency import MINOR_DIGITS, minor_digits
from billing.errors import GatewayRefused
from billing.money import Money


@pytest.mark.parametrize(
    ("amount_minor", "currency", "number"),
    [
        (8000, "USD", 8000),
        (500, "JPY", 500),
        (500, "KRW", 500),
        (1234, "HUF", 1234),
        (5120, "KWD", 5120),
        (100, "ISK", 10000),
        (3500, "UGX", 350000),
    ],
)
def test_amounts_follow_stripes_table(amount_minor: int, currency: str, number: int) -> None:
    amount = Money(amount_minor=amount_minor, currency=currency)
    assert to_stripe(amount) == (number, currency.lower())
    assert from_stripe(number, currency.lower()) == amount


@pytest.mark.parametrize("currency", ["BHD", "JOD", "KWD", "OMR", "TND"])
@pytest.mark.parametrize("last_digit", [1, 5, 9])
def test_thousandths_that_do_not_end_in_zero_are_refused(currency: str, last_digit: int) -> None:
    with pytest.raises(GatewayRefused) as refused:
        to_stripe(Money(amount_minor=5120 + last_digit, currency=currency))
    assert refused.value.code == "amount_not_chargeable"


@given(st.sampled_from(sorted(MINOR_DIGITS)), st.integers(min_value=1, max_value=10**9))
def test_every_amount_that_can_be_sent_comes_back_unchanged(currency: str, minor: int) -> None:
    amount = Money(
        amount_minor=minor * 10 if minor_digits(currency) == 3 else minor, currency=currency
    )
    number, code = to_stripe(amount)
    assert from_stripe(number, code) == amount


@pytest.mark.parametrize(("number", "currency"), [(10050, "isk"), (1, "ugx"), (100, "xyz")])
def test_amounts_that_stripe_cannot_mean_are_refused(number: int, currency: str) -> None:
    with pytest.raises(GatewayRefused) as refused:
        from_stripe(number, currency)
    assert refused.value.code == "amount_not_readable"
