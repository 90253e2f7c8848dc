"""`perennial subscriptions list|show|timeline`: what there is, how it stands and what happened.

Owns how subscriptions and purchases look in a terminal. Everything is read from the database,
except what a workflow alone knows: that it waits for an operator. Does not own commands
(`cli.commanding`).
"""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Final

import typer
from rich.console import Console
from rich.markdown import Markdown
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import WorkflowHandle, WorkflowQueryFailedError
from temporalio.service import RPCError

from adapters.db.engine import reading
from adapters.db.queries import audit, subscription_search, subscriptions
from adapters.db.queries.audit import AuditedCommand
from adapters.db.queries.subscription_search import SubscriptionSearch
from adapters.db.queries.subscriptions import Subscription, TimelineEntry
from api.purchase_view import PurchaseView
from api.subscription_view import SubscriptionView
from billing.errors import NotFound
from billing.purchase import noun_of
from billing.subscription import CommandName, SubscriptionState
from billing.value import Instant, Value
from cli import temporal
from cli.database import run
from cli.tables import print_table
from local.process import ProcessError
from workflows.description import page_of
from workflows.messages import SubscriptionReport, subscription_workflow_id
from workflows.offered_updates import offered_updates
from workflows.search_attributes import dunning_attempt, next_billing_at
from workflows.wording import instant, sold

_PATIENCE: Final = timedelta(seconds=5)
_HEADER: Final = (
    *("subscription", "status", "customer", "plan"),
    *("quantity", "attempt", "next billing"),
)
_WORDS: Final = {
    CommandName.CANCEL_AT_PERIOD_END: "cancel {id}",
    CommandName.CANCEL_NOW: "cancel {id} --now",
    CommandName.UNDO_CANCEL: "undo-cancel {id}",
    CommandName.EXTEND_TRIAL: "extend-trial {id} --days 7",
    CommandName.CHANGE: "change {id} --quantity …",
    CommandName.UNDO_CHANGE: "undo-change {id}",
    CommandName.PAUSE: "pause {id}",
    CommandName.RESUME: "resume {id}",
    CommandName.PAY_NOW: "pay {id}",
    CommandName.EXTEND_GRACE: "extend-grace {id} --days 7",
    CommandName.RECORD_PAYMENT: "record-payment {invoice} --amount … --currency …"
    " --received … --reference …",
    CommandName.WAIVE_INVOICE: "waive {id} {invoice}",
    CommandName.UNDO_MIGRATION: "keep-price {id}",
    CommandName.MARK_UNCOLLECTIBLE: "write-off {id} {invoice}",
    CommandName.RETRY: "retry {id}",
}


class Happening(Value):
    """One line of a timeline: what happened, and who asked for it."""

    at: Instant
    type: str
    details: dict[str, str | int | None]
    actor: str | None = None
    reason: str | None = None


def show_list(database_url: str, where: SubscriptionSearch, *, limit: int, as_json: bool) -> None:
    """List subscriptions, newest first."""

    async def read(engine: AsyncEngine) -> tuple[Subscription, ...]:
        async with reading(engine) as connection:
            return await subscription_search.search(connection, where, limit=limit + 1)

    found = run(database_url, read)
    shown = found[:limit]
    if as_json:
        _print_json([json.loads(_view(subscription).model_dump_json()) for subscription in shown])
        return
    if where.purchases:
        header: tuple[str, ...] = ("purchase", "status", "customer", "what", "attempt", "bought")
        print_table(header, (_bought(subscription.state) for subscription in shown))
    else:
        header = _HEADER
        print_table(header, (_row(subscription.state) for subscription in shown))
    if len(found) > limit:
        typer.echo(f"and more: raise --limit above {limit}")


def _row(state: SubscriptionState) -> tuple[str, ...]:
    billing_at = next_billing_at(state)
    return (
        state.subscription_id,
        state.status,
        state.customer_id,
        state.terms.price_id,
        str(state.terms.quantity),
        str(dunning_attempt(state) or "-"),
        "-" if billing_at is None else instant(billing_at),
    )


def _bought(state: SubscriptionState) -> tuple[str, ...]:
    return (
        state.subscription_id,
        state.status,
        state.customer_id,
        sold(state.terms),
        str(dunning_attempt(state) or "-"),
        instant(state.created_at),
    )


def show_one(root: Path, database_url: str, subscription_id: str, *, as_json: bool) -> None:
    """Show the page that operators read in the Temporal UI.

    Raises `NotFound` (`subscription_not_found`).
    """

    async def read(engine: AsyncEngine) -> Subscription:
        async with reading(engine) as connection:
            found = await subscriptions.get(connection, subscription_id)
        return _required(found, subscription_id)

    subscription = run(database_url, read)
    if as_json:
        typer.echo(_view(subscription).model_dump_json(indent=2))
        return
    report = None
    if not subscription.state.has_ended:
        report = asyncio.run(_report(root, subscription_id))
    problem = None if report is None else report.problem
    state = subscription.state if report is None else report.state
    Console().print(Markdown(page_of(state, problem=problem)))
    _show_possible(state, problem=problem)
    if report is None and not state.has_ended:
        typer.echo("As last recorded: its workflow does not answer.")


def _show_possible(state: SubscriptionState, *, problem: str | None) -> None:
    offered = list(offered_updates(state, problem=problem))
    if not offered:
        return
    typer.echo("\nWhat you can do now; each takes --reason and, if it is not you, --actor:\n")
    for offer in offered:
        invoice_id = offer.arguments.get("invoice_id", "")
        words = _WORDS[offer.command].format(id=state.subscription_id, invoice=invoice_id)
        if state.purchase is not None:
            words = words.removesuffix(" --now")
        group = "invoices" if offer.command is CommandName.RECORD_PAYMENT else f"{state.noun}s"
        typer.echo(f"perennial {group} {words}")
        typer.echo(f"    {offer.purpose.replace('`', '')}")


def show_timeline(database_url: str, subscription_id: str, *, limit: int, as_json: bool) -> None:
    """Show what happened, latest first, and who asked for it.

    Raises `NotFound` (`subscription_not_found`).
    """

    async def read(engine: AsyncEngine) -> tuple[Happening, ...]:
        async with reading(engine) as connection:
            _required(await subscriptions.get(connection, subscription_id), subscription_id)
            page = await subscriptions.timeline(connection, subscription_id, limit=limit)
            commands = await audit.of_subject(connection, subscription_id, limit=limit)
        return _merged(page.items, commands)[:limit]

    happenings = run(database_url, read)
    if as_json:
        _print_json([json.loads(happening.model_dump_json()) for happening in happenings])
        return
    header = ("at", "what", "by", "why and details")
    print_table(header, (_line(happening) for happening in happenings))


def _line(happening: Happening) -> tuple[str, ...]:
    details = [f"{name} {value}" for name, value in happening.details.items()]
    told = "; ".join(filter(None, (happening.reason, ", ".join(details))))
    return instant(happening.at), happening.type, happening.actor or "-", told


def _merged(
    events: tuple[TimelineEntry, ...], commands: tuple[AuditedCommand, ...]
) -> tuple[Happening, ...]:
    """Each command tells who and why beside the event that it led to, or by itself."""
    by_key = {f":{command.command_id}": command for command in commands}
    happenings = []
    for event in events:
        key = next((key for key in by_key if event.key.endswith(key)), None)
        command = None if key is None else by_key.pop(key)
        happenings.append(_happening(event, command))
    alone = (
        Happening(
            at=command.at,
            type=f"command.{command.command}",
            details={},
            actor=_who(command),
            reason=command.reason,
        )
        for command in by_key.values()
    )
    return tuple(sorted([*happenings, *alone], key=lambda happening: happening.at, reverse=True))


def _happening(event: TimelineEntry, command: AuditedCommand | None) -> Happening:
    return Happening(
        at=event.at,
        type=event.type,
        details=event.details,
        actor=None if command is None else _who(command),
        reason=None if command is None else command.reason,
    )


def _who(command: AuditedCommand) -> str:
    return f"{command.actor.kind} {command.actor.id}"


async def _report(root: Path, subscription_id: str) -> SubscriptionReport | None:
    """What the workflow says; None where it does not run or nobody answers for it."""
    try:
        client = await temporal.connect(root)
        handle: WorkflowHandle[object, object] = client.get_workflow_handle(
            subscription_workflow_id(subscription_id)
        )
        report: SubscriptionReport = await handle.query(
            "status", result_type=SubscriptionReport, rpc_timeout=_PATIENCE
        )
    except (ProcessError, RPCError, WorkflowQueryFailedError):
        return None
    return report


def _view(subscription: Subscription) -> SubscriptionView | PurchaseView:
    if subscription.state.purchase is not None:
        return PurchaseView.of(subscription.state, test_clock_id=subscription.test_clock_id)
    return SubscriptionView.of(subscription.state, test_clock_id=subscription.test_clock_id)


def _required(found: Subscription | None, subscription_id: str) -> Subscription:
    if found is None:
        noun = noun_of(subscription_id)
        raise NotFound(f"{noun}_not_found", f"no {noun} {subscription_id}")
    return found


def _print_json(document: object) -> None:
    typer.echo(json.dumps(document, indent=2))
