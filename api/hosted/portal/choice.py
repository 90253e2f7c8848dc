"""What a customer may change a subscription to, and what they chose.

Owns the plans that are offered and the reading of the form's fields. Does not own what a change
costs (`api.subscription_changes`) nor the pages (`change`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from adapters.db.engine import reading
from adapters.db.queries import catalog
from adapters.db.queries.customers import Customer
from adapters.locale_format import LocaleFormat
from api.dependencies import Dependencies
from api.hosted.portal.account import Holding
from api.hosted.portal.plan_words import each_costs
from billing.change import ChangeRequest
from billing.errors import Conflict, InvalidInput
from billing.offer import Offer
from billing.price import MAX_QUANTITY, Price
from billing.requested_change import ChangeBasis, plan_request

_QUANTITY: Final = re.compile(r"[0-9]{1,7}", re.ASCII)
_PRICE: Final = re.compile(r"[a-z][a-z0-9_]{1,62}", re.ASCII)
_NEVER: Final = frozenset(
    {
        "base_amount_required",
        "billing_differs",
        "combination_not_sold",
        "different_family",
        "dimension_required",
        "dimension_unknown",
        "interval_downgrade_not_allowed",
        "price_not_recurring",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOption:
    """One plan on offer."""

    price_id: str
    name: str
    costs: str
    is_current: bool
    has_quantity: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the form says; `quantity` is None where that is no number to buy."""

    price_id: str
    quantity_text: str
    quantity: int | None

    @classmethod
    def read(
        cls, holding: Holding, options: Sequence[PlanOption], *, price: str, quantity: str | None
    ) -> "Choice":
        """What is not said stays as it is; a plan that is not sold in quantities is sold once."""
        terms = holding.state.terms
        price_id = price if _PRICE.fullmatch(price) else terms.price_id
        text = str(terms.quantity) if quantity is None else quantity.strip()
        number = int(text) if _QUANTITY.fullmatch(text) else 0
        if any(option.price_id == price_id and not option.has_quantity for option in options):
            number = 1
        return cls(
            price_id=price_id,
            quantity_text=text[:20],
            quantity=number if 1 <= number <= MAX_QUANTITY else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OnSale:
    """Everything that can be bought today."""

    offers: tuple[Offer, ...]

    def options(self, customer: Customer, holding: Holding) -> tuple[PlanOption, ...]:
        """The present plan first, then what may replace it, in the order of what it costs."""
        terms = holding.state.terms
        payable = (
            offer.in_currency(terms.currency)
            for offer in self.offers
            if terms.currency in offer.price.currencies
        )
        fitting = [
            offer
            for offer in payable
            if offer.price.id != terms.price_id and _may_ever_be_chosen(holding, customer, offer)
        ]
        fitting.sort(
            key=lambda offer: (max(offer.price.smallest_amounts, default=0), offer.price.id)
        )
        present = _option(holding.written, terms.product_name, holding.price, is_current=True)
        others = (
            _option(holding.written, each.product.name, each.price, is_current=False)
            for each in fitting
        )
        return (present, *others)


async def read_on_sale(deps: Dependencies) -> OnSale:
    """What is on sale now."""
    async with reading(deps.engine) as connection:
        return OnSale(offers=await catalog.offers(connection))


def is_a_choice(options: Sequence[PlanOption]) -> bool:
    """Whether there is anything to change: another plan, or another quantity."""
    return len(options) > 1 or any(option.has_quantity for option in options)


def _may_ever_be_chosen(holding: Holding, customer: Customer, offer: Offer) -> bool:
    """Whether the rules would not refuse it whatever happens; what it costs is not asked here."""
    price, wanted = offer.price, holding.state.terms.quantity
    quantity = min(max(wanted, price.minimum_quantity), price.maximum_quantity)
    basis = ChangeBasis(
        current_price=holding.price, offer=offer, segment=customer.segment, debits=()
    )
    request = ChangeRequest(price_id=price.id, quantity=quantity)
    try:
        plan_request(holding.state, request, basis, at=holding.now)
    except (Conflict, InvalidInput) as refusal:
        return refusal.code not in _NEVER
    return True


def _option(written: LocaleFormat, name: str, price: Price, *, is_current: bool) -> PlanOption:
    return PlanOption(
        price_id=price.id,
        name=name,
        costs=each_costs(written, price),
        is_current=is_current,
        has_quantity=price.maximum_quantity > 1,
    )
