"""The words and options of `perennial subscriptions`.

Owns what operators type. Does not own what is shown (`cli.subscriptions`) nor how a subscription is
commanded (`cli.commanding`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.checkout import find_root
from cli.instants import instant_of
from cli.refusals import as_sentences

if TYPE_CHECKING:
    from billing.subscription import SubscriptionState
    from cli.commanding import Signature
    from workflows.messages import AnyCommand

app = typer.Typer(no_args_is_help=True, help="Subscriptions: find them, read them and act on them.")

Subscription = Annotated[str, typer.Argument(help="As `list` shows it.", metavar="ID")]
Why = Annotated[str, typer.Option("--reason", help="Why; the audit log keeps it.")]
Who = Annotated[
    str | None, typer.Option("--actor", help="Who you are; your login name where not given.")
]
Json = Annotated[bool, typer.Option("--json", help="Say it in JSON.")]
Repeated = Annotated[
    str | None,
    typer.Option("--command-id", help="The command of this id again: it counts once."),
]
Until = Annotated[
    datetime | None,
    typer.Option("--until", parser=instant_of, metavar="INSTANT", help="2026-07-01T09:30Z"),
]
Days = Annotated[int | None, typer.Option("--days", min=1, max=730, help="So many days later.")]
Status = Literal[
    "incomplete",
    "incomplete_expired",
    "trialing",
    "active",
    "past_due",
    "unpaid",
    "paused",
    "canceled",
]
Unused = Literal["none", "credit", "refund"]


@app.command("list")
def list_subscriptions(
    *,
    status: Status | None = None,
    customer: Annotated[str | None, typer.Option(help="cus_…")] = None,
    plan: Annotated[str | None, typer.Option(help="The price's id.")] = None,
    next_billing_before: Annotated[
        datetime | None, typer.Option(parser=instant_of, metavar="INSTANT")
    ] = None,
    dunning_attempt: Annotated[
        int | None, typer.Option(min=1, help="At least so many attempts of dunning used up.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    as_json: Json = False,
) -> None:
    """List subscriptions, newest first; every filter given must hold."""
    with as_sentences():
        from adapters.db.queries.subscription_search import SubscriptionSearch  # noqa: PLC0415
        from billing.subscription import SubscriptionStatus  # noqa: PLC0415
        from cli import database, subscriptions  # noqa: PLC0415

        where = SubscriptionSearch(
            status=None if status is None else SubscriptionStatus(status),
            customer_id=customer,
            price_id=plan,
            next_billing_before=next_billing_before,
            dunning_attempt=dunning_attempt,
        )
        url = database.find_url(find_root())
        subscriptions.show_list(url, where, limit=limit, as_json=as_json)


@app.command("show")
def show_subscription(subscription: Subscription, *, as_json: Json = False) -> None:
    """Show what it is, what is wrong, what happens next and what can be done."""
    with as_sentences():
        from cli import database, subscriptions  # noqa: PLC0415

        root = find_root()
        subscriptions.show_one(root, database.find_url(root), subscription, as_json=as_json)


@app.command("timeline")
def show_timeline(
    subscription: Subscription,
    *,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 50,
    as_json: Json = False,
) -> None:
    """Show what happened, latest first, and who asked for it."""
    with as_sentences():
        from cli import database, subscriptions  # noqa: PLC0415

        url = database.find_url(find_root())
        subscriptions.show_timeline(url, subscription, limit=limit, as_json=as_json)


@app.command("cancel")
def cancel(
    subscription: Subscription,
    *,
    reason: Why,
    now: Annotated[bool, typer.Option("--now", help="At once, not at the period's end.")] = False,
    unused: Annotated[
        Unused, typer.Option(help="With --now: what becomes of the time that was paid for.")
    ] = "none",
    actor: Who = None,
    command_id: Repeated = None,
    as_json: Json = False,
) -> None:
    """End it with the running period, or now."""
    with as_sentences():
        from billing.credit_note import UnusedPart  # noqa: PLC0415
        from billing.errors import InvalidInput  # noqa: PLC0415
        from workflows.messages import Cancel, CancelMode  # noqa: PLC0415

        if unused != "none" and not now:
            raise InvalidInput("unused_needs_now", "--unused is for a cancellation with --now")
        mode = CancelMode.NOW if now else CancelMode.AT_PERIOD_END
        left = UnusedPart(unused)
        said = _Said(reason, actor, command_id, as_json)
        _give(subscription, said, lambda signed, _: Cancel(**signed, mode=mode, unused=left))


@app.command("undo-cancel")
def undo_cancel(
    subscription: Subscription,
    *,
    reason: Why,
    actor: Who = None,
    command_id: Repeated = None,
    as_json: Json = False,
) -> None:
    """Forget a pending cancellation."""
    with as_sentences():
        from workflows.messages import UndoCancel  # noqa: PLC0415

        said = _Said(reason, actor, command_id, as_json)
        _give(subscription, said, lambda signed, _: UndoCancel(**signed))


@app.command("change")
def change(  # noqa: PLR0913 - one argument per option
    subscription: Subscription,
    *,
    reason: Why,
    price: Annotated[str | None, typer.Option(help="Another price's id.")] = None,
    quantity: Annotated[int | None, typer.Option(min=1, help="So many in all.")] = None,
    by: Annotated[int | None, typer.Option(help="So many more, or fewer: --by -2.")] = None,
    version: Annotated[
        int | None, typer.Option("--if-version", help="Only if it is still at this version.")
    ] = None,
    actor: Who = None,
    command_id: Repeated = None,
    as_json: Json = False,
) -> None:
    """Change price or quantity: more is charged at once, less waits for the period's end."""
    with as_sentences():
        from billing.change import ChangeRequest  # noqa: PLC0415
        from workflows.messages import ChangeSubscription  # noqa: PLC0415

        request = ChangeRequest(price_id=price, quantity=quantity, quantity_change=by)
        said = _Said(reason, actor, command_id, as_json, version)
        _give(subscription, said, lambda signed, _: ChangeSubscription(**signed, request=request))


@app.command("undo-change")
def undo_change(
    subscription: Subscription,
    *,
    reason: Why,
    actor: Who = None,
    command_id: Repeated = None,
    as_json: Json = False,
) -> None:
    """Forget a change that waits for the period's end."""
    with as_sentences():
        from workflows.messages import UndoChange  # noqa: PLC0415

        said = _Said(reason, actor, command_id, as_json)
        _give(subscription, said, lambda signed, _: UndoChange(**signed))


@app.command("pause")
def pause(
    subscription: Subscription,
    *,
    reason: Why,
    until: Until = None,
    actor: Who = None,
    command_id: Repeated = None,
    as_json: Json = False,
) -> None:
    """Let it rest, as its product allows; it goes on by itself."""
    with as_sentences():
        from workflows.messages import PauseSubscription  # noqa: PLC0415

        said = _Said(reason, actor, command_id, as_json)
        _give(subscription, said, lambda signed, _: PauseSubscription(**signed, resumes_at=until))


@app.command("resume")
def resume(
    subscription: Subscription,
    *,
    reason: Why,
    actor: Who = None,
    command_id: Repeated = None,
    as_json: Json = False,
) -> None:
    """End a pause now."""
    with as_sentences():
        from workflows.messages import ResumeSubscription  # noqa: PLC0415

        said = _Said(reason, actor, command_id, as_json)
        _give(subscription, said, lambda signed, _: ResumeSubscription(**signed))


@app.command("extend-trial")
def extend_trial(
    subscription: Subscription,
    *,
    reason: Why,
    until: Until = None,
    days: Days = None,
    actor: Who = None,
    command_id: Repeated = None,
    as_json: Json = False,
) -> None:
    """Move the end of the trial, and with it the first charge."""
    with as_sentences():
        from workflows.messages import ExtendTrial  # noqa: PLC0415

        said = _Said(reason, actor, command_id, as_json)
        _give(
            subscription,
            said,
            lambda signed, state: ExtendTrial(
                **signed, trial_end=_later(_trial_end(state), until, days)
            ),
            is_relative=days is not None,
        )


@app.command("extend-grace")
def extend_grace(
    subscription: Subscription,
    *,
    reason: Why,
    until: Until = None,
    days: Days = None,
    actor: Who = None,
    command_id: Repeated = None,
    as_json: Json = False,
) -> None:
    """Put off the end of dunning; one more attempt is made then."""
    with as_sentences():
        from workflows.concerns import final_action_at, suspends_at  # noqa: PLC0415
        from workflows.messages import ExtendGrace  # noqa: PLC0415

        said = _Said(reason, actor, command_id, as_json)
        _give(
            subscription,
            said,
            lambda signed, state: ExtendGrace(
                **signed, until=_later(final_action_at(state) or suspends_at(state), until, days)
            ),
            is_relative=days is not None,
        )


@app.command("pay")
def pay(
    subscription: Subscription,
    *,
    reason: Why,
    customer_present: Annotated[
        bool, typer.Option("--customer-present", help="They can authenticate at a screen.")
    ] = False,
    actor: Who = None,
    command_id: Repeated = None,
    as_json: Json = False,
) -> None:
    """Charge everything that is open, now."""
    with as_sentences():
        from workflows.messages import PayNow  # noqa: PLC0415

        said = _Said(reason, actor, command_id, as_json)
        _give(
            subscription,
            said,
            lambda signed, _: PayNow(**signed, customer_present=customer_present),
        )


@app.command("retry")
def retry(
    subscription: Subscription,
    *,
    reason: Why,
    actor: Who = None,
    command_id: Repeated = None,
    as_json: Json = False,
) -> None:
    """Try again what waits for an operator."""
    with as_sentences():
        from workflows.messages import Retry  # noqa: PLC0415

        said = _Said(reason, actor, command_id, as_json)
        _give(subscription, said, lambda signed, _: Retry(**signed))


@app.command("waive")
def waive(
    subscription: Subscription,
    invoice: Annotated[str, typer.Argument(help="An open one: in_…")],
    *,
    reason: Why,
    actor: Who = None,
    command_id: Repeated = None,
    as_json: Json = False,
) -> None:
    """Void an open invoice: it is no longer owed."""
    with as_sentences():
        from workflows.messages import WaiveInvoice  # noqa: PLC0415

        said = _Said(reason, actor, command_id, as_json)
        _give(subscription, said, lambda signed, _: WaiveInvoice(**signed, invoice_id=invoice))
        _warn_of_what_was_given_back(invoice)


@app.command("keep-price")
def keep_price(
    subscription: Subscription,
    *,
    reason: Why,
    actor: Who = None,
    command_id: Repeated = None,
    as_json: Json = False,
) -> None:
    """Undo a price change that was announced: it stays at its price."""
    with as_sentences():
        from workflows.messages import UndoMigration  # noqa: PLC0415

        def undoing(signed: "Signature", state: "SubscriptionState") -> UndoMigration:
            plan = state.migration
            return UndoMigration(**signed, migration_id="" if plan is None else plan.migration_id)

        said = _Said(reason, actor, command_id, as_json)
        _give(subscription, said, undoing)


@app.command("write-off")
def write_off(
    subscription: Subscription,
    invoice: Annotated[str, typer.Argument(help="An open one: in_…")],
    *,
    reason: Why,
    actor: Who = None,
    command_id: Repeated = None,
    as_json: Json = False,
) -> None:
    """Write an open invoice off as a bad debt: it stays owed, and nothing more is tried."""
    with as_sentences():
        from workflows.messages import MarkUncollectible  # noqa: PLC0415

        said = _Said(reason, actor, command_id, as_json)
        _give(subscription, said, lambda signed, _: MarkUncollectible(**signed, invoice_id=invoice))
        _warn_of_what_was_given_back(invoice)


@dataclass(frozen=True, slots=True)
class _Said:
    """What all commands take."""

    reason: str
    actor: str | None
    command_id: str | None
    as_json: bool
    version: int | None = None


def _give(
    subscription: str,
    said: _Said,
    command_of: "Callable[[Signature, SubscriptionState], AnyCommand]",
    *,
    is_relative: bool = False,
) -> None:
    from cli import commanding, database  # noqa: PLC0415

    signed = commanding.signature(
        reason=said.reason, actor=said.actor, command_id=said.command_id, version=said.version
    )
    root = find_root()
    commanding.give(
        root,
        database.find_url(root),
        subscription,
        lambda state: command_of(signed, state),
        as_json=said.as_json,
        is_relative=is_relative,
    )


def _warn_of_what_was_given_back(invoice_id: str) -> None:
    """Beside the answer, so that what is piped stays as it is."""
    from cli import database, given_back  # noqa: PLC0415

    url = database.find_url(find_root())
    warning = database.run(url, lambda engine: given_back.warning(engine, invoice_id))
    if warning is not None:
        typer.echo(warning, err=True)


def _trial_end(state: "SubscriptionState") -> datetime | None:
    return None if state.trial is None else state.trial.end


def _later(present: datetime | None, until: datetime | None, days: int | None) -> datetime:
    """The instant given, or so many days after the present one."""
    from billing.errors import Conflict, InvalidInput  # noqa: PLC0415

    if (until is None) == (days is None):
        raise InvalidInput("until_or_days", "give either --until or --days")
    if until is not None:
        return until
    if present is None:
        raise Conflict("nothing_to_extend", "there is nothing that could end later")
    return present + timedelta(days=days or 0)
