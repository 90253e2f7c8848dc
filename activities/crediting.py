"""Giving something of invoices back: the notes, the entries, and the refunds to make (policy P31).

Owns what is written in the one transaction that gives back, for whoever gives back: a cancellation,
a pause, a change that lapsed, a request. Does not own what is given back (`billing.credit_note`)
nor the refund at the gateway (`activities.refunding`).
"""

from collections.abc import Sequence
from typing import Final

from billing import ledger
from billing.credit_note import (
    CreditNoteDraft,
    CreditNoteLine,
    CreditReason,
    Settled,
    UnusedPart,
    by_invoice,
    draft_for,
    issued_event,
    to_sources,
    within,
)
from billing.errors import BooksBroken, Conflict
from billing.money import Money
from billing.ports.storage import Transaction
from billing.refund import Refund, event_of, refund_id
from billing.value import Instant, Value

_GIVES_NOTHING: Final[tuple[str, ...]] = ()


class CreditRequest(Value):
    """What is to be given back, why, and whether it goes to the balance or to where it came from.

    `source` is the cause (`cancel:{command id}`): of one cause, something is given back once.
    """

    source: str
    customer_id: str
    subscription_id: str
    reason: CreditReason
    unused: UnusedPart
    lines: tuple[CreditNoteLine, ...]
    now: Instant


async def issue_credit(tx: Transaction, request: CreditRequest) -> tuple[str, ...]:
    """Issues one note per invoice and returns the ids of the refunds to be carried out.

    Everything is written by `tx`: notes, balance, ledger entries, pending refunds and events. Where
    the cause has led to notes before, they are the answer and nothing is written. No line gives
    back more than its debit has left by now, and no note more than was paid, whatever the caller
    had read.

    Raises `Conflict` (`charge_disputed`) where money should go back to a payment that is disputed,
    before anything is written.
    """
    if request.unused is UnusedPart.NONE:
        return _GIVES_NOTHING
    groups = [
        (await tx.invoices.settled(invoice_id), lines)
        for invoice_id, lines in by_invoice(request.lines)
    ]
    # After the locks: a repetition at the same time has written its notes, or waits for ours.
    known = await tx.credit_notes.of_source(request.subscription_id, request.source)
    if known:
        return tuple(refund_id(note.id) for note in known if note.to_card.amount_minor)
    drafts: list[tuple[CreditNoteDraft, Settled]] = []
    for settled, asked in groups:
        if settled.is_disputed and request.reason is CreditReason.PAUSED:
            continue  # the bank holds the money: nothing of it can be given
        if settled.is_disputed and request.reason is CreditReason.CANCELED:
            raise Conflict("charge_disputed", "the payment is disputed: nothing can be given back")
        debits = await tx.invoices.debits_of(settled.invoice_id)
        lines = within(asked, debits, paid=settled.left)
        if lines:
            drafts.append((_draft(request, settled, lines), settled))
    refunds = [(draft, _refund_of(draft, settled)) for draft, settled in drafts]
    for draft, refund in refunds:
        await issue_note(tx, draft, refund)
    return tuple(refund.id for _, refund in refunds if refund is not None)


def _draft(
    request: CreditRequest, settled: Settled, lines: Sequence[CreditNoteLine]
) -> CreditNoteDraft:
    to_card = Money.zero(settled.by_card.currency)
    if request.unused is UnusedPart.REFUND:
        total = sum((line.total for line in lines), to_card)
        to_card, _ = to_sources(total, settled)
    return draft_for(
        source=request.source,
        invoice_id=settled.invoice_id,
        customer_id=request.customer_id,
        subscription_id=request.subscription_id,
        reason=request.reason,
        lines=lines,
        to_card=to_card,
        now=request.now,
    )


async def issue_note(tx: Transaction, draft: CreditNoteDraft, refund: Refund | None) -> None:
    """The note and everything that follows from it; `refund` is how its card part goes back."""
    number = await tx.credit_notes.issue(draft)
    entry = ledger.credit_note_issued(draft)
    if entry is not None:
        await tx.ledger.post(entry)
    await tx.events.append(issued_event(draft, number))
    if refund is not None:
        await tx.refunds.put(refund)
        await tx.events.append(event_of(refund, "refund.created", at=draft.issued_at))


def _refund_of(draft: CreditNoteDraft, settled: Settled) -> Refund | None:
    """The refund to carry out, where the card gets a part of the note."""
    if not draft.to_card.amount_minor:
        return None
    if settled.payment_id is None:
        raise BooksBroken("no_payment", f"{draft.invoice_id} was paid by card without a payment")
    return Refund(
        id=refund_id(draft.id),
        credit_note_id=draft.id,
        invoice_id=draft.invoice_id,
        customer_id=draft.customer_id,
        subscription_id=draft.subscription_id,
        payment_id=settled.payment_id,
        amount=draft.to_card,
        requested_at=draft.issued_at,
    )
