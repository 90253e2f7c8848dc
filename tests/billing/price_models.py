"""Price models: the ones that the examples are computed with, and any."""

from decimal import Decimal
from typing import Final

from hypothesis import strategies as st

from billing.interval import Interval, IntervalUnit
from billing.price import Price
from billing.price_model import (
    Flat,
    Graduated,
    Package,
    PerUnit,
    PriceModel,
    StairStep,
    Step,
    Tier,
    Volume,
)

TIERS: Final = (
    Tier(up_to=1_000, unit_amount_minor=Decimal(10)),
    Tier(up_to=10_000, unit_amount_minor=Decimal(5)),
    Tier(unit_amount_minor=Decimal(1)),
)
"""Up to 1,000 at $0.10, up to 10,000 at $0.05, above at $0.01."""

TEAM_2020: Final = Graduated(
    tiers=(
        Tier(up_to=5, flat_amount_minor=Decimal(2500)),
        Tier(unit_amount_minor=Decimal(700)),
    )
)
"""$25.00 flat up to 5 seats, $7.00 each after."""


def priced(model: PriceModel, *, currency: str = "USD", unit_name: str = "unit") -> Price:
    """A monthly price of that model, also where its smallest purchase could not be collected."""
    sold = Price(
        id="any_monthly",
        product_id="any",
        currency=currency,
        model=Flat(amount_minor=Decimal(0)),
        interval=Interval(unit=IntervalUnit.MONTH),
        unit_name=unit_name,
    )
    return sold.model_copy(update={"model": model})


amounts: Final = st.integers(0, 10**9).map(lambda units: Decimal(units) / 10**4)
_widths: Final = st.lists(st.integers(1, 500), max_size=5)


def _bounds(widths: list[int]) -> list[int | None]:
    return [*(sum(widths[: i + 1]) for i in range(len(widths))), None]


@st.composite
def tiers(draw: st.DrawFn, *, with_flats: bool = True) -> tuple[Tier, ...]:
    """Tiers that tile."""
    return tuple(
        Tier(
            up_to=bound,
            unit_amount_minor=draw(amounts),
            flat_amount_minor=draw(amounts) if with_flats else Decimal(0),
        )
        for bound in _bounds(draw(_widths))
    )


@st.composite
def stair_steps(draw: st.DrawFn) -> StairStep:
    """Steps that tile."""
    return StairStep(
        steps=tuple(
            Step(up_to=bound, amount_minor=draw(amounts)) for bound in _bounds(draw(_widths))
        )
    )


models: Final[st.SearchStrategy[PriceModel]] = st.one_of(
    st.builds(Flat, amount_minor=amounts),
    st.builds(PerUnit, unit_amount_minor=amounts),
    st.builds(Graduated, tiers=tiers()),
    st.builds(Volume, tiers=tiers()),
    st.builds(Package, package_size=st.integers(1, 1_000), package_amount_minor=amounts),
    stair_steps(),
)
"""Those whose amount follows from the quantity alone."""
