"""What the portal says about a change: what it would cost, and what came of it.

Owns those words. Does not own the amounts (`api.change_view`) nor how it looks (`templates`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, assert_never

from adapters.hosted_link import HostedLinks
from adapters.locale_format import LocaleFormat
from adapters.plain_english import why_declined
from api.change_view import ChangePreviewView
from api.hosted.portal.account import Holding
from api.hosted.portal.plan_words import all_cost, titled
from api.invoice_parts import TaxView
from api.money_view import MoneyView
from api.period_view import PeriodView
from billing.interval import Interval
from billing.money import Money
from billing.subscription import AppliedCommand, ChangeResult


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewLine:
    """One line of what is charged now."""

    description: str
    period: str
    amount: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewFacts:
    """What the customer agrees to by confirming."""

    when: str
    lines: tuple[PreviewLine, ...]
    deductions: tuple[tuple[str, str], ...]
    """What makes the charge differ from the lines, with its amount."""
    due_label: str
    due_now: str
    afterwards: str
    button: str
    quote: str
    valid_until: str


class ResultKind(StrEnum):
    """What a change's page can be about."""

    WORKING = "working"
    DONE = "done"
    CONFIRM = "confirm"
    PROCESSING = "processing"
    NOT_DONE = "not_done"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFacts:
    """What came of a change, and what can be done about it."""

    kind: ResultKind
    title: str
    sentences: tuple[str, ...]
    action_url: str | None = None
    invoice_url: str | None = None


def preview_facts(holding: Holding, preview: ChangePreviewView) -> PreviewFacts:
    """The preview in words."""
    written = holding.written
    is_free_now = preview.amount_due.amount_minor == 0 or holding.net_days is not None
    due = written.money(_money(preview.amount_due))
    is_later = preview.effective_at > holding.now
    when = written.day(preview.effective_at) if is_later else "now"
    return PreviewFacts(
        when=f"on {when}" if is_later else ("at once" if is_free_now else "as soon as it is paid"),
        lines=tuple(
            PreviewLine(
                description=line.description,
                period=_span(line.period, written),
                amount=written.money(_money(line.amount)),
            )
            for line in preview.lines
        ),
        deductions=tuple(_deductions(preview, written)),
        due_label="To pay now"
        if holding.net_days is None
        else f"You are sent an invoice, due {holding.net_days} days later",
        due_now=due,
        afterwards=_afterwards(preview, written, on_terms=holding.net_days is not None),
        button=_button(when, due, is_later=is_later, is_free_now=is_free_now),
        quote=preview.quote,
        valid_until=written.moment(preview.quote_expires_at),
    )


def result_facts(holding: Holding, change_id: str, *, links: HostedLinks) -> ResultFacts:
    """What became of the change by now."""
    applied = holding.state.applied_command(change_id)
    if applied is None:
        return _WORKING
    facts = _result(holding, applied)
    if applied.invoice_id is None or facts.kind is not ResultKind.DONE:
        return facts
    return replace(facts, invoice_url=links.invoice(applied.invoice_id))


_WORKING: Final = ResultFacts(
    kind=ResultKind.WORKING,
    title="One moment, please",
    sentences=(
        "We are working on your change. This page goes on by itself.",
        "There is no need to do it again: look at your subscriptions if it takes long.",
    ),
)
_NOTHING_CHANGED: Final = "Nothing was changed, and you owe nothing for it."


def _result(holding: Holding, applied: AppliedCommand) -> ResultFacts:
    match applied.result:
        case None:
            facts = _WORKING
        case ChangeResult.APPLIED:
            facts = _applied(holding)
        case ChangeResult.SCHEDULED:
            facts = _scheduled(holding, applied.command_id)
        case ChangeResult.PAYING:
            facts = _paying(holding, applied.invoice_id or "")
        case ChangeResult.DECLINED:
            why = why_declined(applied.decline)
            facts = ResultFacts(
                kind=ResultKind.NOT_DONE,
                title="Your card was declined",
                sentences=(f"We could not collect the payment: {why}.", _NOTHING_CHANGED),
            )
        case ChangeResult.ABANDONED:
            facts = ResultFacts(
                kind=ResultKind.NOT_DONE,
                title="Your plan was not changed",
                sentences=("The payment was not completed in time.", _NOTHING_CHANGED),
            )
        case _:
            assert_never(applied.result)
    return facts


def _applied(holding: Holding) -> ResultFacts:
    terms, written = holding.state.terms, holding.written
    plan = titled(written, terms, holding.price)
    return ResultFacts(
        kind=ResultKind.DONE,
        title="Your plan is changed",
        sentences=(f"You now have {plan}: {all_cost(written, terms)}.",),
    )


def _scheduled(holding: Holding, change_id: str) -> ResultFacts:
    pending, price = holding.state.pending_change, holding.planned_price
    if pending is None or price is None or pending.change_id != change_id:
        return ResultFacts(
            kind=ResultKind.DONE,
            title="This change was made",
            sentences=("Something else has happened since; your subscriptions say what.",),
        )
    written = holding.written
    plan = f"{titled(written, pending.target, price)}, {all_cost(written, pending.target)}"
    return ResultFacts(
        kind=ResultKind.DONE,
        title="Your change is planned",
        sentences=(
            f"From {written.day(pending.at)} on: {plan}.",
            "Until then everything stays as it is, and you can undo it.",
        ),
    )


def _paying(holding: Holding, invoice_id: str) -> ResultFacts:
    opened = holding.state.open_invoice(invoice_id)
    if opened is not None and opened.action_url is not None:
        amount = holding.written.money(opened.amount)
        return ResultFacts(
            kind=ResultKind.CONFIRM,
            title="Your bank asks you to confirm",
            sentences=(
                f"Confirm the payment of {amount} to complete your change.",
                "Until then nothing is charged, and everything stays as it is.",
            ),
            action_url=opened.action_url,
        )
    if opened is not None and opened.in_processing:
        return ResultFacts(
            kind=ResultKind.PROCESSING,
            title="Your payment is on its way",
            sentences=("Your bank may take a few days. Your plan changes as soon as it is paid.",),
        )
    return _WORKING


def _deductions(preview: ChangePreviewView, written: LocaleFormat) -> Iterator[tuple[str, str]]:
    """Why what is charged now differs from the sum of the lines."""
    for discount in preview.discounts:
        yield discount.name, written.money(-_money(discount.amount))
    for tax in preview.taxes:
        yield _tax(tax, written), written.money(_money(tax.amount))
    if preview.from_balance.amount_minor:
        yield "From your balance", written.money(-_money(preview.from_balance))
    if preview.to_balance.amount_minor:
        yield "Added to your balance", written.money(_money(preview.to_balance))
    if preview.carried_over.amount_minor:
        yield "On your next invoice instead", written.money(-_money(preview.carried_over))


def _tax(tax: TaxView, written: LocaleFormat) -> str:
    if tax.note is not None:
        return tax.note
    on = written.money(_money(tax.taxable))
    said = f"{tax.name} ({tax.jurisdiction}) {tax.rate} % of {on}"
    return f"{said}, included" if tax.inclusive else said


def _afterwards(preview: ChangePreviewView, written: LocaleFormat, *, on_terms: bool) -> str:
    renewal = preview.next_renewal
    if renewal is None:
        return "Your subscription ends as planned."
    interval = Interval(unit=preview.terms.interval, count=preview.terms.interval_count)
    regular = f"{written.money(_money(preview.terms.period_amount))} {interval}"
    if renewal.amount.amount_minor == 0 and preview.terms.period_amount.amount_minor:
        return f"From {written.day(renewal.at)} on: {regular}, charged at the end."
    if renewal.amount.amount_minor == 0:
        return "After that it costs nothing."
    if renewal.amount.amount_minor == preview.terms.period_amount.amount_minor:
        return f"From {written.day(renewal.at)} on: {regular}."
    if preview.taxes or preview.discounts:
        regular += ", before discounts and tax"
    next_charge = written.money(_money(renewal.amount))
    name = "Next invoice" if on_terms else "Next charge"
    return f"{name}: {next_charge} on {written.day(renewal.at)}. Then {regular}."


def _button(when: str, due: str, *, is_later: bool, is_free_now: bool) -> str:
    if is_later:
        return f"Change on {when}"
    return "Change now" if is_free_now else f"Pay {due} and change"


def _money(view: MoneyView) -> Money:
    return Money(amount_minor=view.amount_minor, currency=view.currency)


def _span(view: PeriodView, written: LocaleFormat) -> str:
    return f"{written.day(view.start)} to {written.day(view.end)}"
