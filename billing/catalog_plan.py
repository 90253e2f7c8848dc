"""What publishing a catalog would do: the rehearsal that is shown before anybody says yes.

Owns the plan's shape. Publishing touches no running subscription (policy P33): each keeps its
version until it is migrated. So the plan says of every price how many keep it, what their next
invoices are, and what they would be if all were moved. Does not own the comparison of catalogs
(`billing.catalog_change`) nor of prices (`billing.rehearsal`).
"""

from collections.abc import Iterable
from datetime import datetime
from heapq import nsmallest

from billing.catalog_change import CatalogChange, Refusal
from billing.money import Money
from billing.rehearsal import Effect, Total
from billing.subscription import SubscriptionStatus
from billing.value import Instant, Value


class TouchedSubscription(Value):
    """One subscription that keeps its price, and what another would make of its next invoice."""

    subscription_id: str
    customer_id: str
    status: SubscriptionStatus
    quantity: int
    next_invoice_at: Instant | None
    next_invoice: Money
    if_moved: Money
    refusal: str | None
    """Why it could not be moved in its quantity."""


class Touched(Value):
    """Those that run at one version of a price that is changed or retired; all of them keep it."""

    price_id: str
    price_version: int
    to_price_id: str
    to_version: int
    """What a migration would move them to; the same where there is nothing."""
    count: int
    if_moved: tuple[Total, ...]
    """What would become of their invoices and revenue, per currency."""
    first: tuple[TouchedSubscription, ...]
    """Some of them: those with the next invoices."""

    @property
    def has_target(self) -> bool:
        """Whether there is anything to move them to."""
        return (self.price_id, self.price_version) != (self.to_price_id, self.to_version)


class PlannedChange(Value):
    """One change of the catalog, with those that have what it changes."""

    change: CatalogChange
    touched: tuple[Touched, ...] = ()


class CatalogPlan(Value):
    """Everything that publishing would do, and what keeps it from being done."""

    digest: str
    """Names the plan: `apply` carries out this one or says that the world has changed."""
    based_on: int | None
    """The version that it is compared with; None where nothing is published yet."""
    effective_at: Instant | None
    """None: at once."""
    changes: tuple[PlannedChange, ...]
    refusals: tuple[Refusal, ...]

    @property
    def is_empty(self) -> bool:
        """Whether publishing would change nothing."""
        return not self.changes and not self.refusals


def soonest(effects: Iterable[Effect], count: int) -> list[Effect]:
    """Those whose next invoices come first; such without one come last."""
    return nsmallest(count, effects, key=_due)


def touched_subscription(effect: Effect) -> TouchedSubscription:
    """The effect, as a plan shows it."""
    subscription = effect.subscription
    return TouchedSubscription(
        subscription_id=subscription.subscription_id,
        customer_id=subscription.customer_id,
        status=subscription.status,
        quantity=subscription.quantity,
        next_invoice_at=subscription.next_invoice_at,
        next_invoice=effect.before,
        if_moved=effect.after,
        refusal=effect.refusal,
    )


def _due(effect: Effect) -> tuple[bool, datetime | str, str]:
    at = effect.subscription.next_invoice_at
    return at is None, at or "", effect.subscription.subscription_id
