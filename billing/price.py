"""Prices: what a product costs, in one immutable version.

Owns the value and the rules that a price must satisfy on its own. Versions are immutable (policy
P33): a running subscription names the one that it was sold at. Does not own amounts
(`billing.pricing`), the models' values (`billing.price_model`), nor what must hold between the
things of a catalog (`billing.catalog`).
"""

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from billing.billing_mode import BillingMode
from billing.charge import bounded, contexts_of, parts_of
from billing.configuration import (
    PLAIN,
    Configuration,
    configuration_of,
    configured,
    kept,
    smallest,
)
from billing.currency import CurrencyCode, minimum_charge_minor
from billing.currency_option import AmountBound, CurrencyOption, refuse_crossed_bounds
from billing.errors import InvalidInput
from billing.explanation import Exact
from billing.interval import Interval
from billing.money import round_half_away
from billing.price_model import Graduated, PriceModel, Volume
from billing.value import Value

CatalogId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,62}$")]
"""Chosen by the catalog's owner; stable and public."""

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]

MAX_QUANTITY = 1_000_000


class Price(Value):
    """One immutable version of a price: charged for every interval, before or after it, or once.

    Its own amounts are those of its first currency; `in_currency` has those of another. A
    subscription is sold in one of them and keeps it for life.
    """

    id: CatalogId
    version: Annotated[int, Field(ge=1)] = 1
    product_id: CatalogId
    currency: CurrencyCode
    """The one that it is sold in where the buyer does not say another."""
    model: PriceModel
    """How the amount follows from the quantity; its amounts are minor units of the currency."""
    minimum_amount_minor: AmountBound | None = None
    """What one whole interval costs at least."""
    maximum_amount_minor: AmountBound | None = None
    """What one whole interval costs at most."""
    interval: Interval | None
    """How often it recurs; None for what is sold once."""
    billing: BillingMode = BillingMode.IN_ADVANCE
    """Whether an interval is charged at its beginning or at its end."""
    unit_name: Name = "unit"
    """What one unit of quantity is called on an invoice, in the singular."""
    tax_inclusive: bool = False
    """Whether the amount includes the tax, or tax comes on top (policy P4)."""
    minimum_quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)] = 1
    maximum_quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)] = MAX_QUANTITY
    quantity_step: Annotated[int, Field(ge=1, le=MAX_QUANTITY)] = 1
    """Only multiples of it are sold, such as whole packs of 25."""
    currency_options: Mapping[CurrencyCode, CurrencyOption] = {}
    """What it costs in other currencies."""

    @model_validator(mode="after")
    def _sellable(self) -> Self:
        if self.minimum_quantity > self.maximum_quantity:
            raise ValueError("minimum_quantity must not exceed maximum_quantity")
        if self.smallest_quantity > self.maximum_quantity:
            raise ValueError(
                f"no multiple of quantity_step {self.quantity_step} lies between"
                " minimum_quantity and maximum_quantity"
            )
        if self.interval is None and self.is_in_arrears:
            raise ValueError("what is sold once has no end to be billed at: leave billing out")
        refuse_crossed_bounds(self.minimum_amount_minor, self.maximum_amount_minor)
        if self.currency in self.currency_options:
            raise ValueError(f"{self.currency} is the price's first currency: it has no option")
        for currency, option in self.currency_options.items():
            if option.model.kind != self.model.kind:
                raise ValueError(
                    f"the price is {self.model.kind} in {self.currency}: write the {currency}"
                    f" amounts so too, not {option.model.kind}"
                )
        for currency in self.currencies:
            _refuse_uncollectable(self.in_currency(currency))
        return self

    @property
    def is_in_arrears(self) -> bool:
        """Whether a period is billed once it is over."""
        return self.billing is BillingMode.IN_ARREARS

    @property
    def currencies(self) -> tuple[CurrencyCode, ...]:
        """Those that it is sold in: the first one, then the others by their codes."""
        return (self.currency, *sorted(self.currency_options))

    def in_currency(self, currency: str) -> Self:
        """The price as it is sold in the currency, and in no other.

        Raises `InvalidInput` (`currency_not_sold`), whose `currencies` are those that it has.
        """
        if currency == self.currency and not self.currency_options:
            return self
        if currency == self.currency:
            return self.model_copy(update={"currency_options": {}})
        option = self.currency_options.get(currency)
        if option is None:
            known = ", ".join(self.currencies)
            raise InvalidInput(
                "currency_not_sold",
                f"{self.id} is sold in {known}, not in {currency}",
                currencies=known,
            )
        amounts = {name: getattr(option, name) for name in CurrencyOption.model_fields}
        return self.model_copy(update={**amounts, "currency": currency, "currency_options": {}})

    def require_interval(self) -> Interval:
        """How often it recurs.

        Raises `InvalidInput` (`price_not_recurring`) for what is sold once.
        """
        if self.interval is None:
            raise InvalidInput(
                "price_not_recurring",
                f"{self.id} is sold once: as a purchase, or as an invoice item of a subscription",
            )
        return self.interval

    @property
    def configuration(self) -> Configuration:
        """What was chosen of it; `PLAIN` as the catalog has it."""
        return configuration_of(self.model)

    def configured(self, wanted: Configuration) -> Self:
        """As it is sold in a configuration. Raises as `billing.configuration.configured` does."""
        model = configured(self.model, wanted)
        return self if model is self.model else self.model_copy(update={"model": model})

    def keeping(self, held: Configuration) -> Self:
        """Configured as far as the price depends on what is `held`. Raises as `configured` does."""
        return self.configured(kept(self.model, held))

    @property
    def is_configurable(self) -> bool:
        """Whether it depends on more than the quantity."""
        return smallest(self.model) != PLAIN

    @property
    def smallest_configuration(self) -> Configuration:
        """One that it is sold in."""
        return smallest(self.model)

    @property
    def smallest_quantity(self) -> int:
        """The least that is sold: the first multiple of the step from the minimum on."""
        return -(-self.minimum_quantity // self.quantity_step) * self.quantity_step

    @property
    def smallest_amounts(self) -> tuple[Exact, ...]:
        """What the smallest purchase costs, exactly, for each context that decides by itself.

        In the first currency, as everything that is said of amounts.
        """
        return tuple(
            sum(
                (
                    part.amount_minor
                    for part in bounded(
                        parts_of(self.model, self.smallest_quantity, context),
                        minimum_minor=self.minimum_amount_minor,
                        maximum_minor=self.maximum_amount_minor,
                    )
                ),
                start=0,
            )
            for context in contexts_of(self.model)
        )

    @property
    def is_free(self) -> bool:
        """Whether its smallest purchase costs nothing, whatever it depends on."""
        return bool(self.smallest_amounts) and not any(self.smallest_amounts)


def _refuse_uncollectable(price: Price) -> None:
    """A smallest purchase that no charge can take (policy P5).

    Tiers are made for many units: what a few of them cost may be carried to a later invoice.
    """
    if isinstance(price.model, Graduated | Volume):
        return
    minimum = minimum_charge_minor(price.currency)
    for exact in price.smallest_amounts:
        smallest = round_half_away(exact)
        if exact > 0 and smallest < minimum:
            raise ValueError(
                f"the smallest purchase is {smallest} minor units of {price.currency};"
                f" less than {minimum} cannot be collected: raise the price or minimum_quantity"
            )
