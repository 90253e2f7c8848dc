"""A played story against its telling: every invoice, every credit note, and how it ended.

Owns the differences, in words.
"""

from collections import Counter
from collections.abc import Iterator

from cli.demo.answers import Invoice
from cli.demo.finding import Finding
from cli.demo.played import Played, in_words, summed
from cli.demo.story import Billed, GivenBack


def story_finding(played: Played) -> Finding:
    """Whether the story went as it was told."""
    differences = [
        *_ending_differences(played),
        *_invoice_differences(played),
        *_credit_differences(played),
        *_balance_differences(played),
    ]
    detail = f"{played.ending}; {len(played.invoices)} invoices"
    if differences:
        detail = f"{detail}: {'; '.join(differences)}"
    return Finding(subject=f"{played.story.name}'s story", is_well=not differences, detail=detail)


def _ending_differences(played: Played) -> Iterator[str]:
    if played.ending != played.story.ending:
        yield f"should be {played.story.ending}"


def _invoice_differences(played: Played) -> Iterator[str]:
    expected = {invoice.due_at: invoice for invoice in played.story.invoices}
    found = Counter(invoice.due_at for invoice in played.invoices)
    for due_at, times in found.items():
        if times > 1:
            yield f"{times} invoices were due {due_at:%Y-%m-%d %H:%M}"
        if due_at not in expected:
            yield f"nothing should be due {due_at:%Y-%m-%d %H:%M}"
    for due_at in expected.keys() - found.keys():
        yield f"no invoice was due {due_at:%Y-%m-%d %H:%M}"
    for invoice in played.invoices:
        if invoice.due_at in expected:
            yield from _differences(invoice, expected[invoice.due_at])


def _differences(invoice: Invoice, expected: Billed) -> Iterator[str]:
    if invoice.total.money != expected.total:
        yield f"{invoice.number} is of {invoice.total.money}, should be {expected.total}"
    if invoice.status != expected.status:
        yield f"{invoice.number} is {invoice.status}, should be {expected.status}"
    if invoice.from_balance.money != expected.from_balance:
        yield f"the balance paid {invoice.from_balance.money} of {invoice.number}"
    if invoice.by_card != expected.by_card:
        yield f"{invoice.by_card} are paid of {invoice.number}"
    if invoice.by_transfer != expected.by_transfer:
        yield f"{invoice.by_transfer} came for {invoice.number} by transfer"
    outcomes = tuple(attempt.outcome for attempt in invoice.attempts)
    if outcomes != expected.outcomes:
        yield f"{invoice.number} was tried with {outcomes}, should be {expected.outcomes}"


def _credit_differences(played: Played) -> Iterator[str]:
    found = [
        GivenBack(
            issued_at=note.issued_at, to_card=note.to_card.money, to_balance=note.to_balance.money
        )
        for note in played.credit_notes
    ]
    if found != list(played.story.given_back):
        yield f"was given back {', '.join(map(str, found)) or 'nothing'}"
    for note in played.credit_notes:
        if note.refund is not None and note.refund.state != "succeeded":
            yield f"the refund of {note.number} is {note.refund.state}"


def _balance_differences(played: Played) -> Iterator[str]:
    balance, lost = summed(played.balances), played.lost
    if balance != dict(played.story.balance):
        yield f"has {in_words(balance)} in their favour"
    if lost != dict(played.story.lost):
        yield f"a bank has taken back {in_words(lost)}"
