"""What was had at a price in arrears and is not billed yet.

Owns from when to when something accrues, and the lines that bill it. Time accrues while the
customer has what was sold: not in a pause, nor while it is unpaid. A part of a period is charged by
its share of the whole interval, at the price that was in force in it. Does not own when it is
billed (`billing.lifecycle`) nor the invoice (`billing.upcoming`).
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from billing.assessment import PriceTerms
from billing.catalog import ProrationMode
from billing.dunning import DunningLadder
from billing.errors import Conflict
from billing.explanation import Exact
from billing.first_period import running_whole_period
from billing.invoice import describe_line
from billing.invoice_line import InvoiceLine
from billing.money import Money, round_half_away
from billing.period import Period
from billing.price import Price
from billing.pricing import charge_for
from billing.proration import share
from billing.subscription import AccruedPart, SubscriptionState, Terms
from billing.tax import Taxation

MOST_PARTS: Final = 200
"""How often what is sold may change within one period; a state has all of its parts."""


def begins(terms: Terms, at: datetime) -> datetime | None:
    """Since when what is sold from `at` on accrues; None where it is paid in advance."""
    return at if terms.is_in_arrears else None


def used_until(state: SubscriptionState, at: datetime) -> tuple[AccruedPart, ...]:
    """All that was had before `at` and is not billed."""
    since = state.accrues_from
    if since is None or at <= since:
        return state.accrued
    part = AccruedPart(
        terms=_priced(state.terms),
        used=Period(start=since, end=at),
        whole=running_whole_period(state),
    )
    return (*state.accrued, part)


def had_before(state: SubscriptionState, end: datetime) -> tuple[AccruedPart, ...]:
    """What is left to bill of one that ended at `end`, which may be in the past.

    An add-on hears of its parent's end later, and may have changed in between.
    """
    return tuple(
        part if part.used.end <= end else part.model_copy(update={"used": _cut(part.used, end)})
        for part in used_until(state, end)
        if part.used.start < end
    )


def ended_at(state: SubscriptionState, at: datetime) -> dict[str, object]:
    """What changes of a state where nothing accrues from `at` on: it rests, or is unpaid.

    An outage that puts that off makes no period longer: what begins after it is billed to nobody.
    """
    if state.accrues_from is None:
        return {}
    until = min(at, state.running_period.end)
    return {"accrued": used_until(state, until), "accrues_from": None}


def replaced_at(state: SubscriptionState, target: Terms, at: datetime) -> dict[str, object]:
    """What changes of a state that has `target` from `at` on, within its period."""
    if state.accrues_from is None:
        return {}
    since = max(at, state.accrues_from)
    return {"accrued": used_until(state, since), "accrues_from": begins(target, since)}


def check_room(state: SubscriptionState) -> None:
    """Raises `Conflict` (`too_many_changes`) where a period cannot be divided any further."""
    if len(state.accrued) >= MOST_PARTS:
        raise Conflict(
            "too_many_changes",
            f"what is sold has changed {MOST_PARTS} times in this period: wait for the next one",
        )


def lines_of(parts: Sequence[AccruedPart], prices: Sequence[Price]) -> Iterator[InvoiceLine]:
    """One line for each part, at the price beside it.

    What was had of the same at the same price, with a rest in between, is rounded on from part to
    part: together the lines are what all of that time costs, rounded once (policy P2). A period is
    divided as what was sold at its beginning says, so that its parts are all of it.
    """
    known: dict[object, tuple[Exact, int]] = {}
    divided: dict[Period, ProrationMode] = {}
    for part, price in zip(parts, prices, strict=True):
        terms = part.terms
        mode = divided.setdefault(part.whole, terms.proration)
        part_of = share(part.used, part.whole, mode)
        if not part_of:
            continue  # of a day that counts whole for what came after it
        charged = charge_for(price, terms.quantity, share=part_of)
        key = price.id, price.version, terms.configuration, terms.quantity, part.whole
        exact, billed = known.get(key, (0, 0))
        exact += charged.exact_minor
        known[key] = exact, round_half_away(exact)
        yield InvoiceLine(
            description=describe_line(
                price, product_name=terms.product_name, quantity=terms.quantity
            ),
            price_id=price.id,
            price_version=price.version,
            quantity=terms.quantity,
            period=part.used,
            amount=Money(
                amount_minor=round_half_away(exact) - billed,
                currency=price.currency,
            ),
            explanation=charged,
        )


def terms_of_lines(
    parts: Sequence[AccruedPart], prices: Sequence[Price], taxation: Taxation
) -> Iterator[PriceTerms]:
    """What discounts and taxes the lines of the parts."""
    for part, price in zip(parts, prices, strict=True):
        yield PriceTerms(
            price_id=price.id,
            price_version=price.version,
            product_id=price.product_id,
            treatment=taxation.of(part.terms.tax_category),
            tax_inclusive=price.tax_inclusive,
        )


def _cut(used: Period, end: datetime) -> Period:
    return Period(start=used.start, end=end)


def _priced(terms: Terms) -> Terms:
    """What an invoice needs of them: a state is carried about with all of its parts."""
    without = {"entitlements": (), "trial": None, "pause": None, "dunning": DunningLadder()}
    return terms.model_copy(update=without)
