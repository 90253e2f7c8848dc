"""Subscriptions: the highest revision of each, and who holds which place."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, and_, bindparam, delete, literal_column, or_, select, union, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.appended import Appended
from adapters.db.repositories.entitlements import SqlEntitlements
from adapters.db.repositories.invoice_items import SqlInvoiceItems
from adapters.db.statement import Statement
from adapters.db.tables.customer import customers
from adapters.db.tables.schema import DOCUMENT
from adapters.db.tables.subscription import (
    live_subscriptions,
    subscriptions,
    trial_redemptions,
)
from adapters.db.tables.test_clock import test_clocks
from billing.agenda import next_action
from billing.errors import NotFound
from billing.ports.storage import Claim
from billing.subscription import ENTITLED_STATUSES, SubscriptionState, SubscriptionStatus

_CHANGING: Final = (
    "product_id",
    "price_id",
    "price_version",
    "family",
    "quantity",
    "currency",
    "status",
    "period_start",
    "period_end",
    "trial_end",
    "cancel_at",
    "pending_change_at",
    "resumes_at",
    "ended_at",
    "next_action_kind",
    "next_action_at",
    "revision",
    "state",
)
_WRITTEN: Final = ("id", "customer_id", "created_at", "parent_id", "is_purchase", *_CHANGING)
_INSERT: Final = insert(subscriptions).values(
    {name: bindparam(name) for name in _WRITTEN}
    | {
        "test_clock_id": select(customers.c.test_clock_id)
        .where(customers.c.id == bindparam("owner_id"))
        .scalar_subquery()
    }
)
_SAVE: Final = Statement(
    _INSERT.on_conflict_do_update(
        index_elements=[subscriptions.c.id],
        set_={name: _INSERT.excluded[name] for name in _CHANGING},
        where=subscriptions.c.revision < _INSERT.excluded.revision,
    ).returning(
        subscriptions.c.revision,
        literal_column("old.status").label("old_status"),
        literal_column("old.quantity").label("old_quantity"),
        literal_column("old.state #> '{terms,entitlements}'", DOCUMENT).label("old_entitlements"),
    )
)
_KNOWN: Final = select(
    subscriptions.c.revision,
    (subscriptions.c.state == bindparam("state", type_=subscriptions.c.state.type)).label(
        "is_same"
    ),
).where(subscriptions.c.id == bindparam("id"))
_RECORDED: Final = Statement(
    select(subscriptions.c.state).where(subscriptions.c.id == bindparam("id"))
)


class SqlSubscriptions:
    """Implements `billing.ports.storage.Subscriptions`."""

    def __init__(self, connection: AsyncConnection, appended: Appended) -> None:
        self._connection = connection
        self._appended = appended

    async def save(self, state: SubscriptionState) -> int:
        """Stores the state unless a higher revision is stored; returns the highest known.

        What it gives its customer is stored with it, and told where that is something else than
        before. Another state of the same revision, which a run before a reset has stored, counts as
        one revision more: what is returned equals the state's own revision only where it is stored.
        """
        row = await _SAVE.row(self._connection, _columns(state))
        if row is not None:
            if _may_give_something_else(state, row):
                await SqlEntitlements(self._connection, self._appended).follow(state)
            if state.ended_at is not None and not state.accrued:
                await SqlInvoiceItems(self._connection, self._appended).lapse(
                    state, at=state.ended_at
                )
            return int(row.revision)
        found = await self._connection.execute(_KNOWN, _columns(state))
        known = found.one()
        if known.revision == state.revision and not known.is_same:
            return state.revision + 1
        return int(known.revision)

    async def set_metadata(self, subscription_id: str, metadata: dict[str, str]) -> None:
        """The caller's own facts. Raises `NotFound` (`subscription_not_found`)."""
        changed = await self._connection.execute(
            update(subscriptions)
            .where(subscriptions.c.id == subscription_id)
            .values(metadata=metadata)
        )
        if changed.rowcount == 0:
            raise NotFound("subscription_not_found", f"no subscription {subscription_id!r}")

    async def recorded(self, subscription_id: str) -> SubscriptionState | None:
        """The stored state, whatever a workflow that was reset remembers."""
        row = await _RECORDED.row(self._connection, {"id": subscription_id})
        return None if row is None else SubscriptionState.model_validate(row.state)

    async def clock_stands_at(self, subscription_id: str) -> datetime | None:
        """Where its customer's test clock has arrived; None for live customers."""
        found: datetime | None = await self._connection.scalar(
            select(test_clocks.c.frozen_at)
            .join(subscriptions, subscriptions.c.test_clock_id == test_clocks.c.id)
            .where(subscriptions.c.id == subscription_id)
        )
        return found

    async def claim(self, state: SubscriptionState, *, with_trial: bool) -> Claim:
        """Takes the one live place per customer and family, and the one trial (policy P10, P16).

        A subscription that holds its claim already is granted it again. A refusal takes nothing. A
        purchase takes no place: what is sold once may be bought as often as one likes.
        """
        if state.purchase is not None:
            return Claim.GRANTED
        place = {
            "customer_id": state.customer_id,
            "family": state.terms.family,
            "subscription_id": state.subscription_id,
        }
        is_new = await self._take_place(place)
        if is_new is None:
            return Claim.FAMILY_TAKEN
        if with_trial and not await self._redeem_trial(place):
            if is_new:
                await self.release(state.subscription_id)
            return Claim.TRIAL_USED
        return Claim.GRANTED

    async def release(self, subscription_id: str) -> None:
        """Gives the live place back; a used trial stays used."""
        await self._connection.execute(
            delete(live_subscriptions).where(
                live_subscriptions.c.subscription_id == subscription_id
            )
        )

    async def charged_to(self, customer_id: str) -> tuple[str, ...]:
        """The customer's subscriptions that a payment method matters to.

        Those that hold one of the live places, ended ones that are still collected for, and
        purchases that are sold and not paid.
        """
        live = select(live_subscriptions.c.subscription_id).where(
            live_subscriptions.c.customer_id == customer_id
        )
        owing = select(subscriptions.c.id).where(
            subscriptions.c.customer_id == customer_id,
            or_(
                subscriptions.c.ended_at.is_not(None),
                and_(
                    subscriptions.c.is_purchase,
                    subscriptions.c.status != SubscriptionStatus.INCOMPLETE,
                ),
            ),
            subscriptions.c.state["open_invoices"] != [],
        )
        found = await self._connection.scalars(union(live, owing))
        return tuple(sorted(found))

    async def _take_place(self, place: dict[str, str]) -> bool | None:
        """Whether the place was taken just now (or already); None where another holds it."""
        while True:
            taken = await self._connection.execute(
                insert(live_subscriptions)
                .values(place)
                .on_conflict_do_nothing()
                .returning(live_subscriptions.c.subscription_id)
            )
            if taken.first() is not None:
                return True
            found = await self._connection.execute(
                select(live_subscriptions.c.subscription_id).where(
                    live_subscriptions.c.customer_id == place["customer_id"],
                    live_subscriptions.c.family == place["family"],
                )
            )
            holder = found.scalar_one_or_none()
            if holder is not None:  # else it was given back between the two statements
                return False if holder == place["subscription_id"] else None

    async def _redeem_trial(self, place: dict[str, str]) -> bool:
        await self._connection.execute(
            insert(trial_redemptions).values(place).on_conflict_do_nothing()
        )
        redeemed = await self._connection.execute(
            select(trial_redemptions.c.subscription_id).where(
                trial_redemptions.c.customer_id == place["customer_id"],
                trial_redemptions.c.family == place["family"],
            )
        )
        return bool(redeemed.scalar_one() == place["subscription_id"])


def _may_give_something_else(state: SubscriptionState, stored: Row[Any]) -> bool:
    """Compares with the state before, so that a renewal costs no statement more."""
    sold = [each.model_dump(mode="json") for each in state.terms.entitlements]
    sold_before = stored.old_entitlements or []
    if not sold and not sold_before:
        return False
    return (
        (state.status in ENTITLED_STATUSES) != (stored.old_status in ENTITLED_STATUSES)
        or state.terms.quantity != stored.old_quantity
        or sold != sold_before
    )


def _ends_at(state: SubscriptionState) -> datetime | None:
    """Its own cancellation, or the end of what it is sold beside."""
    ends = [each.at for each in (state.cancellation, state.parent_end) if each is not None]
    return min(ends, default=None) if not state.has_ended else None


def _columns(state: SubscriptionState) -> dict[str, Any]:
    terms, period, action = state.terms, state.period, next_action(state)
    return {
        "id": state.subscription_id,
        "customer_id": state.customer_id,
        "owner_id": state.customer_id,
        "created_at": state.created_at,
        "parent_id": state.parent_id,
        "is_purchase": state.purchase is not None,
        "product_id": terms.product_id,
        "price_id": terms.price_id,
        "price_version": terms.price_version,
        "family": terms.family,
        "quantity": terms.quantity,
        "currency": terms.currency,
        "status": state.status,
        "period_start": period.start if period is not None else None,
        "period_end": period.end if period is not None else None,
        "trial_end": state.trial.end if state.trial is not None else None,
        "cancel_at": _ends_at(state),
        "pending_change_at": (
            state.pending_change.at if state.pending_change is not None else None
        ),
        "resumes_at": state.pause.resumes_at if state.pause is not None else None,
        "ended_at": state.ended_at,
        "next_action_kind": action.kind if action is not None else None,
        "next_action_at": action.at if action is not None else None,
        "revision": state.revision,
        "state": state,
    }
