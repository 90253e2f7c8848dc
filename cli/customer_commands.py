"""The names and options of `perennial customers`; what each does is in `cli.customers`."""

from typing import Annotated

import typer

from cli.checkout import find_root
from cli.refusals import as_sentences

app = typer.Typer(no_args_is_help=True, help="Who pays, and on which terms.")

_Id = Annotated[str, typer.Argument(help="cus_…")]


@app.command("show")
def show(
    customer_id: _Id,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Say it in JSON.")] = False,
) -> None:
    """One customer, and how their invoices are paid."""
    with as_sentences():
        from cli import customers, database  # noqa: PLC0415

        customers.show(database.find_url(find_root()), customer_id, as_json=as_json)


@app.command("set-net-terms")
def set_net_terms(
    customer_id: _Id,
    days: Annotated[int, typer.Argument(help="From the invoice to its due date: 1 to 365.")],
    *,
    reason: Annotated[str, typer.Option(help="Why; the audit log keeps it.")],
    actor: Annotated[
        str | None, typer.Option(help="Who you are; your login name where not given.")
    ] = None,
) -> None:
    """Send invoices from now on; none of them is charged by itself."""
    with as_sentences():
        from cli import customers, database  # noqa: PLC0415

        root = find_root()
        url = database.find_url(root)
        customers.set_net_terms(root, url, customer_id, days=days, reason=reason, actor=actor)


@app.command("clear-net-terms")
def clear_net_terms(
    customer_id: _Id,
    *,
    reason: Annotated[str, typer.Option(help="Why; the audit log keeps it.")],
    actor: Annotated[
        str | None, typer.Option(help="Who you are; your login name where not given.")
    ] = None,
) -> None:
    """Charge invoices automatically from now on; those that were sent stay sent."""
    with as_sentences():
        from cli import customers, database  # noqa: PLC0415

        root = find_root()
        url = database.find_url(root)
        customers.set_net_terms(root, url, customer_id, days=None, reason=reason, actor=actor)
