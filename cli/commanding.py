"""Commanding a subscription from a terminal: the same updates as the API sends.

Owns the signature of operators' commands, the waiting and what is said about the outcome. Does not
own what is refused: the subscription's workflow does.
"""

import asyncio
import secrets
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final, TypedDict

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import create_engine, reading
from adapters.db.queries import subscriptions
from adapters.db.queries.subscriptions import Subscription
from api.present import present_on
from api.problems import Unavailable
from api.workflow_calls import NotRunning, SubscriptionWorkflows
from billing.actor import Actor
from billing.agenda import agenda
from billing.commands import check_not_reused
from billing.errors import Conflict, InvalidInput, NotFound
from billing.purchase import noun_of
from billing.subscription import ChangeResult, SubscriptionState
from cli import temporal
from cli.operator import operator_named
from cli.refusals import Unanswered
from workflows.decline_reasons import explained
from workflows.messages import SUBSCRIPTION_TASK_QUEUE, AnyCommand, CommandReceipt
from workflows.wording import instant

_PATIENCE: Final = timedelta(seconds=20)
_AHEAD: Final = 3


class Signature(TypedDict):
    """What every command says beside what it asks for."""

    command_id: str
    actor: Actor
    reason: str | None
    expected_version: int | None


def signature(
    *, reason: str, actor: str | None, command_id: str | None, version: int | None = None
) -> Signature:
    """An operator's; without an id it is a new command. Raises `InvalidInput`."""
    if not reason.strip():
        raise InvalidInput("reason_required", "say why with --reason: the audit log keeps it")
    return Signature(
        command_id=command_id or f"cmd_{secrets.token_hex(12)}",
        actor=operator_named(actor),
        reason=reason.strip(),
        expected_version=version,
    )


CommandOf = Callable[[SubscriptionState], AnyCommand]
"""A command may follow from what it is given to: a week more than now."""


class Refusal(Conflict):
    """The command was taken, and what it asked the bank for was refused."""


def give(
    root: Path,
    database_url: str,
    subscription_id: str,
    command_of: CommandOf,
    *,
    as_json: bool,
    is_relative: bool = False,
    patience: timedelta = _PATIENCE,
) -> None:
    """Has the command applied and says what came of it.

    One that `is_relative` to what it changes has another content once it took effect: its id alone
    tells a repetition. Raises what the rules refuse, `NotFound` (`subscription_not_found`),
    `Refusal` where a payment was declined, and `Unanswered`.
    """
    giving = _given(
        *(root, database_url, subscription_id, command_of),
        is_relative=is_relative,
        patience=patience,
    )
    receipt, after = asyncio.run(giving)
    if as_json:
        typer.echo(receipt.model_dump_json(indent=2))
    else:
        _say(receipt, after)
    if receipt.decline is not None:
        raise Refusal("payment_declined", f"the payment was refused: {explained(receipt.decline)}")
    if receipt.change is ChangeResult.ABANDONED:
        raise Refusal("change_abandoned", "the change was not paid and nothing changed")


async def _given(
    root: Path,
    database_url: str,
    subscription_id: str,
    command_of: CommandOf,
    *,
    is_relative: bool,
    patience: timedelta,
) -> tuple[CommandReceipt, SubscriptionState]:
    engine = create_engine(database_url)
    try:
        before = await _read(engine, subscription_id)
        async with reading(engine) as connection:
            await present_on(connection, before.test_clock_id)
        workflows = SubscriptionWorkflows(
            await temporal.connect(root), task_queue=SUBSCRIPTION_TASK_QUEUE, patience=patience
        )
        command = command_of(before.state)
        if is_relative and (known := _known(before.state, command)) is not None:
            return known, before.state
        receipt = await _obeyed(workflows, engine, subscription_id, command)
        return receipt, (await _read(engine, subscription_id)).state
    finally:
        await engine.dispose()


async def _obeyed(
    workflows: SubscriptionWorkflows,
    engine: AsyncEngine,
    subscription_id: str,
    command: AnyCommand,
) -> CommandReceipt:
    try:
        return await workflows.command(subscription_id, command)
    except NotRunning:
        return await _after_the_end(engine, subscription_id, command)
    except Unavailable:
        raise Unanswered(
            "no answer in time; it may have taken effect. Ask again with"
            f" --command-id {command.command_id}: it counts once"
        ) from None


async def _after_the_end(
    engine: AsyncEngine, subscription_id: str, command: AnyCommand
) -> CommandReceipt:
    """The command that ended it is answered again; any other comes too late."""
    state = (await _read(engine, subscription_id)).state
    check_not_reused(state, command.command_id, command.content)
    receipt = _known(state, command)
    if receipt is not None:
        return receipt
    if state.has_ended:
        raise Conflict(f"{state.noun}_ended", f"the {state.noun} is {state.status}")
    raise Conflict(
        "workflow_not_running",
        "its workflow does not run; the hourly reconciliation starts it again",
    )


def _known(state: SubscriptionState, command: AnyCommand) -> CommandReceipt | None:
    """What a command that took effect is answered with."""
    applied = state.applied_command(command.command_id)
    if applied is None:
        return None
    return CommandReceipt(
        command_id=applied.command_id,
        subscription_id=state.subscription_id,
        applied_at=applied.applied_at,
        revision=applied.revision,
        change=applied.result,
        invoice_id=applied.invoice_id,
        decline=applied.decline,
    )


async def _read(engine: AsyncEngine, subscription_id: str) -> Subscription:
    async with reading(engine) as connection:
        found = await subscriptions.get(connection, subscription_id)
    if found is None:
        noun = noun_of(subscription_id)
        raise NotFound(f"{noun}_not_found", f"no {noun} {subscription_id}")
    return found


def _say(receipt: CommandReceipt, state: SubscriptionState) -> None:
    done = f"{receipt.command_id} took effect on {instant(receipt.applied_at)}"
    typer.echo(done if receipt.change is None else f"{done}: {receipt.change}")
    if receipt.action_url is not None:
        typer.echo(f"the customer must authenticate the payment: {receipt.action_url}")
    typer.echo(f"{state.subscription_id} is {state.status}")
    for action in agenda(state)[:_AHEAD]:
        typer.echo(f"  {instant(action.at)} {action.kind.replace('_', ' ')}: {action.reason}")
