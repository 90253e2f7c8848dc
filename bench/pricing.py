"""Priced lines per second, against bare integers over the same tiers.

Owns both sides and the check that they come to the same. Does not own how figures are shown
(`bench.report`).
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from billing.interval import Interval, IntervalUnit
from billing.price import Price
from billing.price_model import Graduated, Tier
from billing.pricing import charge_for, rounded

_BOUNDS: Final = ((1_000, 10), (10_000, 5), (None, 1))
"""Up to 1,000 at $0.10, up to 10,000 at $0.05, above at $0.01."""

TIERED: Final = Price(
    id="bench_tiered",
    product_id="bench",
    currency="USD",
    model=Graduated(
        tiers=tuple(Tier(up_to=bound, unit_amount_minor=Decimal(cents)) for bound, cents in _BOUNDS)
    ),
    interval=Interval(unit=IntervalUnit.MONTH),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """The processor's time of each side for the same lines, and whether they agree to the cent."""

    seconds: float
    bare_seconds: float
    agrees: bool


def price_lines(count: int) -> Priced:
    """So many lines of different quantities in all tiers, with their explanations."""
    quantities = [number * 7_919 % 20_000 for number in range(count)]
    began = time.process_time()
    bare = [_bare(quantity) for quantity in quantities]
    between = time.process_time()
    ours = [rounded(charge_for(TIERED, quantity)).amount_minor for quantity in quantities]
    ended = time.process_time()
    return Priced(seconds=ended - between, bare_seconds=between - began, agrees=_same(ours, bare))


def _bare(quantity: int) -> int:
    total = below = 0
    for bound, cents in _BOUNDS:
        if bound is None or quantity <= bound:
            return total + (quantity - below) * cents
        total += (bound - below) * cents
        below = bound
    return total


def _same(ours: Sequence[int], bare: Sequence[int]) -> bool:
    return list(ours) == list(bare)
