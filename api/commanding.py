"""Commanding a subscription, and reading what became of it.

Owns what all commands have in common: who gives them under which id and on which version, that the
customer's clock stands still, and that a command is answered again after the subscription ended.
Does not own what is asked (`api.subscription_commands`, `api.subscription_changes`) nor the waiting
(`api.workflow_calls`).
"""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Final, TypedDict

from fastapi import Depends

from adapters.db.engine import reading
from adapters.db.queries import subscriptions
from adapters.db.queries.subscriptions import Subscription
from api.answer import ExpectedVersion
from api.authentication import Caller, CallerOf
from api.dependencies import Dependencies, Deps
from api.fields import PurchaseId, SubscriptionId
from api.idempotency import Ids, RequestIds
from api.present import present_on
from api.problems import PaymentDeclined, Unavailable
from api.subscription_view import SubscriptionView
from api.workflow_calls import NotRunning, SubscriptionWorkflows
from billing.actor import Actor
from billing.commands import check_not_reused
from billing.errors import Conflict, NotFound
from billing.purchase import noun_of
from workflows.messages import AnyCommand, CommandReceipt, PayNow

_MOST_LOOKS: Final = 40
_SECONDS_BETWEEN_LOOKS: Final = 0.02


class Signature(TypedDict):
    """What every command says beside what it asks for."""

    command_id: str
    actor: Actor
    reason: str | None
    expected_version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Commanded:
    """The subscription or purchase that a request commands."""

    id: str
    deps: Dependencies
    ids: RequestIds
    caller: Caller
    expected_version: int | None

    def signature(self, reason: str | None, *, prefix: str = "cmd") -> Signature:
        """The same for the same request under one `Idempotency-Key`."""
        return Signature(
            command_id=self.ids.new(prefix),
            actor=self.caller.actor,
            reason=reason,
            expected_version=self.expected_version,
        )

    async def obey(self, command: AnyCommand) -> SubscriptionView:
        """Has the command applied and answers what the subscription is then.

        Raises as `give` does.
        """
        await self.give(command)
        return await self.view()

    async def view(self) -> SubscriptionView:
        """The subscription as recorded now."""
        return view(await require(self.deps, self.id))

    async def pay(self, reason: str | None, *, customer_present: bool) -> None:
        """Has what is open tried now.

        Raises `PaymentDeclined` (`payment_declined`) where that is refused, and as `give` does.
        """
        command = PayNow(**self.signature(reason), customer_present=customer_present)
        receipt = await self.give(command)
        if receipt is not None and receipt.decline is not None and receipt.action_url is None:
            raise PaymentDeclined(
                "payment_declined",
                "the payment was refused",
                decline=receipt.decline,
                invoice=receipt.invoice_id,
            )

    async def give(self, command: AnyCommand) -> CommandReceipt | None:
        """As the function of that name does."""
        return await give(self.deps, self.id, command)


async def commanded_subscription(
    subscription_id: SubscriptionId,
    deps: Deps,
    ids: Ids,
    caller: CallerOf,
    expected_version: ExpectedVersion,
) -> Commanded:
    """The subscription in the path of the request."""
    return Commanded(
        id=subscription_id, deps=deps, ids=ids, caller=caller, expected_version=expected_version
    )


CommandedSubscription = Annotated[Commanded, Depends(commanded_subscription)]


async def commanded_purchase(
    purchase_id: PurchaseId, deps: Deps, ids: Ids, caller: CallerOf
) -> Commanded:
    """The purchase in the path of the request; it has no versions."""
    return Commanded(id=purchase_id, deps=deps, ids=ids, caller=caller, expected_version=None)


CommandedPurchase = Annotated[Commanded, Depends(commanded_purchase)]


async def give(
    deps: Dependencies, subscription_id: str, command: AnyCommand
) -> CommandReceipt | None:
    """The workflow's receipt; None for a command that was taken before the subscription ended.

    Raises `NotFound` (`subscription_not_found`), `Conflict` (`subscription_ended`,
    `test_clock_advancing`, `stale_version`), what else the rules refuse, and `Unavailable`.
    """
    before = await require(deps, subscription_id)
    async with reading(deps.engine) as connection:
        await present_on(connection, before.test_clock_id)
    try:
        receipt = await SubscriptionWorkflows.of(deps).command(subscription_id, command)
    except NotRunning:
        await _after_the_end(deps, subscription_id, command)
        return None
    await _until_recorded(deps, subscription_id, receipt.state_revision)
    return receipt


async def _until_recorded(deps: Dependencies, subscription_id: str, revision: int) -> None:
    """Lets what a command led to reach the database, which is what callers are shown.

    Not for long: an effect that hangs in an outage may hold it up, and the command has been taken.
    """
    for _ in range(_MOST_LOOKS):
        if (await require(deps, subscription_id)).state.revision >= revision:
            return
        await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)


async def require(deps: Dependencies, subscription_id: str) -> Subscription:
    """The subscription or purchase as recorded.

    Raises `NotFound` (`subscription_not_found`, `purchase_not_found`).
    """
    async with reading(deps.engine) as connection:
        found = await subscriptions.get(connection, subscription_id)
    if found is None:
        noun = noun_of(subscription_id)
        raise NotFound(f"{noun}_not_found", f"no {noun} {subscription_id}")
    return found


def view(subscription: Subscription) -> SubscriptionView:
    """As the API shows it."""
    return SubscriptionView.of(subscription.state, test_clock_id=subscription.test_clock_id)


async def _after_the_end(deps: Dependencies, subscription_id: str, command: AnyCommand) -> None:
    """The command that ended it is answered again; any other comes too late."""
    state = (await require(deps, subscription_id)).state
    check_not_reused(state, command.command_id, command.content)
    if state.applied_command(command.command_id) is not None:
        return
    if state.has_ended:
        raise Conflict(f"{state.noun}_ended", f"the {state.noun} is {state.status}")
    raise Unavailable("temporarily_unavailable", f"the {state.noun}'s workflow does not run")
