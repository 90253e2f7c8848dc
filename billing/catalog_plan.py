"""What publishing a catalog would do: the rehearsal that is shown before anybody says yes.

Owns the plan's shape. A subscription keeps its version until it is migrated (policy P33). So the
plan says of every price how many keep it, what their next invoices are, and what they would be if
all were moved; and of prices that are replaced from a day on who moves when, who stays and why.
Does not own the comparison of catalogs (`billing.catalog_change`) nor of prices
(`billing.rehearsal`), nor who is moved (`billing.migration_account`).
"""

from collections.abc import Iterable
from datetime import datetime
from heapq import nsmallest

from billing.catalog_change import CatalogChange, Refusal
from billing.migration import MigrationPlan, SkipReason
from billing.migration_account import Account, Decision, MigrationRehearsal
from billing.money import Money
from billing.rehearsal import Effect, Total
from billing.subscription import SubscriptionStatus
from billing.value import Instant, Value


class NextInvoice(Value):
    """All of an invoice with its discounts and what waits for it, before tax."""

    total: Money
    if_moved: Money
    """The same at the other price."""


class TouchedSubscription(Value):
    """One subscription that keeps its price, and what another would make of its invoices."""

    subscription_id: str
    customer_id: str
    status: SubscriptionStatus
    quantity: int
    next_invoice_at: Instant | None
    next_invoice: Money
    """For a whole period; in arrears for what will have been had by then, at what it was had at."""
    if_moved: Money
    """The same in arrears: another price is for the time after it."""
    following: Money
    """What each whole period costs from then on."""
    following_if_moved: Money
    is_in_arrears: bool = False
    refusal: str | None
    """Why it could not be moved in its quantity."""
    invoice: NextInvoice | None = None
    """None where none comes."""


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


class MovingSubscription(Value):
    """One subscription at a retired price, and what becomes of it."""

    subscription_id: str
    customer_id: str
    quantity: int
    period_amount: Money
    """What a whole period costs."""
    moves_at: Instant | None
    """The renewal at which it moves, if its customer is told at once; None where it stays."""
    after: Money | None
    """What a whole period costs from then on."""
    renewal: Money | None = None
    """In arrears: what the renewal at which it moves still bills, of the time before it."""
    reason: SkipReason | None
    """Why it stays."""
    refusal: str | None
    """What the new price says against its quantity."""


class PlannedMove(Value):
    """A migration that publishing starts, because a price is replaced from a day on."""

    plan: MigrationPlan
    begins_at: Instant | None
    """When customers are told: at once, or when the catalog comes into force."""
    rehearsal: MigrationRehearsal
    first_at: Instant | None
    last_at: Instant | None
    """Between which renewals everybody moves."""
    moving: tuple[MovingSubscription, ...]
    """Some of them: those that move first."""
    staying: tuple[MovingSubscription, ...]
    """Some of those that keep their price."""


class MovePreview:
    """Makes a planned migration of decisions as they come; few are kept."""

    def __init__(self, plan: MigrationPlan, *, shown: int) -> None:
        self._plan, self._shown = plan, shown
        self._account = Account(plan)
        self._moving: list[MovingSubscription] = []
        self._staying: list[MovingSubscription] = []
        self._last_at: datetime | None = None

    def add(self, decision: Decision) -> None:
        """Counts one subscription."""
        self._account.add(decision)
        at = decision.moves_at
        if at is None:
            if len(self._staying) < self._shown:
                self._staying.append(_moving_subscription(decision))
            return
        self._last_at = max(self._last_at or at, at)
        if len(self._moving) < self._shown or at < (self._moving[-1].moves_at or at):
            found = (*self._moving, _moving_subscription(decision))
            self._moving = nsmallest(self._shown, found, key=_moves_at)

    def move(self, *, begins_at: datetime | None) -> PlannedMove | None:
        """What all of it comes to; None where nobody moves."""
        rehearsal = self._account.rehearsal
        if not rehearsal.migrates:
            return None
        return PlannedMove(
            plan=self._plan,
            begins_at=begins_at,
            rehearsal=rehearsal,
            first_at=self._moving[0].moves_at if self._moving else None,
            last_at=self._last_at,
            moving=tuple(self._moving),
            staying=tuple(self._staying),
        )


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
    moves: tuple[PlannedMove, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether publishing would change nothing."""
        return not self.changes and not self.refusals


def soonest(effects: Iterable[Effect], count: int) -> list[Effect]:
    """Those whose next invoices come first; such without one come last."""
    return nsmallest(count, effects, key=_due)


def touched_subscription(effect: Effect, invoice: NextInvoice | None) -> TouchedSubscription:
    """The effect, as a plan shows it."""
    subscription = effect.subscription
    return TouchedSubscription(
        subscription_id=subscription.subscription_id,
        customer_id=subscription.customer_id,
        status=subscription.status,
        quantity=subscription.quantity,
        next_invoice_at=subscription.next_invoice_at,
        next_invoice=effect.next_before,
        if_moved=effect.next_after,
        following=effect.before,
        following_if_moved=effect.after,
        is_in_arrears=subscription.accrued is not None,
        refusal=effect.refusal,
        invoice=invoice,
    )


def _moving_subscription(decision: Decision) -> MovingSubscription:
    state, effect = decision.candidate.state, decision.effect
    return MovingSubscription(
        subscription_id=state.subscription_id,
        customer_id=state.customer_id,
        quantity=state.terms.quantity,
        period_amount=state.terms.period_amount if effect is None else effect.before,
        moves_at=None if effect is None else decision.moves_at,
        after=None if effect is None else effect.after,
        renewal=None if effect is None else effect.subscription.accrued,
        reason=decision.reason,
        refusal=decision.refusal,
    )


def _moves_at(one: MovingSubscription) -> tuple[datetime | str, str]:
    return one.moves_at or "", one.subscription_id


def _due(effect: Effect) -> tuple[bool, datetime | str, str]:
    at = effect.subscription.next_invoice_at
    return at is None, at or "", effect.subscription.subscription_id
