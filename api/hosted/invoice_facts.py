"""What the page of an invoice says, in words and amounts.

Owns the sentences about each stage. Does not own the page's making (`templates/invoice.html`) nor
what is known about the invoice (`payable`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, assert_never

from adapters.document_words import between_lines_and_total
from adapters.explanation_words import explained
from adapters.locale_format import LocaleFormat
from adapters.plain_english import why_declined
from api.hosted.method_words import expiry, named
from api.hosted.payable import Payable, Stage
from api.hosted.refusals import in_words
from billing.invoice import InvoiceLine
from billing.money import Money
from billing.subscription import OpenInvoice


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFacts:
    """One line of the invoice."""

    description: str
    period: str
    amount: str
    explanation: str | None
    """How the amount came about; None of what nobody computed."""

    @classmethod
    def of(cls, line: InvoiceLine, written: LocaleFormat) -> "LineFacts":
        """Credits are negative amounts."""
        return cls(
            description=line.description,
            period=written.span(line.period),
            amount=written.money(line.amount),
            explanation=None if line.explanation is None else explained(written, line.explanation),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceFacts:
    """Everything that the template shows."""

    url: str
    pdf_url: str
    number: str
    stage: Stage
    title: str
    sentences: tuple[str, ...]
    """What is the case, and what comes next."""
    problem: str | None
    """Why the last try did not bring the money in, or why the customer's was refused."""
    is_news: bool
    """The customer has just done something, and hears what came of it first."""
    lines: tuple[LineFacts, ...]
    deductions: tuple[tuple[str, str], ...]
    """Discounts and taxes, between the lines and the total."""
    total: str
    from_balance: str | None
    received: tuple[tuple[str, str], ...]
    """What came by transfer or otherwise, one by one."""
    paid: str | None
    """By cards."""
    due: str
    method: str | None
    """What would be charged."""
    may_pay: bool
    may_use_another_card: bool
    asks_again: bool
    attempt: int
    form_id: str
    action_url: str | None
    portal_url: str | None


def facts_of(
    payable: Payable,
    *,
    url: str,
    pdf_url: str,
    portal_url: str | None,
    form_id: str,
    refused: str,
    just_tried: bool,
) -> InvoiceFacts:
    """What is to be said about the invoice now."""
    written = payable.written
    record, stage, opened = payable.invoice.record, payable.stage, payable.opened
    owes = stage in (Stage.OWED, Stage.CONFIRM)
    title, sentences = _told(payable)
    card = (named(payable.method), expiry(payable.method, payable.now))
    return InvoiceFacts(
        url=url,
        pdf_url=pdf_url,
        number=record.number,
        stage=stage,
        title=title,
        sentences=tuple(sentences),
        problem=in_words(refused) if refused and owes else _problem(payable, just_tried=just_tried),
        is_news=bool(refused) or just_tried,
        lines=tuple(LineFacts.of(line, written) for line in payable.invoice.lines),
        deductions=tuple(between_lines_and_total(payable.invoice.lines, written)),
        total=written.money(record.total),
        from_balance=_deducted(written, record.from_balance),
        received=tuple(_received(payable)),
        paid=_deducted(written, _by_card(payable)),
        due=written.money(record.amount_due),
        method=", ".join(word for word in card if word) if payable.has_method else None,
        may_pay=payable.may_be_paid_now,
        may_use_another_card=owes and payable.is_chargeable,
        asks_again=stage is Stage.WORKING,
        attempt=0 if opened is None else opened.attempts_made,
        form_id=form_id,
        action_url=None if opened is None else opened.action_url,
        portal_url=portal_url,
    )


def _deducted(written: LocaleFormat, amount: Money) -> str | None:
    return written.money(-amount) if amount.amount_minor else None


def _received(payable: Payable) -> Iterator[tuple[str, str]]:
    written = payable.written
    for payment in payable.invoice.received:
        on, by = written.day(payment.reported.received_at), payment.reported.method.words
        yield f"Received on {on} by {by}", written.money(-payment.applied)


def _by_card(payable: Payable) -> Money:
    paid, received = payable.invoice.record.paid, payable.invoice.received
    return paid - sum((each.applied for each in received), Money.zero(paid.currency))


def _told(payable: Payable) -> tuple[str, list[str]]:
    """The heading, and what stands below it."""
    written = payable.written
    total = written.money(payable.invoice.record.total)
    due = written.money(payable.invoice.record.amount_due)
    match payable.stage:
        case Stage.PAID:
            told = f"{total} paid", _thanks(payable)
        case Stage.NOT_OWED:
            told = "There is nothing to pay", [_NOT_OWED]
        case Stage.WRITTEN_OFF:
            told = "This invoice was not paid", [_WRITTEN_OFF]
        case Stage.CHANGE_NOT_PAID:
            told = "Your plan was not changed", [_AS_IT_WAS]
        case Stage.PROCESSING:
            told = f"Your payment of {due} is on its way", [_ORDERED, _NOTHING_TO_DO]
        case Stage.WORKING:
            told = "One moment, please", [_TALKING]
        case Stage.CONFIRM:
            told = f"Confirm your payment of {due}", [_CONFIRM]
        case Stage.OWED:
            told = f"{due} to pay", _to_be_done(payable)
        case _:
            assert_never(payable.stage)
    return told


_NOT_OWED: Final = "This invoice is no longer owed, and nothing is charged for it."
_WRITTEN_OFF: Final = "We no longer try to collect it. Ask us if you want to pay it."
_AS_IT_WAS: Final = "The payment was not completed. Everything is as it was, and nothing is owed."
_ORDERED: Final = "Your bank has accepted the order and may take a few days to carry it out."
_NOTHING_TO_DO: Final = "You do not have to do anything."
_TALKING: Final = "We are talking to your bank. There is no need to pay again."
_CONFIRM: Final = "Your bank asks you to confirm the payment. Nothing was charged yet."


_TOO_LITTLE: Final = "It is too little to be paid by card. Please transfer it, or ask us."
_NOT_EXACTLY: Final = "No card can pay exactly that. Please transfer it, or ask us."


def _thanks(payable: Payable) -> list[str]:
    at = payable.invoice.paid_at
    return ["Thank you." if at is None else f"Paid on {payable.written.day(at)}. Thank you."]


def _to_be_done(payable: Payable) -> list[str]:
    opened = payable.opened
    if opened is None or opened.is_chargeable:
        return _prospects(payable)
    return [not_by_card(opened)]


def _prospects(payable: Payable) -> list[str]:
    """What happens if the customer does nothing."""
    opened = payable.opened
    if opened is not None and opened.is_sent:
        return [_when_due(payable, opened), _how(payable)]
    if not payable.has_method:
        return ["Add a card to pay it."]
    if payable.card_is_useless:
        return ["We will not try this card again by ourselves. Please use another one."]
    if opened is not None and opened.next_attempt_at is not None:
        again = "again " if opened.attempts_made else ""
        if opened.next_attempt_at > payable.now:
            on = payable.written.day(opened.next_attempt_at)
            return [f"We will try {again}by ourselves on {on}."]
        return ["We will charge your card in a moment."]
    return ["You can pay it now."]


def not_by_card(opened: OpenInvoice) -> str:
    """Why no card is asked for what a transfer left: policy P5, or P6 of three decimals."""
    return _TOO_LITTLE if opened.is_too_little else _NOT_EXACTLY


def _when_due(payable: Payable, opened: OpenInvoice) -> str:
    on = payable.written.day(opened.due_at)
    return f"Please pay it by {on}." if payable.now <= opened.due_at else f"It was due on {on}."


def _how(payable: Payable) -> str:
    """Nothing is charged unless the customer asks for it here (policy P22)."""
    if not payable.has_method:
        return "You can add a card to pay it here. Nothing is charged by itself."
    return "You can pay it here, with your card or another one. Nothing is charged by itself."


def _problem(payable: Payable, *, just_tried: bool) -> str | None:
    if payable.stage not in (Stage.OWED, Stage.CHANGE_NOT_PAID):
        return None
    reason = payable.last_decline
    if reason is None or not payable.is_chargeable:
        return None
    amount = payable.written.money(payable.last_tried)
    tried = "We tried just now, and could not" if just_tried else "We could not"
    return f"{tried} collect {amount}: {why_declined(reason)}."
