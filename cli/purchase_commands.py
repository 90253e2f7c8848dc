"""The words and options of `perennial purchases`.

Owns what operators type about what was bought without a subscription. What is the same for
subscriptions is theirs (`cli.subscription_commands`). Does not own what is shown
(`cli.subscriptions`).
"""

from typing import Annotated, Literal

import typer

from cli import subscription_commands
from cli.checkout import find_root
from cli.refusals import as_sentences
from cli.subscription_commands import Json, Repeated, Subscription, Who, Why

app = typer.Typer(no_args_is_help=True, help="Purchases: what was bought once.")

Status = Literal["incomplete", "incomplete_expired", "active", "past_due", "completed", "canceled"]

app.command("show")(subscription_commands.show_subscription)
app.command("timeline")(subscription_commands.show_timeline)
app.command("pay")(subscription_commands.pay)
app.command("extend-grace")(subscription_commands.extend_grace)
app.command("waive")(subscription_commands.waive)
app.command("write-off")(subscription_commands.write_off)
app.command("retry")(subscription_commands.retry)


@app.command("list")
def list_purchases(
    *,
    status: Status | None = None,
    customer: Annotated[str | None, typer.Option(help="cus_…")] = None,
    dunning_attempt: Annotated[
        int | None, typer.Option(min=1, help="At least so many attempts of dunning used up.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    as_json: Json = False,
) -> None:
    """List purchases, newest first; every filter given must hold."""
    with as_sentences():
        from adapters.db.queries.subscription_search import SubscriptionSearch  # noqa: PLC0415
        from billing.subscription import SubscriptionStatus  # noqa: PLC0415
        from cli import database, subscriptions  # noqa: PLC0415

        where = SubscriptionSearch(
            purchases=True,
            status=None if status is None else SubscriptionStatus(status),
            customer_id=customer,
            dunning_attempt=dunning_attempt,
        )
        url = database.find_url(find_root())
        subscriptions.show_list(url, where, limit=limit, as_json=as_json)


@app.command("cancel")
def cancel(
    purchase: Subscription,
    *,
    reason: Why,
    actor: Who = None,
    command_id: Repeated = None,
    as_json: Json = False,
) -> None:
    """Call it off: what is not paid is not owed."""
    subscription_commands.cancel(
        purchase, reason=reason, now=True, actor=actor, command_id=command_id, as_json=as_json
    )
