"""What a played year came to, for people.

Owns the tables. Does not own what is compared (`cli.demo.audit`).
"""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.demo.answers import Invoice, PaymentAttempt
from cli.demo.audit import Finding, Played
from cli.demo.target import Target


def show(
    console: Console, year: Sequence[Played], findings: Sequence[Finding], target: Target
) -> None:
    """Every invoice and payment, where to look at each subscription, and what was compared."""
    console.print()
    console.print(_invoices(year))
    console.print()
    for played in year:
        link = target.subscription_link(played.subscription.id)
        console.print(f" {played.story.name:<5} {link}", soft_wrap=True)
    console.print()
    console.print(_findings(findings))


def _invoices(year: Sequence[Played]) -> Table:
    table = Table("invoice", "customer", "period", "amount", "status", "payments", box=None)
    table.columns[3].justify = "right"
    rows = [(invoice, played.story.name) for played in year for invoice in played.invoices]
    for invoice, name in sorted(rows, key=lambda row: (row[0].due_at, row[0].number)):
        table.add_row(
            invoice.number,
            name,
            _period(invoice),
            str(invoice.total.money),
            invoice.status,
            "\n".join(_payment(attempt) for attempt in invoice.attempts),
        )
    return table


def _period(invoice: Invoice) -> str:
    period = invoice.period
    return f"{period.start:%Y-%m-%d %H:%M} to {period.end:%Y-%m-%d}"


def _payment(attempt: PaymentAttempt) -> str:
    outcome = attempt.outcome or "under way"
    reason = f" ({attempt.decline})" if attempt.decline else ""
    return f"{outcome}{reason} {attempt.payment or ''}".rstrip()


def _findings(findings: Sequence[Finding]) -> Table:
    table = Table("", "checked", "found", box=None)
    for finding in findings:
        mark = Text("ok", "green") if finding.is_well else Text("!!", "bold red")
        table.add_row(mark, finding.subject, finding.detail)
    return table
