"""`perennial customers`: who pays how, and the net terms that the seller grants (policy P22).

Owns the command's words. Does not own what the terms do (`billing.sending`).
"""

import json
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Final

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import reading
from adapters.db.queries.customers import Customer
from adapters.temporal.granted_terms import tell_of_terms
from adapters.temporal.subscription_signals import SubscriptionSignals
from api.customers import require_customer
from api.net_terms import write_net_terms
from api.workflow_calls import bounded
from billing.errors import InvalidInput
from billing.net_terms import LONGEST_TERMS
from cli import temporal
from cli.database import run
from cli.operator import operator_named

_PATIENCE: Final = timedelta(seconds=20)


def show(database_url: str, customer_id: str, *, as_json: bool) -> None:
    """One customer. Raises `NotFound` (`customer_not_found`)."""

    async def read(engine: AsyncEngine) -> Customer:
        async with reading(engine) as connection:
            return await require_customer(connection, customer_id)

    customer = run(database_url, read)
    if as_json:
        typer.echo(json.dumps(json.loads(customer.model_dump_json()), indent=2))
        return
    typer.echo(f"{customer.id} {customer.name or '-'} <{customer.email}>")
    typer.echo(_pays(customer))


def set_net_terms(
    root: Path,
    database_url: str,
    customer_id: str,
    *,
    days: int | None,
    reason: str,
    actor: str | None,
) -> None:
    """For invoices that are finalised from now on; None: charged automatically.

    A trial that rests for want of a payment method goes on with them.
    Raises `NotFound` (`customer_not_found`) and `InvalidInput` (`number_out_of_range`,
    `reason_required`, `actor_required`).
    """
    if days is not None and not 1 <= days <= LONGEST_TERMS:
        raise InvalidInput("number_out_of_range", f"net terms are of 1 to {LONGEST_TERMS} days")
    if not reason.strip():
        raise InvalidInput("reason_required", "say why with --reason: the audit log keeps it")
    operator = operator_named(actor)

    command_id = f"cmd_{secrets.token_hex(12)}"

    async def write(engine: AsyncEngine) -> Customer:
        changed, resting = await write_net_terms(
            *(engine, customer_id, days),
            command_id=command_id,
            actor=operator,
            reason=reason.strip(),
        )
        if resting:
            signals = SubscriptionSignals(await temporal.connect(root))
            async with bounded(_PATIENCE):
                await tell_of_terms(signals, resting, fact=command_id)
        return changed

    typer.echo(f"{customer_id}: {_pays(run(database_url, write))}")


def _pays(customer: Customer) -> str:
    if customer.net_days is not None:
        return f"invoices are sent, and due {customer.net_days} days later"
    if customer.default_payment_method_id is not None:
        return f"invoices are charged to {customer.default_payment_method_id}"
    return "invoices are charged, and there is no payment method yet"
