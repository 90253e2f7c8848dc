"""What a played year came to, for people.

Owns the tables: what happened to each customer, what they paid and got back, and what was compared.
Does not own the comparisons (`cli.demo.audit`).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.demo.answers import Amount, CreditNote, Dispute, Invoice
from cli.demo.finding import Finding
from cli.demo.played import Played, Sums, in_words, summed
from cli.demo.target import Target


@dataclass(frozen=True, slots=True)
class _Entry:
    """One document, as it is told; equal ones in a row are told once."""

    kind: str
    amount: str
    what: str
    how: str


def show(
    console: Console, year: Sequence[Played], findings: Sequence[Finding], target: Target
) -> None:
    """Who did what, what each paid, was credited and refunded, and whether the books balance."""
    for played in year:
        console.print()
        console.print(f"{played.story.name}  {played.story.plot}", style="bold", markup=False)
        console.print(f"  {target.subscription_link(played.subscription.id)}", soft_wrap=True)
        console.print(_chronicle(played))
    console.print()
    console.print(_sums(year))
    console.print()
    console.print(_findings(findings))


def _chronicle(played: Played) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1))
    for _ in range(2):
        table.add_column()
    table.add_column(justify="right")
    for entry, alike in groupby(sorted(_entries(played), key=_day_of), key=lambda row: row[1]):
        days = [f"{instant:%Y-%m-%d}" for instant, _ in alike]
        often = "" if len(days) == 1 else f" and until {days[-1]}, {len(days)} in all"
        table.add_row(f" {days[0]}{often}", entry.kind, entry.amount, entry.what, entry.how)
    return table


def _day_of(row: tuple[datetime, _Entry]) -> datetime:
    return row[0]


def _entries(played: Played) -> Iterator[tuple[datetime, _Entry]]:
    yield from ((invoice.due_at, _of_invoice(invoice)) for invoice in played.invoices)
    yield from ((note.issued_at, _of_credit_note(note)) for note in played.credit_notes)
    yield from ((dispute.opened_at, _of_dispute(dispute)) for dispute in played.disputes)


def _of_invoice(invoice: Invoice) -> _Entry:
    refused = Counter(each.decline for each in invoice.attempts if each.decline is not None)
    after = ", ".join(f"{times} x {decline}" for decline, times in refused.items())
    sources = _sources(
        card=summed([Amount.of(invoice.by_card)]),
        transfer=summed([Amount.of(invoice.by_transfer)]),
        balance=summed([invoice.from_balance]),
    )
    how = f"{invoice.status} {sources}".rstrip()
    return _Entry(
        kind="invoice",
        amount=str(invoice.total.money),
        what="; ".join(line.description for line in invoice.lines),
        how=f"{how}, after {after}" if after else how,
    )


def _of_credit_note(note: CreditNote) -> _Entry:
    where = " in the dashboard" if note.refund is not None and note.refund.is_external else ""
    sources = _sources(card=summed([note.to_card]), transfer={}, balance=summed([note.to_balance]))
    return _Entry(
        kind="credit note",
        amount=str(note.total.money),
        what="; ".join(line.description for line in note.lines),
        how=f"given back {sources}{where}",
    )


def _of_dispute(dispute: Dispute) -> _Entry:
    return _Entry("dispute", str(dispute.amount.money), dispute.reason, dispute.state)


def _sources(*, card: Sums, transfer: Sums, balance: Sums) -> str:
    """`(card)`, or how much by card and how much by balance."""
    named = {"card": card, "transfer": transfer, "balance": balance}
    used = {name: sums for name, sums in named.items() if sums}
    if len(used) > 1:
        return f"({', '.join(f'{in_words(sums)} {name}' for name, sums in used.items())})"
    return "".join(f"({name})" for name in used)


def _sums(year: Sequence[Played]) -> Table:
    table = Table("customer", "in the end", box=None)
    for title in (
        "paid by card",
        "by transfer",
        "by balance",
        "credited",
        "refunded",
        "lost",
        "has left",
    ):
        table.add_column(title, justify="right")
    for played in year:
        sums = (
            *(played.paid, played.transferred, played.from_balance, played.credited),
            *(played.refunded, played.lost, summed(played.balances)),
        )
        words = (in_words(each, nothing="") for each in sums)
        table.add_row(played.story.name, str(played.ending), *words)
    return table


def _findings(findings: Sequence[Finding]) -> Table:
    table = Table("", "checked", "found", box=None)
    for finding in findings:
        mark = Text("ok", "green") if finding.is_well else Text("!!", "bold red")
        table.add_row(mark, finding.subject, finding.detail)
    return table
