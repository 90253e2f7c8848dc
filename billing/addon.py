"""Add-ons: what is sold beside another subscription of the same customer, and ends with it.

Owns when one may be bought, what a parent and its add-ons learn of each other, and the end that
they share. Does not own an add-on's periods (`billing.first_period`), nor who tells it
(`activities.addons`).
"""

from collections.abc import Collection
from datetime import datetime

from billing.catalog import Product
from billing.errors import Conflict
from billing.parent import Addon, ParentEnd
from billing.subscription import SubscriptionState, SubscriptionStatus


def check_parent(product: Product, parent: SubscriptionState | None) -> SubscriptionState:
    """The parent that the product can be bought beside now.

    Raises `Conflict` (`parent_required`, `parent_not_active`, `parent_ends`).
    """
    if parent is None or parent.has_ended:
        raise Conflict(
            "parent_required",
            f"{product.id} is sold beside a subscription of the family {product.addon_to}:"
            " the customer has none",
            family=product.addon_to,
        )
    if parent.status is not SubscriptionStatus.ACTIVE or parent.anchor_at is None:
        raise Conflict(
            "parent_not_active",
            f"{product.id} is sold beside an active subscription; that of the family"
            f" {product.addon_to} is {parent.status}",
            subscription=parent.subscription_id,
        )
    if parent.end_for_addons is not None:
        raise Conflict(
            "parent_ends",
            f"the subscription that {product.id} would belong to is canceled: undo that first",
            subscription=parent.subscription_id,
        )
    return parent


def anchored_at(parent: SubscriptionState) -> datetime | None:
    """Where the boundaries of its add-ons are computed from: the parent's own anchor (P8)."""
    return parent.anchor_at


def joined(state: SubscriptionState, addon_id: str) -> SubscriptionState:
    """The subscription has an add-on from now on; told again, nothing changes."""
    if any(addon.subscription_id == addon_id for addon in state.addons):
        return state
    return state.changed(addons=(*state.addons, Addon(subscription_id=addon_id)))


def told(
    state: SubscriptionState,
    end: ParentEnd | None,
    asked: Collection[str],
    *,
    gone: Collection[str],
) -> SubscriptionState:
    """These add-ons know of `end`; those that are over, or know that it is over, are forgotten."""
    is_last = state.has_ended and end == state.end_for_addons
    forgotten = {*gone, *(asked if is_last else ())}
    return state.changed(
        addons=tuple(
            addon.model_copy(update={"told": end}) if addon.subscription_id in asked else addon
            for addon in state.addons
            if addon.subscription_id not in forgotten
        )
    )


def parent_news(state: SubscriptionState, end: ParentEnd | None) -> SubscriptionState:
    """The add-on knows when its parent ends, or that it goes on; what has ended stays ended."""
    if state.has_ended or state.parent_end == end:
        return state
    return state.changed(parent_end=end)
