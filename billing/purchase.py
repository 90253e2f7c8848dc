"""A purchase: one-off prices sold to a customer without a subscription (ADR 0036).

Owns what tells it from a subscription, its terms, and whether it can be collected at all. A
purchase lives in a subscription's state, with one invoice and no period after it. Does not own its
items (`billing.one_off_charge`), how it lives (`billing.lifecycle`, `billing.agenda`) nor how it
ends unpaid (`billing.giving_up`).
"""

from collections.abc import Sequence
from typing import Final

from billing.catalog import AnchorKind, DisputeLost
from billing.dunning import DunningLadder, FinalAction
from billing.errors import InvalidInput
from billing.invoice import InvoiceDraft
from billing.invoice_item import InvoiceItem
from billing.money import Money
from billing.offer import Offer
from billing.subscription import Terms

PURCHASE: Final = "pur"
"""What the ids of purchases begin with."""


def is_purchase_id(subscription_id: str) -> bool:
    """Whether the id is a purchase's."""
    return subscription_id.startswith(f"{PURCHASE}_")


def noun_of(subscription_id: str) -> str:
    """What people call what has the id: a purchase or a subscription."""
    return "purchase" if is_purchase_id(subscription_id) else "subscription"


def terms_of_purchase(offer: Offer, items: Sequence[InvoiceItem], *, segment: str | None) -> Terms:
    """What is sold: `items`, the first of which is of the `offer` as it is configured.

    The first one's product lends its ladder and its name; it costs what all of them do. Nothing
    runs on, so that there are no entitlements, and what a bank takes back for good ends nothing.
    """
    first, product = items[0], offer.product
    others = len(items) - 1
    return Terms(
        product_id=product.id,
        product_name=product.name if not others else f"{product.name} and {others} more",
        family=product.family,
        price_id=offer.price.id,
        price_version=offer.price.version,
        currency=offer.price.currency,
        interval=None,
        quantity=first.quantity,
        configuration=offer.price.configuration,
        period_amount=sum((item.amount for item in items), Money.zero(offer.price.currency)),
        dunning=_ladder(product.dunning.ladder_for(segment)),
        anchor=AnchorKind.ANNIVERSARY,
        dispute_lost=DisputeLost.KEEP,
        tax_category=product.tax_category,
    )


def _ladder(ladder: DunningLadder) -> DunningLadder:
    """There is nothing free to go on with: what is canceled instead says so from the beginning."""
    if ladder.final_action is not FinalAction.DOWNGRADE_TO_FREE:
        return ladder
    return ladder.model_copy(update={"final_action": FinalAction.CANCEL})


def check_collectable(draft: InvoiceDraft) -> None:
    """Raises `InvalidInput` (`amount_too_small`) for what no gateway takes (policy P5).

    A subscription carries it to its next invoice; after a purchase there is none.
    """
    left = sum((line.total for line in draft.carried), Money.zero(draft.currency))
    if left.amount_minor > 0:
        raise InvalidInput(
            "amount_too_small", f"{left} is less than can be charged, and no invoice comes after it"
        )
