"""Commands to a running subscription: each takes effect once, in its turn.

Owns how a command is applied and answered: after the boundaries that came before it (policy P7),
one at a time, with its actor and reason in the audit log (P34). Does not own what commands change
(`billing`).
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Final, TypeVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.change import BeginChange, ChangeOutcome, ChangeRefused, after_change
    from activities.coupons import RedemptionRefused, TakeRedemption
    from activities.one_off_charge import (
        ChargeItem,
        ItemCharged,
        ItemNotCharged,
        ItemOutcome,
        ItemRefused,
    )
    from activities.records import AuditEntry
    from billing import changing, lifecycle
    from billing.agenda import overdue_boundary
    from billing.commands import (
        check_command,
        check_not_reused,
        check_version,
        coupon_redeemed,
    )
    from billing.discount import Coupon
    from billing.errors import Overtaken, PerennialError
    from billing.one_off_charge import charged, check_chargeable_now
    from billing.subscription import ChangeResult, CommandName, SubscriptionState
    from workflows import effects
    from workflows.messages import (
        ChangeSubscription,
        ChargeOnce,
        Command,
        CommandReceipt,
        ExtendGrace,
        MarkUncollectible,
        PayNow,
        RecordPayment,
        RedeemCoupon,
        WaiveInvoice,
    )
    from workflows.state_keeper import Change, StateKeeper

Preparation = Callable[[datetime], Awaitable[None]]
ResultT = TypeVar("ResultT")

_CHARGE_PATIENCE: Final = timedelta(seconds=10)
"""How long a command waits for the payment of a change: less than its caller waits for it."""

_WAITS_FOR_VOIDING: Final = "wait-until-a-change-is-voided"
_TELLS_REUSE: Final = "tells-reuse-of-a-command-id"
_ABOUT_DEBTS: Final = (PayNow, RecordPayment, WaiveInvoice, MarkUncollectible, ExtendGrace)


class Commands:
    """Applies commands to the state that `keeper` holds."""

    def __init__(self, keeper: StateKeeper) -> None:
        self._keeper = keeper
        self.is_hurrying = False
        """A command waits for a boundary: nothing is spread meanwhile."""

    async def apply(
        self,
        command: Command,
        name: CommandName,
        change: Change,
        *,
        prepare: Preparation | None = None,
        gives_back: bool = False,
    ) -> CommandReceipt:
        """Takes effect once per command id; a repetition gets the same receipt.

        `prepare` is what has to be done outside before; it must be repeatable. What `gives_back`
        waits for the invoice of a change that was given up, which holds what could be given.
        """
        await self._until_applied(
            command,
            lambda: self._apply(command, name, change, prepare),
            turn=self._once_voided if gives_back else lambda: self._keeper.lock,
        )
        return self.receipt(command)

    async def _apply(
        self, command: Command, name: CommandName, change: Change, prepare: Preparation | None
    ) -> None:
        keeper = self._keeper
        now = keeper.now()
        self.check(command, lambda state: change(state, now))
        if prepare is not None:
            await prepare(now)
        before = keeper.state
        after = _or_refusal(lambda: change(before, now))
        await self.applied(command, name, before, after, now)

    async def begin_change(self, command: ChangeSubscription) -> CommandReceipt:
        """Applies a change that is free or deferred; what is to be paid for is under way then.

        It waits for the first attempt to pay another one: of two in the same second, both count.
        """
        await self._until_applied(
            command, lambda: self._begin_change(command), turn=self._between_charges
        )
        return self.receipt(command)

    async def _begin_change(self, command: ChangeSubscription) -> None:
        keeper = self._keeper
        now = keeper.now()
        self.check(command, lambda state: check_command(state, CommandName.CHANGE))
        outcome = await self._planned(command, now)
        if isinstance(outcome, ChangeRefused):
            raise ApplicationError(outcome.message, outcome.error, type=outcome.code)
        await self.applied(
            command,
            CommandName.CHANGE,
            keeper.state,
            keeper.state,
            now,
            result=outcome.result,
            invoice_id=None if outcome.invoice is None else outcome.invoice.id,
        )

    async def charge_once(self, command: ChargeOnce) -> CommandReceipt:
        """Invoices the item; the invoice is collected by what is due next."""
        await self._until_applied(
            command, lambda: self._charge_once(command), turn=lambda: self._keeper.lock
        )
        return self.receipt(command)

    async def _charge_once(self, command: ChargeOnce) -> None:
        keeper = self._keeper
        now = keeper.now()
        self.check(command, lambda state: check_chargeable_now(state, command.item.amount))
        outcome = await keeper.effect(
            lambda state: effects.charge_item(ChargeItem(state=state, item=command.item, now=now)),
            _after_charge,
        )
        if isinstance(outcome, ItemRefused):
            raise ApplicationError(outcome.message, outcome.error, type=outcome.code)
        if isinstance(outcome, ItemNotCharged):
            raise ApplicationError(
                "the subscription has ended", "Conflict", type="subscription_ended"
            )
        await self.applied(
            command,
            CommandName.CHARGE,
            keeper.state,
            keeper.state,
            now,
            invoice_id=outcome.invoice.id,
        )

    async def carry_out(
        self,
        command: Command,
        attempt: Callable[[], Awaitable[None]],
        *,
        turn: Callable[[], AbstractAsyncContextManager[None]],
    ) -> CommandReceipt:
        """Has `attempt` apply the command once, in a `turn` of its own."""
        await self._until_applied(command, attempt, turn=turn)
        return self.receipt(command)

    async def _until_applied(
        self,
        command: Command,
        attempt: Callable[[], Awaitable[None]],
        *,
        turn: Callable[[], AbstractAsyncContextManager[None]],
    ) -> None:
        """In its turn; once more where that showed what happened before a reset."""
        is_applied = False
        while not is_applied:
            await self._catch_up()
            async with turn():
                if not self._is_applied(command):
                    with suppress(Overtaken):
                        await attempt()
                is_applied = self._is_applied(command)

    def _is_applied(self, command: Command) -> bool:
        return self._keeper.state.applied_command(command.command_id) is not None

    async def redeem_coupon(self, command: RedeemCoupon) -> CommandReceipt:
        """Takes one redemption of the coupon, and discounts with it from then on (policy P3)."""
        taken: list[Coupon] = []

        async def take(now: datetime) -> None:
            outcome = await self._keeper.unless_overtaken(
                effects.take_redemption(
                    TakeRedemption(
                        state=self._keeper.signed(), coupon_id=command.coupon_id, now=now
                    )
                )
            )
            if isinstance(outcome, RedemptionRefused):
                raise ApplicationError(outcome.message, outcome.error, type=outcome.code)
            taken.append(outcome.coupon)

        def change(state: SubscriptionState, now: datetime) -> SubscriptionState:
            coupon = taken[-1] if taken else None
            return coupon_redeemed(state, command.coupon_id, coupon, now)

        return await self.apply(command, CommandName.REDEEM_COUPON, change, prepare=take)

    def is_charging(self) -> bool:
        """Whether the payment of a change was not tried yet, and nothing keeps it from being."""
        keeper = self._keeper
        if keeper.state.change is None or keeper.is_stuck:
            return False
        invoice = keeper.state.open_invoice(keeper.state.change.invoice_id)
        return invoice is not None and invoice.next_attempt_at is not None

    def _between_charges(self) -> AbstractAsyncContextManager[None]:
        """The lock at a moment when no change is being charged."""
        return self._unless(
            self.is_charging, "the payment of another change takes too long to wait for"
        )

    def _once_voided(self) -> AbstractAsyncContextManager[None]:
        """The lock at a moment when no change that was given up is still being voided."""

        def is_being_voided() -> bool:
            return changing.is_being_voided(self._keeper.state) and not self._keeper.is_stuck

        return self._unless(
            is_being_voided,
            "voiding a change that was given up takes too long to wait for",
            patch=_WAITS_FOR_VOIDING,
        )

    @asynccontextmanager
    async def _unless(
        self, is_busy: Callable[[], bool], too_long: str, *, patch: str | None = None
    ) -> AsyncIterator[None]:
        """The lock when it is not busy, or after bounded waiting; `patch` is asked before any."""
        deadline = workflow.now() + _CHARGE_PATIENCE

        def waits() -> bool:
            return is_busy() and (patch is None or workflow.patched(patch))

        while True:
            if waits():
                await self._wait_until_not(is_busy, deadline - workflow.now(), too_long)
            async with self._keeper.lock:
                if not waits() or workflow.now() >= deadline:
                    yield
                    return

    async def _wait_until_not(
        self, is_busy: Callable[[], bool], patience: timedelta, too_long: str
    ) -> None:
        try:
            await workflow.wait_condition(
                lambda: not is_busy(), timeout=patience, timeout_summary=too_long
            )
        except TimeoutError:
            workflow.logger.info("change.not_waited_for")

    async def _planned(self, command: ChangeSubscription, now: datetime) -> ChangeOutcome:
        def begun(state: SubscriptionState, outcome: ChangeOutcome) -> SubscriptionState:
            if isinstance(outcome, ChangeRefused):
                return state
            return after_change(state, outcome, command.command_id, now)

        return await self._keeper.effect(
            lambda state: effects.begin_change(
                BeginChange(
                    state=state,
                    change_id=command.command_id,
                    request=command.request,
                    quote=command.quote,
                    now=now,
                )
            ),
            begun,
        )

    async def applied(
        self,
        command: Command,
        name: CommandName,
        before: SubscriptionState,
        after: SubscriptionState,
        now: datetime,
        *,
        result: ChangeResult | None = None,
        invoice_id: str | None = None,
    ) -> None:
        """Remembers that the command led from `before` to `after`, and stores it with who asked."""
        keeper = self._keeper
        remembered = lifecycle.command_applied(
            before,
            after,
            command.command_id,
            now,
            result=result,
            invoice_id=invoice_id,
            content=command.content,
        )
        keeper.take(remembered if after is not before else remembered.changed())
        subject = f"{keeper.state.subscription_id}:{command.command_id}"
        events = [keeper.event(f"{keeper.state.noun}.{name}", subject)]
        if keeper.state.has_ended and not before.has_ended:
            events.append(keeper.end_event())
        audit = AuditEntry(
            command_id=command.command_id,
            command=name,
            actor=command.actor,
            reason=command.reason,
            at=now,
        )
        await keeper.save(*events, audit=audit)

    def check(self, command: Command, attempt: Callable[[SubscriptionState], object]) -> None:
        """Refuses before anything is done outside, as `attempt` or the expected version does."""
        state = self._keeper.state
        _or_refusal(lambda: check_version(state, command.expected_version))
        _or_refusal(lambda: attempt(state))

    async def _catch_up(self) -> None:
        """A period that ended before the command came is dealt with before it (policy P7)."""
        keeper = self._keeper
        if overdue_boundary(keeper.state, keeper.now()):
            self.is_hurrying = True
            keeper.wakes += 1
            await workflow.wait_condition(
                lambda: not overdue_boundary(keeper.state, keeper.now()) or keeper.is_stuck
            )

    def receipt(self, command: Command) -> CommandReceipt:
        """What came of it by now."""
        state = self._keeper.state
        applied = state.applied_command(command.command_id)
        if applied is None:
            raise ApplicationError(
                "the command was applied too long ago to be repeated", type="command_forgotten"
            )
        # Two with one id came together: the first is in force, and this one is another.
        if applied.content not in {None, command.content} and workflow.patched(_TELLS_REUSE):
            self._refuse_reuse(command)
        invoice = state.open_invoice(applied.invoice_id or "")
        return CommandReceipt(
            command_id=applied.command_id,
            subscription_id=state.subscription_id,
            applied_at=applied.applied_at,
            revision=applied.revision,
            change=applied.result,
            invoice_id=applied.invoice_id,
            action_url=None if invoice is None else invoice.action_url,
            decline=applied.decline,
            state_revision=state.revision,
        )

    def refuse_unfit(self, command: Command, change: Change) -> None:
        """Early and without an event in the history, where no boundary has to be dealt with first.

        What is asked of thousands of subscriptions is refused by hundreds.
        """
        self._refuse_reuse(command)
        keeper = self._keeper
        now = keeper.now()
        known = keeper.state.applied_command(command.command_id) is not None
        if not known and not overdue_boundary(keeper.state, now):
            self.check(command, lambda state: change(state, now))

    def refuse_once_ended(self, command: Command) -> None:
        """Early and without an event in the history; everything else is checked when applied.

        So is a command that has the id of another one.
        """
        self._refuse_reuse(command)
        state = self._keeper.state
        if isinstance(command, _ABOUT_DEBTS) and state.legal_commands:
            return  # of what is owed for time that was had
        if state.has_ended and state.applied_command(command.command_id) is None:
            over, code = f"the {state.noun} has ended", f"{state.noun}_ended"
            raise ApplicationError(over, "Conflict", type=code)

    def _refuse_reuse(self, command: Command) -> None:
        state = self._keeper.state
        _or_refusal(lambda: check_not_reused(state, command.command_id, command.content))


def _after_charge(state: SubscriptionState, outcome: ItemOutcome) -> SubscriptionState:
    if not isinstance(outcome, ItemCharged):
        return state
    return charged(state, outcome.invoice, carried=outcome.carried, uses=outcome.uses)


def _or_refusal(attempt: Callable[[], ResultT]) -> ResultT:
    """The class name comes first in the details, so that callers can tell a conflict."""
    try:
        return attempt()
    except PerennialError as error:
        raise ApplicationError(error.message, type(error).__name__, type=error.code) from error
