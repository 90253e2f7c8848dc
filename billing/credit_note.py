"""Credit notes: what is given back of an invoice, and where the money goes (policy P29, P31).

Owns the document's values, what is unused of debits, and the split between the card and the
customer's balance. Does not own refunds at the gateway (`billing.refund`) nor numbers (given by the
database).
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Final, Self

from pydantic import model_validator

from billing.catalog import ProrationMode
from billing.currency import CurrencyCode, charge_step_minor
from billing.errors import Conflict, InvalidInput
from billing.event import DomainEvent
from billing.ids import derived_id, effect_key
from billing.money import Money, allocate_minor
from billing.period import Period
from billing.proration import Debit, LineRef, credit_for
from billing.tax import LineTax
from billing.tax_reversal import (
    after_credit,
    before_credit,
    split_total,
    tax_of_credit,
    total_left,
)
from billing.value import Instant, Value

_SHORTEST: Final = timedelta(microseconds=1)


class CreditReason(StrEnum):
    """Why something is given back."""

    CANCELED = "canceled"
    PAUSED = "paused"
    CHANGE_LAPSED = "change_lapsed"
    """The money for a change arrived when the change was no longer possible."""
    NO_LONGER_OWED = "no_longer_owed"
    """The money for an invoice arrived when nothing was owed on it any more."""
    REQUESTED = "requested"
    REFUNDED_AT_GATEWAY = "refunded_at_gateway"


class UnusedPart(StrEnum):
    """What becomes of the unused part when a subscription is canceled now (policy P17)."""

    NONE = "none"
    CREDIT = "credit"
    REFUND = "refund"


class CreditNoteLine(Value):
    """What is given back of one debit; positive."""

    description: str
    debit: LineRef
    period: Period
    amount: Money
    """With tax where the debit's price includes it."""
    tax: LineTax | None = None
    """What goes back of the debit's tax."""

    @property
    def total(self) -> Money:
        """What the customer gets for the line, tax included."""
        return self.amount if self.tax is None else self.amount + self.tax.added


class Settled(Value):
    """How an invoice was paid, and what of that was given back already."""

    invoice_id: str
    payment_id: str | None
    """The gateway's payment, if one paid a part."""
    by_card: Money
    by_balance: Money
    """By the balance, and by the invoice's own credit lines: by what was paid before. And what came
    outside the gateway, which goes back as balance."""
    card_returned: Money
    """Refunded to the card, or on its way there."""
    balance_returned: Money
    """Given to the balance by credit notes."""
    is_disputed: bool = False

    @property
    def card_left(self) -> Money:
        """What can still be refunded to the card."""
        return self.by_card - self.card_returned

    @property
    def left(self) -> Money:
        """What can still be given back in all."""
        return self.by_card + self.by_balance - self.card_returned - self.balance_returned


class CreditNoteDraft(Value):
    """A credit note ready to be issued: everything but its number."""

    id: str
    source: str
    """What caused it; one cause makes at most one note per invoice."""
    invoice_id: str
    customer_id: str
    subscription_id: str
    currency: CurrencyCode
    reason: CreditReason
    issued_at: Instant
    lines: tuple[CreditNoteLine, ...]
    to_balance: Money
    to_card: Money

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        total = sum((line.total for line in self.lines), Money.zero(self.currency))
        if total != self.to_balance + self.to_card:
            raise ValueError("a credit note goes to the card and to the balance, all of it")
        return self

    @property
    def total(self) -> Money:
        """What is given back, tax included."""
        return self.to_balance + self.to_card

    @property
    def tax(self) -> Money:
        """What of the total is tax."""
        taxes = (line.tax.amount for line in self.lines if line.tax is not None)
        return sum(taxes, Money.zero(self.currency))


def credit_note_id(invoice_id: str, source: str) -> str:
    """The same for the same cause, so that it is given back once (policy P32)."""
    return derived_id("cn", invoice_id, source)


def unused_lines(
    debits: Sequence[Debit], part: Period, mode: ProrationMode
) -> Iterator[CreditNoteLine]:
    """What every debit costs of the time that lies in `part`."""
    for debit in debits:
        start, end = max(debit.period.start, part.start), min(debit.period.end, part.end)
        if start >= end:
            continue
        overlap = Period(start=start, end=end)
        amount = credit_for(debit, overlap, mode)
        if amount.amount_minor:
            yield CreditNoteLine(
                description=f"Unused time of {debit.description}",
                debit=debit.ref,
                period=overlap,
                amount=amount,
                tax=tax_of_credit(debit, amount),
            )


def amount_lines(
    debits: Sequence[Debit], amount: Money, *, paid: Money
) -> tuple[CreditNoteLine, ...]:
    """`amount`, tax included, given back of debits in proportion to what is left of each.

    Each line is for the time that its amount paid for, from the debit's start: the rest of the
    debit stays in force. Raises `InvalidInput` (`amount_too_large`) for more than the debits have
    left, or than is left of what was `paid`.
    """
    left = [total_left(debit).amount_minor for debit in debits]
    largest = min(sum(left), paid.amount_minor)
    if not 0 < amount.amount_minor <= largest:
        raise InvalidInput(
            "amount_too_large",
            f"of this invoice {largest} minor units can still be given back",
            largest_minor=largest,
        )
    shares = allocate_minor(amount.amount_minor, left)
    return tuple(
        _given_back(debit, amount.model_copy(update={"amount_minor": share}))
        for debit, share in zip(debits, shares, strict=True)
        if share
    )


def _given_back(debit: Debit, total: Money) -> CreditNoteLine:
    amount, tax = split_total(debit, total)
    return CreditNoteLine(
        description=debit.description,
        debit=debit.ref,
        period=_paid_by(debit, amount.amount_minor),
        amount=amount,
        tax=tax,
    )


def lapsed_lines(debits: Sequence[Debit], paid: Money) -> tuple[CreditNoteLine, ...]:
    """All that was `paid` for a change that never came into force, given back of its debits.

    It closes them: nothing of their time was served or will be.
    """
    periods = {debit.ref: debit.period for debit in debits}
    return tuple(
        line.model_copy(update={"period": periods[line.debit]})
        for line in amount_lines(debits, paid, paid=paid)
    )


def _paid_by(debit: Debit, minor: int) -> Period:
    length = debit.period.length * minor // debit.amount.amount_minor
    return Period(start=debit.period.start, end=debit.period.start + max(length, _SHORTEST))


def within(
    lines: Sequence[CreditNoteLine], debits: Sequence[Debit], *, paid: Money
) -> tuple[CreditNoteLine, ...]:
    """`lines`, giving back no more than their debits have left; what gives nothing is left out.

    In all no more than is left of what was `paid` for their invoice (policy P13): a part of it may
    have been carried to the next one.
    """
    left = {debit.ref: debit for debit in debits}
    kept: list[CreditNoteLine] = []
    for line in lines:
        debit = left.get(line.debit)
        fitted = None if debit is None else _fitted(line, debit, paid=paid)
        if debit is None or fitted is None:
            continue
        left[line.debit] = after_credit(debit, fitted.amount, fitted.tax)
        paid -= fitted.total
        kept.append(fitted)
    return tuple(kept)


def without_credits(debits: Sequence[Debit], notes: Sequence[CreditNoteDraft]) -> tuple[Debit, ...]:
    """The debits as they were before the notes, so that a repetition asks for the same again."""
    before = {debit.ref: debit for debit in debits}
    for line in (line for note in notes for line in note.lines):
        if line.debit in before:
            before[line.debit] = before_credit(before[line.debit], line.amount, line.tax)
    return tuple(before.values())


def left_of(
    asked: Sequence[CreditNoteLine], notes: Sequence[CreditNoteDraft], *, currency: CurrencyCode
) -> Money:
    """What was asked for and the notes do not give, as it is not paid; not negative.

    Tax included on both sides, as in what is carried.
    """
    nothing = Money.zero(currency)
    left = sum((line.total for line in asked), nothing)
    left -= sum((note.total for note in notes), nothing)
    return max(left, nothing, key=_minor)


def _fitted(line: CreditNoteLine, debit: Debit, *, paid: Money) -> CreditNoteLine | None:
    """The line as it is where it fits, or as much of it as does; None where nothing does."""
    tax_minor = 0 if line.tax is None else line.tax.amount.amount_minor
    amount, tax = line.amount, line.tax
    if amount.amount_minor > debit.creditable.amount_minor or tax_minor > debit.tax_left_minor:
        amount = min(amount, debit.creditable, key=_minor)
        tax = tax_of_credit(debit, amount)
    total = amount if tax is None else amount + tax.added
    if _minor(total) > _minor(paid):
        amount, tax = split_total(debit, paid)
        total = paid
    if _minor(total) <= 0:
        return None
    return line.model_copy(update={"amount": amount, "tax": tax})


def _minor(amount: Money) -> int:
    return amount.amount_minor


def by_invoice(
    lines: Sequence[CreditNoteLine],
) -> Iterator[tuple[str, tuple[CreditNoteLine, ...]]]:
    """One note corrects one invoice."""
    ordered = sorted(lines, key=lambda line: (line.debit.invoice_id, line.debit.position))
    for invoice_id, group in groupby(ordered, key=lambda line: line.debit.invoice_id):
        yield invoice_id, tuple(group)


def to_sources(total: Money, settled: Settled) -> tuple[Money, Money]:
    """`(to_card, to_balance)`: the card first, as it paid last (policy P31).

    What is less than one step of the currency cannot go to a card (policy P6). Raises
    `Conflict` (`charge_disputed`) while the card's payment is disputed or was lost to a dispute,
    and `nothing_to_refund` where `total` exceeds what was paid.
    """
    if settled.is_disputed:
        raise Conflict("charge_disputed", "the payment is disputed: nothing of it can be refunded")
    if total.amount_minor > settled.left.amount_minor:
        raise Conflict("nothing_to_refund", f"of this invoice {settled.left} can be given back")
    card = min(total.amount_minor, max(settled.card_left.amount_minor, 0))
    card -= card % charge_step_minor(total.currency)
    to_card = total.model_copy(update={"amount_minor": card})
    return to_card, total - to_card


def issued_event(draft: CreditNoteDraft, number: str) -> DomainEvent:
    """The note exists, and where its money goes."""
    return DomainEvent(
        key=effect_key("credit_note.issued", draft.id),
        type="credit_note.issued",
        at=draft.issued_at,
        customer_id=draft.customer_id,
        subscription_id=draft.subscription_id,
        details={
            "credit_note_id": draft.id,
            "number": number,
            "invoice_id": draft.invoice_id,
            "reason": draft.reason.value,
            "amount_minor": draft.total.amount_minor,
            "to_balance_minor": draft.to_balance.amount_minor,
            "to_card_minor": draft.to_card.amount_minor,
            "currency": draft.currency,
        },
    )


def draft_for(
    *,
    source: str,
    invoice_id: str,
    customer_id: str,
    subscription_id: str,
    reason: CreditReason,
    lines: Sequence[CreditNoteLine],
    to_card: Money,
    now: datetime,
) -> CreditNoteDraft:
    """A note over `lines`; what does not go to the card goes to the balance."""
    total = sum((line.total for line in lines), Money.zero(to_card.currency))
    return CreditNoteDraft(
        id=credit_note_id(invoice_id, source),
        source=source,
        invoice_id=invoice_id,
        customer_id=customer_id,
        subscription_id=subscription_id,
        currency=to_card.currency,
        reason=reason,
        issued_at=now,
        lines=tuple(lines),
        to_balance=total - to_card,
        to_card=to_card,
    )
