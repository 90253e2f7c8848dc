"""Values drawn for property tests."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

from hypothesis import strategies as st

from billing.currency import MINOR_DIGITS
from billing.currency_option import CurrencyOption
from billing.interval import Interval, IntervalUnit
from billing.money import Money
from billing.price import Price
from billing.price_model import PerUnit

EPOCH = datetime(1990, 1, 1, tzinfo=UTC)

instants = st.timedeltas(timedelta(0), timedelta(days=40_000)).map(lambda since: EPOCH + since)
currencies = st.sampled_from(sorted(MINOR_DIGITS))
minor_amounts = st.integers(min_value=-(10**15), max_value=10**15)
intervals = st.builds(Interval, unit=st.sampled_from(IntervalUnit), count=st.integers(1, 24))
durations = st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=4000))


@st.composite
def amounts(draw: st.DrawFn) -> Money:
    return Money(amount_minor=draw(minor_amounts), currency=draw(currencies))


def price(
    unit_amount_minor: str | int = 1600,
    *,
    currency: str = "USD",
    interval: Interval | None = None,
    also: Mapping[str, int] = MappingProxyType({}),
) -> Price:
    """$16.00 per seat and month, unless told otherwise; `also` is a seat in other currencies."""
    return Price(
        id="team_monthly",
        product_id="team",
        currency=currency,
        model=PerUnit(unit_amount_minor=Decimal(unit_amount_minor)),
        interval=interval or Interval(unit=IntervalUnit.MONTH),
        unit_name="seat",
        currency_options={
            code: CurrencyOption(model=PerUnit(unit_amount_minor=Decimal(minor)))
            for code, minor in also.items()
        },
    )
