"""What buying a price today means.

Owns the step from what is on sale to the terms of one subscription. Does not own who may buy
(`api.subscription_start`) nor what may replace what (`billing.change`).
"""

from datetime import datetime
from typing import Self

from billing.catalog import Product, Trial
from billing.configuration import Configuration
from billing.dunning import DunningLadder, FinalAction
from billing.price import Price
from billing.pricing import price_of
from billing.subscription import Terms
from billing.value import Value


class Offer(Value):
    """A price that can be bought now, with its product."""

    product: Product
    price: Price

    def configured(self, wanted: Configuration) -> Self:
        """As it is sold in the configuration. Raises as `billing.price.Price.configured` does."""
        return self._at(self.price.configured(wanted))

    def keeping(self, held: Configuration) -> Self:
        """Configured as far as it depends on what is `held`."""
        return self._at(self.price.keeping(held))

    def in_currency(self, currency: str) -> Self:
        """As it is sold in the currency. Raises `InvalidInput` (`currency_not_sold`)."""
        return self._at(self.price.in_currency(currency))

    def _at(self, price: Price) -> Self:
        return self if price is self.price else self.model_copy(update={"price": price})


def price_as_sold(price: Price, terms: Terms) -> Price:
    """The version that the terms name, in their currency and configuration."""
    return price.in_currency(terms.currency).configured(terms.configuration)


def terms_of(
    offer: Offer,
    *,
    quantity: int,
    trial: Trial | None,
    segment: str | None,
    anchored_at: datetime | None = None,
) -> Terms:
    """The terms of `quantity` units for a customer of `segment`; they hold until changed (P33).

    They are in the price's first currency: the offer is asked for another one before
    (`Offer.in_currency`), and whether the quantity is sold (`billing.pricing.check_quantity`).
    `trial` is the one that this customer gets, if any, and `anchored_at` an add-on's, as `Terms`
    has it. Raises `InvalidInput` (`price_not_recurring`) for what is sold once.
    """
    price, product = offer.price, offer.product
    return Terms(
        product_id=product.id,
        product_name=product.name,
        family=product.family,
        price_id=price.id,
        price_version=price.version,
        currency=price.currency,
        interval=price.require_interval(),
        billing=price.billing,
        quantity=quantity,
        configuration=price.configuration,
        period_amount=price_of(price, quantity),
        trial=trial,
        dunning=_ladder(product, segment),
        proration=product.proration,
        anchor=product.anchor,
        pause=product.pause,
        shorter_interval=product.shorter_interval,
        free_fallback_price_id=product.free_fallback,
        dispute_lost=product.dispute_lost,
        entitlements=product.entitlements,
        tax_category=product.tax_category,
        anchored_at=anchored_at,
    )


def _ladder(product: Product, segment: str | None) -> DunningLadder:
    """The customer's ladder; without anything free to fall back to, it ends in a cancellation.

    That is said in the terms already, so that everybody who reads them knows how dunning ends.
    """
    ladder = product.dunning.ladder_for(segment)
    if ladder.final_action is FinalAction.DOWNGRADE_TO_FREE and product.free_fallback is None:
        return ladder.model_copy(update={"final_action": FinalAction.CANCEL})
    return ladder
