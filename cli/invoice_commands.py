"""The words and options of `perennial invoices`.

Owns what operators type about invoices. Does not own how a command is given (`cli.commanding`).
"""

from datetime import datetime
from decimal import Decimal, DecimalException
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.checkout import find_root
from cli.instants import instant_of
from cli.refusals import as_sentences
from cli.subscription_commands import Json, Repeated, Who, Why

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from billing.invoice import InvoiceRecord

app = typer.Typer(no_args_is_help=True, help="Invoices: what came for them outside Stripe.")

Method = Literal["bank_transfer", "check", "cash", "other"]


@app.callback()
def invoices() -> None:
    """Invoices: what came for them outside Stripe."""


@app.command("record-payment")
def record_payment(  # noqa: PLR0913 - one argument per option
    invoice: Annotated[
        str,
        typer.Argument(help="An open one, or one that was written off: in_…", metavar="INVOICE"),
    ],
    *,
    amount: Annotated[str, typer.Option(help="As on the bank statement: 500.00")],
    currency: Annotated[str, typer.Option(help="The invoice's: USD")],
    received: Annotated[
        datetime, typer.Option(parser=instant_of, metavar="DAY", help="When it came: 2026-07-05")
    ],
    reference: Annotated[str, typer.Option(help="What the statement names it by.")],
    method: Method = "bank_transfer",
    reason: Why,
    actor: Who = None,
    command_id: Repeated = None,
    as_json: Json = False,
) -> None:
    """Record money that came by transfer or check, all of what is owed or a part.

    What is more than is owed becomes the customer's balance. The same reference counts once. What
    was written off may be paid after all, also once its subscription or purchase has ended.
    """
    with as_sentences():
        from pydantic import ValidationError  # noqa: PLC0415

        from billing.errors import InvalidInput  # noqa: PLC0415
        from cli import commanding, database, recovering  # noqa: PLC0415
        from workflows.messages import RecordPayment  # noqa: PLC0415

        signed = commanding.signature(reason=reason, actor=actor, command_id=command_id)
        facts = {
            "invoice_id": invoice,
            "amount_minor": _minor(amount, currency),
            "currency": currency,
            "received_at": received,
            "method": method,
            "reference": reference,
        }
        try:
            command = RecordPayment.model_validate({**signed, **facts})
        except ValidationError:
            raise InvalidInput(
                "invalid_request", "--reference is 1 to 140 printable characters"
            ) from None
        root = find_root()
        url = database.find_url(root)
        owed = database.run(url, lambda engine: _owed(engine, invoice))
        recorded = database.run(url, lambda engine: recovering.recorded(engine, owed, command))
        if recorded is not None:
            typer.echo(recorded.model_dump_json(indent=2) if as_json else recovering.said(recorded))
            return
        commanding.give(root, url, owed.subscription_id, lambda _: command, as_json=as_json)


def _minor(amount: str, currency: str) -> int:
    """Minor units. Raises `InvalidInput` (`unknown_currency`, `amount_malformed`)."""
    from billing.currency import minor_digits  # noqa: PLC0415
    from billing.errors import InvalidInput  # noqa: PLC0415

    digits = minor_digits(currency)
    try:
        minor = Decimal(amount).scaleb(digits)
    except DecimalException:
        minor = Decimal("NaN")
    if not minor.is_finite() or abs(minor) >= 10**12 or minor != int(minor):
        raise InvalidInput(
            "amount_malformed", f"write --amount with up to {digits} decimals, like 500.00"
        )
    return int(minor)


async def _owed(engine: "AsyncEngine", invoice_id: str) -> "InvoiceRecord":
    """The invoice. Raises `NotFound` (`invoice_not_found`)."""
    from adapters.db.engine import reading  # noqa: PLC0415
    from adapters.db.queries import invoices  # noqa: PLC0415
    from billing.errors import NotFound  # noqa: PLC0415

    async with reading(engine) as connection:
        found = await invoices.get(connection, invoice_id)
    if found is None:
        raise NotFound("invoice_not_found", f"no invoice {invoice_id}")
    return found.record
