"""The `perennial` command.

Owns the names of its subcommands and their options. What each does is a module beside this one.
"""

from typing import Annotated

import typer

from cli import (
    catalog_commands,
    customer_commands,
    invoice_commands,
    migration_commands,
    purchase_commands,
    subscription_commands,
)
from cli.checkout import find_root
from cli.refusals import as_sentences

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


keys_app = typer.Typer(no_args_is_help=True, help="Keys for the HTTP API.")
app.add_typer(keys_app, name="api-keys")
webhooks_app = typer.Typer(no_args_is_help=True, help="Events that the payment gateway sent.")
app.add_typer(webhooks_app, name="webhooks")
app.add_typer(catalog_commands.app, name="catalog")
app.add_typer(subscription_commands.app, name="subscriptions")
app.add_typer(purchase_commands.app, name="purchases")
app.add_typer(customer_commands.app, name="customers")
app.add_typer(invoice_commands.app, name="invoices")
app.add_typer(migration_commands.app, name="migrations")
tasks_app = typer.Typer(no_args_is_help=True, help="What waits for an operator.")
app.add_typer(tasks_app, name="tasks")
reports_app = typer.Typer(no_args_is_help=True, help="What the books say, as CSV or JSON.")
app.add_typer(reports_app, name="reports")


@app.callback()
def main() -> None:
    """Subscription billing on durable workflows."""


@app.command()
def dev(
    *,
    with_parent: Annotated[
        bool, typer.Option(help="End with the process that started this one.")
    ] = False,
) -> None:
    """Run the whole system on this machine until Ctrl-C."""
    # Loaded here and below so that one command does not wait for the libraries of the others.
    from cli import dev  # noqa: PLC0415

    def issue(database_url: str, known: str | None) -> str:
        from cli import api_keys  # noqa: PLC0415

        return api_keys.issue_local(database_url, known)

    raise typer.Exit(dev.run(find_root(), issue_api_key=issue, with_parent=with_parent))


@app.command()
def demo(
    *,
    run: Annotated[
        str | None, typer.Option(help="Go on with the run of this id, however it was interrupted.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Play this customer alone; repeat it for more.")
    ] = None,
) -> None:
    """Play a year of a small company on the running system."""
    from cli.demo import command  # noqa: PLC0415

    raise typer.Exit(command.run(find_root(), run_id=run, names=only or ()))


@app.command()
def doctor() -> None:
    """Say what is running, reachable and migrated, and what to do if not."""
    from cli import doctor  # noqa: PLC0415

    raise typer.Exit(doctor.run(find_root()))


@app.command()
def migrate() -> None:
    """Bring the database and Temporal's search attributes to what this version needs."""
    from cli import database  # noqa: PLC0415

    with as_sentences():
        root = find_root()
        revision = database.migrate(database.find_url(root))
        typer.echo(f"the database is at {revision}")
        if database.register_search_attributes(root):
            typer.echo("the search attributes are registered")


@keys_app.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[
        list[str] | None, typer.Option(help="What it may do; repeat it. All without any.")
    ] = None,
) -> None:
    """Make a key and show its secret, this once."""
    from cli import api_keys, database  # noqa: PLC0415

    with as_sentences():
        api_keys.create(database.find_url(find_root()), name=name, scopes=scope or ())


@keys_app.command("list")
def list_keys() -> None:
    """List every key, without its secret."""
    from cli import api_keys, database  # noqa: PLC0415

    with as_sentences():
        api_keys.show_all(database.find_url(find_root()))


@keys_app.command("revoke")
def revoke_key(key_id: Annotated[str, typer.Argument(help="As `list` shows it.")]) -> None:
    """Make a key open nothing any more."""
    from cli import api_keys, database  # noqa: PLC0415

    with as_sentences():
        api_keys.revoke(database.find_url(find_root()), key_id)


@webhooks_app.command("list")
def list_webhooks(
    *,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only those whose processing fails.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
) -> None:
    """List events, newest first, and what became of them."""
    from cli import database, webhooks  # noqa: PLC0415

    with as_sentences():
        webhooks.show(database.find_url(find_root()), failed_only=failed, limit=limit)


@webhooks_app.command("replay")
def replay_webhook(
    event_id: Annotated[str, typer.Argument(help="As `list` shows it: evt_…")],
) -> None:
    """Have an event processed again, now; that changes nothing where all is well."""
    from cli import database, webhooks  # noqa: PLC0415

    with as_sentences():
        webhooks.replay(database.find_url(find_root()), event_id)


@tasks_app.command("list")
def list_tasks(
    *,
    closed: Annotated[bool, typer.Option("--closed", help="Also those that are done.")] = False,
    customer: Annotated[str | None, typer.Option(help="cus_…")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Say it in JSON.")] = False,
) -> None:
    """List tasks, newest first."""
    with as_sentences():
        from cli import database, tasks  # noqa: PLC0415

        url = database.find_url(find_root())
        tasks.show(url, customer_id=customer, open_only=not closed, limit=limit, as_json=as_json)


@tasks_app.command("done")
def close_task(
    key: Annotated[str, typer.Argument(help="As `list` shows it.")],
    *,
    reason: Annotated[str, typer.Option(help="What was done; the audit log keeps it.")],
    actor: Annotated[
        str | None, typer.Option(help="Who you are; your login name where not given.")
    ] = None,
) -> None:
    """Close a task."""
    with as_sentences():
        from cli import database, tasks  # noqa: PLC0415

        tasks.close(database.find_url(find_root()), key, reason=reason, actor=actor)


@reports_app.command("revenue")
def report_revenue(
    first: Annotated[str, typer.Option("--from", help="The first month: 2026-01")],
    last: Annotated[str, typer.Option("--to", help="The last month: 2026-12")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Say it in JSON, not in CSV.")] = False,
) -> None:
    """Recognised, deferred and accrued revenue, month by month."""
    with as_sentences():
        from cli import database, reports  # noqa: PLC0415

        url = database.find_url(find_root())
        reports.show_revenue(url, first=first, last=last, as_json=as_json)


@reports_app.command("tax")
def report_tax(
    first: Annotated[str, typer.Option("--from", help="The first month: 2026-01")],
    last: Annotated[str, typer.Option("--to", help="The last month: 2026-03")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Say it in JSON, not in CSV.")] = False,
) -> None:
    """What was charged of each tax, less what went back."""
    with as_sentences():
        from cli import database, reports  # noqa: PLC0415

        url = database.find_url(find_root())
        reports.show_tax(url, first=first, last=last, as_json=as_json)


@reports_app.command("receivables")
def report_receivables(
    *,
    as_of: Annotated[
        str | None, typer.Option(help="A moment: 2026-07-01T09:30Z; now where not given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say it in JSON, not in CSV.")] = False,
) -> None:
    """Who owes what since when; who owes most comes first."""
    with as_sentences():
        from cli import database, reports  # noqa: PLC0415
        from cli.instants import instant_of  # noqa: PLC0415

        url = database.find_url(find_root())
        at = None if as_of is None else instant_of(as_of)
        reports.show_receivables(url, as_of=at, as_json=as_json)
