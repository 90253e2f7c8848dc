"""How the plan of a catalog looks in a terminal.

Owns its signs (+ added, ~ changed, - retired, > moved), colours and sentences. Money of sums is
rounded to show it; the plan itself is exact.
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from billing.catalog_change import CatalogChange, ChangeAction
from billing.catalog_plan import CatalogPlan, PlannedMove, Touched, TouchedSubscription
from billing.money import Money, round_half_away
from billing.rehearsal import Total
from workflows.migration_page import migration_name
from workflows.wording import instant

_SIGNS: Final = {
    ChangeAction.ADDED: ("+", "green"),
    ChangeAction.CHANGED: ("~", "yellow"),
    ChangeAction.RETIRED: ("-", "red"),
}
_INDENT: Final = "      "


def show(plan: CatalogPlan, path: Path) -> None:
    """The whole plan, refusals last, so that nobody misses them."""
    console = Console(highlight=False, soft_wrap=True)
    for line in _lines(plan, path):
        console.print(line)


def _lines(plan: CatalogPlan, path: Path) -> Iterator[Text]:
    for planned in plan.changes:
        yield from _change_lines(planned.change)
        for touched in planned.touched:
            yield from _touched_lines(touched)
    if plan.is_empty:
        yield Text("Nothing to change: this is what is published.")
        return
    for move in plan.moves:
        yield from _move_lines(move)
    yield Text()
    yield _summary(plan)
    if plan.refusals:
        yield Text("Refused, so nothing of it can be published:", style="bold red")
        for refusal in plan.refusals:
            yield Text(f"  {refusal.message}", style="red")
        return
    yield Text(_for_those_who_have_it(plan))
    if plan.moves or any(planned.touched for planned in plan.changes):
        yield Text(
            "Amounts are before tax, and before discounts and what comes once but for those in all."
        )
    yield Text("Nothing is refunded: nobody's price changes within a period that is paid.")
    wanted = "" if plan.effective_at is None else f" --effective-at {plan.effective_at.isoformat()}"
    yield Text(f"To do exactly this: perennial catalog apply {path}{wanted} --plan {plan.digest}")


def _for_those_who_have_it(plan: CatalogPlan) -> str:
    moving = sum(move.rehearsal.migrates for move in plan.moves)
    if not moving:
        return (
            "Publishing changes no running subscription and no revenue: each keeps the version that"
            " it was sold at."
        )
    when = "Publishing" if plan.effective_at is None else "Within an hour of being in force it"
    return (
        f"{when} tells the customers of {moving} running subscriptions, which move as said above;"
        " all others keep the version that they were sold at."
    )


def _summary(plan: CatalogPlan) -> Text:
    actions = [planned.change.action for planned in plan.changes]
    counted = ", ".join(
        f"{actions.count(action)} {word}"
        for action, word in (
            (ChangeAction.ADDED, "to add"),
            (ChangeAction.CHANGED, "to change"),
            (ChangeAction.RETIRED, "to retire"),
        )
    )
    on_top_of = "nothing" if plan.based_on is None else f"version {plan.based_on}"
    when = "at once" if plan.effective_at is None else f"from {instant(plan.effective_at)}"
    return Text(f"Plan on top of {on_top_of}, {when}: {counted}.", style="bold")


def _change_lines(change: CatalogChange) -> Iterator[Text]:
    sign, colour = _SIGNS[change.action]
    note = "  no longer sold" if change.action is ChangeAction.RETIRED else ""
    if change.replaced_by is not None:
        note += f", replaced by {change.replaced_by}"
    yield Text(f"  {sign} {change.kind} {change.id}{note}", style=colour)
    for difference in change.differences:
        before = "-" if difference.before is None else difference.before
        after = "-" if difference.after is None else difference.after
        yield Text(f"{_INDENT}{difference.field}: {before} → {after}")


def _move_lines(move: PlannedMove) -> Iterator[Text]:
    plan, rehearsal = move.plan, move.rehearsal
    yield Text(
        f"  > {rehearsal.migrates} running subscriptions move: {migration_name(plan)}, at a renewal"
        f" from {instant(plan.migrates_at)} on and {plan.notice_days} days after the notice",
        style="magenta",
    )
    if move.first_at is not None and move.last_at is not None:
        span = f"{instant(move.first_at)} to {instant(move.last_at)}"
        yield Text(f"{_INDENT}renewals from {span}")
    for total in rehearsal.totals:
        yield Text(f"{_INDENT}{_revenue(total)}")
    for one in move.moving:
        at = "" if one.moves_at is None else instant(one.moves_at)
        had = "" if one.renewal is None else f"{one.renewal} for what was had, then "
        yield Text(
            f"{_INDENT}  {one.subscription_id}  moves {at}  {had}{one.period_amount} → {one.after}"
        )
    for skipped in rehearsal.skipped:
        yield Text(f"{_INDENT}{skipped.subscriptions} stay: {skipped.reason}")
    for one in move.staying:
        why = one.refusal or one.reason
        yield Text(f"{_INDENT}  {one.subscription_id}  stays at {one.period_amount} ({why})")


def _touched_lines(touched: Touched) -> Iterator[Text]:
    keeps = f"{touched.price_id} version {touched.price_version}"
    yield Text(f"{_INDENT}{touched.count} running subscriptions keep {keeps}")
    target = f"{touched.to_price_id} version {touched.to_version}"
    for total in touched.if_moved if touched.has_target else ():
        yield from _total_lines(total, target)
    for subscription in touched.first:
        yield Text(f"{_INDENT}  {_subscription(subscription, moves=touched.has_target)}")


def _total_lines(total: Total, target: str) -> Iterator[Text]:
    yield Text(f"{_INDENT}if all were moved to {target}: {_revenue(total)}")
    if total.refused:
        yield Text(
            f"{_INDENT}{total.refused} of them cannot be moved in their currency or quantity"
        )


def _revenue(total: Total) -> str:
    before = Money(amount_minor=total.next_invoices_before_minor, currency=total.currency)
    after = Money(amount_minor=total.next_invoices_after_minor, currency=total.currency)
    change = _rounded(total.monthly_change, total.currency)
    sign = "+" if change.amount_minor > 0 else ""
    invoices = f"next invoices {before} → {after}"
    if total.accrued_minor is not None:
        accrued = Money(amount_minor=total.accrued_minor, currency=total.currency)
        invoices = f"next invoices {accrued} for what was had, those after {before} → {after}"
    return (
        f"{invoices},"
        f" monthly recurring revenue {_rounded(total.monthly_before, total.currency)} →"
        f" {_rounded(total.monthly_after, total.currency)} ({sign}{change})"
    )


def _subscription(subscription: TouchedSubscription, *, moves: bool) -> str:
    at = subscription.next_invoice_at
    when = "no next invoice" if at is None else f"next invoice {instant(at)}"
    amount = f"{subscription.next_invoice}"
    following = f"{subscription.following}"
    if moves:
        following += f" → {subscription.following_if_moved}"
    if subscription.is_in_arrears:
        amount += f" for what was had, then {following}"
    else:
        amount = following
    invoice = subscription.invoice
    if invoice is not None and invoice.total != subscription.next_invoice:
        amount += f", in all {invoice.total}"
        amount += f" → {invoice.if_moved}" if moves else ""
    why = "" if subscription.refusal is None else f" ({subscription.refusal})"
    return f"{subscription.subscription_id}  {subscription.status}  {when}  {amount}{why}"


def _rounded(exact: Fraction, currency: str) -> Money:
    return Money(amount_minor=round_half_away(exact), currency=currency)
