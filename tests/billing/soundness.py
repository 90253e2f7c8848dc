"""What holds in every life of a subscription: of each step, and of the books behind it."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Final

from billing.agenda import ActionKind, agenda
from billing.currency import charge_step_minor, minimum_charge_minor
from billing.first_period import anchor_for
from billing.invoice import InvoiceLine, InvoiceStatus
from billing.ledger import Account
from billing.period import Period
from billing.proration import LineRef
from billing.subscription import ChangeResult, SubscriptionState, SubscriptionStatus
from tests.billing.books import Booked, Books
from tests.billing.running import Running

VISIBLE: Final = (
    "terms",
    "period",
    "pending_change",
    "change",
    "cancellation",
    "pause",
    "ended_at",
    "trial",
    "discounts",
)
"""What a caller's change is based on (policy P16)."""

BOUNDARIES: Final = frozenset(
    {ActionKind.CANCEL, ActionKind.CONVERT_TRIAL, ActionKind.RENEW, ActionKind.RESUME}
)
MAY_BE_LATE: Final = frozenset(
    {
        ActionKind.COMPLETE,  # of a purchase, once it is paid for
        ActionKind.FALL_DUE,  # a bank answered after the due date
        ActionKind.REMIND,  # so too
        ActionKind.SUSPEND,  # so too
        ActionKind.EXPIRE_CHECKOUT,  # a bank answered after the checkout's end
        ActionKind.GIVE_BACK,  # a bank answered after the subscription's end
        ActionKind.GIVE_UP,  # a bank answered after the ladder's end
        ActionKind.NOTIFY_TRIAL_END,  # a cancellation that held it back was undone
        ActionKind.VOID_INVOICES,  # a bank answered after the subscription's end
    }
)


def check_step(before: SubscriptionState, after: SubscriptionState) -> None:
    """One transition, whatever it was."""
    silent = {"messages": (), "applied": (), "revision": 0}
    is_same = before.model_copy(update=silent) == after.model_copy(update=silent)
    assert after.revision >= before.revision + (0 if is_same else 1)
    is_visible = any(getattr(before, name) != getattr(after, name) for name in VISIBLE)
    assert (after.version > before.version) == is_visible
    if before.has_ended:
        for name in ("status", "ended_at", "end_reason", "period", "terms"):
            assert getattr(before, name) == getattr(after, name)
    if before.lost_invoices and after.lost_invoices:
        assert after.status in {SubscriptionStatus.UNPAID, SubscriptionStatus.CANCELED}
    assert SubscriptionState.model_validate_json(after.model_dump_json()) == after
    _check_period(before, after)


def _check_period(before: SubscriptionState, after: SubscriptionState) -> None:
    """Periods tile, but for what a pause or unpaid time leaves out."""
    old, new = before.period, after.period
    if old is None or new is None or new.start in (old.start, old.end):
        return
    if new.start in old:
        begins_anew = after.anchor_at == anchor_for(after.terms, new.start)
        assert after.terms != before.terms
        assert begins_anew
    else:
        rested = before.pause is not None or before.unbilled_from is not None
        assert new.start > old.end
        assert rested


def check_state(running: Running) -> None:
    """What is true at every moment."""
    state = running.state
    assert state.terms.currency == running.books.currency
    assert (state.ended_at is not None) is state.has_ended
    assert (state.end_reason is not None) is state.has_ended
    assert state.pending_change is None or state.cancellation is None
    assert (state.pause is not None) == (state.status is SubscriptionStatus.PAUSED)
    for pending in (state.pending_change, state.cancellation):
        if pending is not None and state.status is not SubscriptionStatus.UNPAID:
            assert state.period is not None
            assert pending.at == state.period.end
    if state.has_ended:
        future = (state.change, state.pending_change, state.cancellation, state.pause)
        assert not any(future)
    _check_agenda(running)


def _check_agenda(running: Running) -> None:
    state, actions = running.state, agenda(running.state)
    assert [action.at for action in actions] == sorted(action.at for action in actions)
    assert all(action.at >= running.now for action in actions if action.kind not in MAY_BE_LATE)
    ways = [action.kind for action in actions if action.kind in BOUNDARIES]
    if state.has_ended:
        kinds = {action.kind for action in actions}
        collecting = {ActionKind.BILL_LAST, ActionKind.COLLECT, ActionKind.GIVE_UP}
        collecting |= {ActionKind.FALL_DUE, ActionKind.REMIND, ActionKind.SUSPEND}
        assert kinds <= {ActionKind.VOID_INVOICES, ActionKind.GIVE_BACK} | collecting
    elif state.purchase is not None:
        assert not ways
    elif state.status is SubscriptionStatus.UNPAID:
        assert ways == [ActionKind.CANCEL] * (state.cancellation is not None)
    elif state.pause is not None:
        assert ways == [ActionKind.RESUME] * (state.pause.resumes_at is not None)
    else:
        is_live = state.period is not None and state.status is not SubscriptionStatus.INCOMPLETE
        assert len(ways) == is_live


def check_books(running: Running) -> None:
    """What was charged, paid and given back fits together, and the state knows what is open."""
    books, state = running.books, running.state
    still_open = {
        invoice_id: booked.due_minor
        for invoice_id, booked in books.invoices.items()
        if booked.status is InvoiceStatus.OPEN
    }
    known = {invoice.invoice_id: invoice.amount.amount_minor for invoice in state.open_invoices}
    assert known == still_open
    there = books.cash + books.bank + _not_collected(state)
    assert 0 <= books.balance <= there, "more goes back than was paid"
    assert books.posted(Account.BANK) == books.bank
    assert books.posted(Account.CUSTOMER_BALANCE) == -books.balance
    assert books.posted(Account.TAX_PAYABLE) == -_taxes(books)
    assert books.posted(Account.RECEIVABLE) == sum(still_open.values())
    lost = (b for b in books.invoices.values() if b.status is InvoiceStatus.UNCOLLECTIBLE)
    assert books.posted(Account.BAD_DEBT) == sum(booked.due_minor for booked in lost)
    assert books.posted(Account.CASH) + books.posted(Account.REFUNDS_PAYABLE) == books.cash
    for invoice_id, booked in books.invoices.items():
        _check_charge(books, booked)
        for line in booked.draft.lines:
            is_carried = line.description.startswith("Carried")
            assert line.amount.amount_minor >= 0 or line.credits is not None or is_carried, line
        assert books.settled(invoice_id).left.amount_minor >= 0
        for debit in books.debits_of(invoice_id):
            assert debit.creditable.amount_minor >= 0
            charged = 0 if debit.tax is None else debit.tax.amount.amount_minor
            assert 0 <= debit.tax_credited_minor <= charged
    _check_refused_changes(running)
    _check_time(books)


def _not_collected(state: SubscriptionState) -> int:
    """What counts as paid without money: too little to collect, and carried or written off (P5)."""
    carried = sum(line.total.amount_minor for line in state.carried)
    return carried + sum(each.amount.amount_minor for each in state.written_off)


def _taxes(books: Books) -> int:
    """What documents say is owed to the authorities."""
    kept = (b.draft for b in books.invoices.values() if b.status is not InvoiceStatus.VOID)
    charged = sum(draft.tax.amount_minor for draft in kept)
    return charged - sum(note.tax.amount_minor for note in books.notes)


def _check_charge(books: Books, booked: Booked) -> None:
    due = booked.due_minor + booked.received
    assert due % charge_step_minor(books.currency) == 0
    assert due == 0 or due >= minimum_charge_minor(books.currency)


def _check_refused_changes(running: Running) -> None:
    """What was declined or abandoned has cost nothing in the end."""
    books = running.books
    for command in running.state.applied:
        if command.result not in {ChangeResult.DECLINED, ChangeResult.ABANDONED}:
            continue
        booked = books.invoices[command.invoice_id or ""]
        notes = [note for note in books.notes if note.invoice_id == booked.draft.id]
        returned = sum(note.total.amount_minor for note in notes)
        owed = 0 if booked.status is InvoiceStatus.VOID else booked.draft.total.amount_minor
        if booked.status is InvoiceStatus.OPEN:
            left = running.state.open_invoice(booked.draft.id)
            assert left is not None
            assert left.given_up, "it is voided next"
            continue
        assert returned == owed


def _check_time(books: Books) -> None:
    """No two debits are in force for the same time of the same service."""
    served = sorted(_served(books), key=lambda each: each[0].start)
    for (earlier, rate), (later, _) in pairwise(served):
        overlap = (earlier.end - later.start).total_seconds()
        assert overlap * rate < 1, (earlier, later)


def _served(books: Books) -> Iterator[tuple[Period, Fraction]]:
    """The time that each debit stayed in force, and what one second of it costs.

    What a change costs is in force once it is paid. What was given up as a loss nobody is expected
    to pay: a change gives nothing of it back, also where it is paid after all.
    """
    for invoice_id, booked in books.invoices.items():
        waits = booked.status is InvoiceStatus.OPEN and booked.draft.change_id is not None
        if waits or booked.was_lost or booked.status is InvoiceStatus.VOID:
            continue
        for position, line in enumerate(booked.draft.lines, start=1):
            if not _is_service(line):
                continue
            end = line.period.end
            for credit, _, _ in books.credits_of(LineRef(invoice_id=invoice_id, position=position)):
                if credit.end >= line.period.end:
                    end = min(end, credit.start)
            if end > line.period.start:
                seconds = int(line.period.length.total_seconds())
                rate = Fraction(line.net.amount_minor, seconds)
                yield Period(start=line.period.start, end=end), rate


def _is_service(line: InvoiceLine) -> bool:
    """A whole quantity for its time: not what was added to one, nor carried, nor charged once."""
    if line.item_id is not None:
        return False
    is_part = " more " in line.description or line.description.startswith("Carried")
    return line.net.amount_minor > 0 and not is_part
