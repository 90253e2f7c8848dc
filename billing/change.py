"""A change of what a subscription buys: which kind it is, when it happens and what it costs.

Owns the classification of changes, their plans and the reasons to refuse one (policy P11-P16).
One plan is made for a preview and for the change itself, so that both say the same. Does not own
what a change does to the state (`billing.changing`) nor quotes (`billing.quote`).
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Final, assert_never

from billing import accrual
from billing.assessment import Assessment, assessed
from billing.configuration import Configuration
from billing.discount import DiscountUse
from billing.errors import Conflict, InvalidInput
from billing.first_period import (
    first_period,
    first_share,
    is_anchored_anew,
    running_whole_period,
)
from billing.interval import Interval, IntervalUnit
from billing.invoice import InvoiceLine, carried_over, describe_line
from billing.money import Money
from billing.period import Period
from billing.price import Price
from billing.pricing import charge_for, charge_for_more, rounded
from billing.proration import Debit, credit_for, share
from billing.subscription import SubscriptionState, SubscriptionStatus, Terms
from billing.tax import LineTax, TaxTreatment
from billing.tax_reversal import tax_of_credit
from billing.value import Instant, Value

_NO_DELAY: Final = timedelta(0)
_WHOLE: Final = Fraction(1)


class ChangeKind(StrEnum):
    """What a change does, which decides when it happens and how it is paid."""

    INCREASE = "increase"
    """More quantity of the same price: immediate, paid first."""
    UPGRADE = "upgrade"
    """Another price that costs as much or more for the same time, or as many units of the same
    product for longer: immediate, paid first. In arrears nothing is to be paid; another interval
    begins with the next period there."""
    DECREASE = "decrease"
    """Less: at the period's end, without credit."""


class ChangeRequest(Value):
    """What is asked for: another price, a quantity, or so many more or fewer than now."""

    price_id: str | None = None
    """None for the price that the subscription has, in its own version (policy P33)."""
    quantity: int | None = None
    quantity_change: int | None = None
    configuration: Configuration | None = None
    """None for the one that it has, as far as the price depends on it."""

    def quantity_from(self, current: int) -> int:
        """The quantity wanted. Raises `InvalidInput` (`quantity_given_twice`)."""
        if self.quantity is not None and self.quantity_change is not None:
            raise InvalidInput("quantity_given_twice", "give `quantity` or `quantity_change`")
        if self.quantity is not None:
            return self.quantity
        return current + (self.quantity_change or 0)


class PlannedChange(Value):
    """What will be sold instead, when and for how much."""

    kind: ChangeKind
    target: Terms
    at: Instant
    """When it takes effect if it is done now; the lines are computed for this instant."""
    period: Period
    """The period that is running once it took effect."""
    starts_period: bool
    """A new period begins with the change, and with it a new anchor (policy P15)."""
    lines: tuple[InvoiceLine, ...] = ()
    """With their discounts and taxes."""
    total: Money
    """The sum of the lines, less discounts, with tax."""
    uses: tuple[DiscountUse, ...] = ()
    """What it takes of the subscription's discounts."""
    migrates_to: Terms | None = None
    """What a migration that was announced moves to once this is in force (policy P33)."""

    @property
    def carried(self) -> tuple[InvoiceLine, ...]:
        """What cannot be collected now and comes on the next invoice (policy P5, P6)."""
        over = carried_over(self.total, of=self.lines[-1]) if self.lines else None
        return () if over is None else (over,)

    @property
    def is_deferred(self) -> bool:
        """Whether it waits for the period's end; in a trial, nothing does."""
        return self.at == self.period.end


def plan_change(
    state: SubscriptionState,
    *,
    target: Terms,
    current_price: Price,
    target_price: Price,
    debits: Sequence[Debit],
    at: datetime,
    treatment: TaxTreatment | None = None,
) -> PlannedChange:
    """The plan of replacing what `state` buys by `target` at the instant `at`.

    `treatment` is how the target is taxed; what is given back has the tax of what was charged.
    Raises `InvalidInput` (`currency_mismatch`, `different_family`, `nothing_changes`) and
    `Conflict` (`interval_downgrade_not_allowed`, `pending_change_exists`, `past_due`,
    `payment_pending`, `change_in_progress`, `parent_ends`, `command_not_allowed`,
    `billing_differs`, `too_many_changes`).
    """
    kind = classify(state.terms, target)
    waits = kind is ChangeKind.DECREASE or _begins_with_a_period(state.terms, target)
    check_allowed(state, ChangeKind.DECREASE if waits else kind)
    if kind is not ChangeKind.DECREASE:
        _refuse_past_due(state)
    _refuse_mixed_billing(state, target)
    if kind is ChangeKind.DECREASE and not _shortens_legally(state.terms, target):
        raise Conflict(
            "interval_downgrade_not_allowed",
            f"{state.terms.product_name} cannot be changed from {state.terms.interval}"
            f" to {target.interval}",
        )
    running = state.running_period
    if state.status is SubscriptionStatus.TRIALING or waits:
        when = at if state.status is SubscriptionStatus.TRIALING else running.end
        return _free(kind, target, when, running)
    if state.terms.is_in_arrears and state.terms.costs:
        accrual.check_room(state)
        return _free(kind, target, at, running)
    if _starts_period(state.terms, target):
        return _new_period(kind, state, target, target_price, debits, at, treatment)
    return _same_period(kind, state, target, current_price, target_price, debits, at, treatment)


def classify(current: Terms, target: Terms) -> ChangeKind:
    """More or less; raises `InvalidInput` for what is not a change of this subscription."""
    if target.currency != current.currency:
        raise InvalidInput("currency_mismatch", f"the subscription is billed in {current.currency}")
    if target.family != current.family:
        raise InvalidInput(
            "different_family",
            f"{target.product_name} does not replace {current.product_name}:"
            " start another subscription",
        )
    same_price = _price_key(current) == _price_key(target)
    if same_price and target.quantity == current.quantity:
        raise InvalidInput("nothing_changes", "the subscription is like that already")
    if same_price:
        more = target.quantity > current.quantity
        return ChangeKind.INCREASE if more else ChangeKind.DECREASE
    if current.period_amount.amount_minor == 0:
        return ChangeKind.UPGRADE
    if _shortens(current, target) and target.period_amount.amount_minor > 0:
        return ChangeKind.DECREASE
    is_more = _costs_as_much(current, target) or _is_the_same_for_longer(current, target)
    return ChangeKind.UPGRADE if is_more else ChangeKind.DECREASE


def _shortens(current: Terms, target: Terms) -> bool:
    return _typical_length(target.require_interval()) < _typical_length(current.require_interval())


def _costs_as_much(current: Terms, target: Terms) -> bool:
    """At list prices and for the same time, whatever is unused at this moment (ADR 0031)."""
    return _rate(target) >= _rate(current)


def _rate(terms: Terms) -> Fraction:
    return terms.period_amount.amount_minor / _typical_length(terms.require_interval())


def _is_the_same_for_longer(current: Terms, target: Terms) -> bool:
    """As many units of the same product or more, cheaper because they are paid for longer (P15)."""
    is_same = (target.product_id, target.configuration) == (
        current.product_id,
        current.configuration,
    )
    return (
        is_same
        and _typical_length(target.require_interval()) > _typical_length(current.require_interval())
        and target.quantity >= current.quantity
        and target.period_amount.amount_minor >= current.period_amount.amount_minor
    )


def check_allowed(state: SubscriptionState, kind: ChangeKind) -> None:
    """Raises `Conflict` where a change of this kind has to wait for something else."""
    if state.change is not None:
        raise Conflict("change_in_progress", "a change of the subscription is being paid for")
    if state.status is SubscriptionStatus.TRIALING:
        return
    pending = state.pending_change is not None or state.cancellation is not None
    match kind:
        case ChangeKind.DECREASE:
            if pending:
                raise Conflict("pending_change_exists", "undo the pending change first")
        case ChangeKind.INCREASE | ChangeKind.UPGRADE:
            if state.parent_end is not None:
                raise Conflict("parent_ends", "the subscription that it belongs to ends: undo that")
            _refuse_past_due(state)
            if any(not (i.is_sent or i.is_left_over) for i in state.open_invoices):
                raise Conflict("payment_pending", "an invoice is being collected: try again later")
            if kind is ChangeKind.INCREASE and pending:
                raise Conflict("pending_change_exists", "undo the pending change first")
        case _:
            assert_never(kind)


def _refuse_past_due(state: SubscriptionState) -> None:
    """Nothing is increased while something is owed, at the period's end either (policy P20)."""
    if state.status is SubscriptionStatus.PAST_DUE:
        raise Conflict("past_due", "pay the open invoice first")


def _shortens_legally(current: Terms, target: Terms) -> bool:
    return (
        not _shortens(current, target)
        or target.period_amount.amount_minor == 0
        or current.shorter_interval
    )


def _starts_period(current: Terms, target: Terms) -> bool:
    return is_anchored_anew(current, target) or current.period_amount.amount_minor == 0


def _begins_with_a_period(current: Terms, target: Terms) -> bool:
    """Another interval in arrears: nothing is unused that would be given back (ADR 0032)."""
    return current.is_in_arrears and current.costs and is_anchored_anew(current, target)


def _refuse_mixed_billing(state: SubscriptionState, target: Terms) -> None:
    """Half of a period is never paid in advance and the other in arrears."""
    current = state.terms
    if state.status is SubscriptionStatus.TRIALING or not (current.costs and target.costs):
        return
    if current.billing is not target.billing:
        raise Conflict(
            "billing_differs",
            f"{current.product_name} is billed {current.billing.replace('_', ' ')} and"
            f" {target.product_name} {target.billing.replace('_', ' ')}: let it end with its"
            " period, and start the other one then",
        )


def _free(kind: ChangeKind, target: Terms, at: datetime, running: Period) -> PlannedChange:
    return PlannedChange(
        kind=kind,
        target=target,
        at=at,
        period=running,
        starts_period=False,
        total=Money.zero(target.currency),
    )


def _new_period(
    kind: ChangeKind,
    state: SubscriptionState,
    target: Terms,
    price: Price,
    debits: Sequence[Debit],
    at: datetime,
    treatment: TaxTreatment | None,
) -> PlannedChange:
    """The new price from now on; the unused part of the old one is given back (P15)."""
    period, share_of = first_period(target, at), first_share(target, at)
    ahead = () if target.is_in_arrears else (_line(target, price, period, share_of=share_of),)
    lines = (*_credits(state, debits, at), *ahead)
    by = _assessment(state, price, treatment, number=(state.period_number or 0) + 1)
    return _paid_now(kind, target, at, period, lines, by, starts_period=True)


def _same_period(
    kind: ChangeKind,
    state: SubscriptionState,
    target: Terms,
    current_price: Price,
    target_price: Price,
    debits: Sequence[Debit],
    at: datetime,
    treatment: TaxTreatment | None,
) -> PlannedChange:
    """What is left of the running period, at the difference or at the new price (policy P13).

    Where more units cost less in all, the difference would be given back of no debit in particular:
    as with another price, what was paid is credited, and the whole quantity charged anew.
    """
    running = state.running_period
    rest = Period(start=at, end=running.end)
    left = share(rest, running_whole_period(state), state.terms.proration)
    number = state.period_number or 0
    if kind is ChangeKind.INCREASE:
        added = _added(state.terms, target, current_price, rest, left)
        if added.amount.amount_minor >= 0:
            by = _assessment(state, current_price, treatment, number=number, again=Fraction(0))
            return _paid_now(kind, target, at, running, (added,), by, starts_period=False)
    lines = (*_credits(state, debits, at), _line(target, target_price, rest, share_of=left))
    by = _assessment(state, target_price, treatment, number=number, again=left)
    return _paid_now(kind, target, at, running, lines, by, starts_period=False)


def _assessment(
    state: SubscriptionState,
    price: Price,
    treatment: TaxTreatment | None,
    *,
    number: int,
    again: Fraction = _WHOLE,
) -> Assessment:
    """An amount off the running period is given back with what it discounted, and so comes again.

    It comes for the time that is left; where nothing is given back, it does not (policy P3).
    """
    return Assessment(
        product_id=price.product_id,
        discounts=state.discounts,
        period_number=number,
        again=again,
        treatment=treatment,
        tax_inclusive=price.tax_inclusive,
    )


def _paid_now(
    kind: ChangeKind,
    target: Terms,
    at: datetime,
    period: Period,
    lines: Sequence[InvoiceLine],
    by: Assessment,
    *,
    starts_period: bool,
) -> PlannedChange:
    charge = assessed(lines, by)
    return PlannedChange(
        kind=kind,
        target=target,
        at=at,
        period=period,
        starts_period=starts_period,
        lines=charge.lines,
        total=sum((line.total for line in charge.lines), Money.zero(target.currency)),
        uses=charge.uses,
    )


def _credits(
    state: SubscriptionState, debits: Sequence[Debit], at: datetime
) -> Iterator[InvoiceLine]:
    for debit in unused(state, debits, at):
        rest = Period(start=at, end=debit.period.end)
        amount = credit_for(debit, rest, state.terms.proration)
        if debit.is_disputed:
            if amount.amount_minor and state.open_disputes:
                raise Conflict(
                    "charge_disputed",
                    "the payment for what would be given back is disputed: wait for the bank",
                )
            continue  # the bank took it back: nothing of it is paid
        if amount.amount_minor:
            yield InvoiceLine(
                description=f"Unused time of {debit.description}",
                price_id=debit.price_id,
                price_version=debit.price_version,
                quantity=debit.quantity,
                period=rest,
                amount=-amount,
                credits=debit.ref,
                tax=_given_back(tax_of_credit(debit, amount)),
            )


def _given_back(tax: LineTax | None) -> LineTax | None:
    return None if tax is None else tax.with_amount(-tax.amount.amount_minor)


def unused(state: SubscriptionState, debits: Sequence[Debit], at: datetime) -> Iterator[Debit]:
    """The debits that reach beyond `at`, each where the pauses since it was made have moved it."""
    for debit in debits:
        moved = debit.extended(_delay(state, debit))
        if not moved.is_closed and moved.period.end > at:
            yield moved


def _delay(state: SubscriptionState, debit: Debit) -> timedelta:
    """What was charged for the running period ended with it; pauses have moved its end since."""
    if state.period is None:
        return _NO_DELAY
    delay = state.period.end - debit.period.end
    return delay if _NO_DELAY < delay <= state.extension else _NO_DELAY


def _line(target: Terms, price: Price, period: Period, *, share_of: Fraction) -> InvoiceLine:
    charged = charge_for(price, target.quantity, share=share_of)
    return InvoiceLine(
        description=describe_line(
            price, product_name=target.product_name, quantity=target.quantity
        ),
        price_id=price.id,
        price_version=price.version,
        quantity=target.quantity,
        period=period,
        amount=rounded(charged),
        explanation=charged,
    )


def _added(
    current: Terms, target: Terms, price: Price, rest: Period, left: Fraction
) -> InvoiceLine:
    """The difference of two quantities, rounded once: what was bought before stays as it is."""
    added = target.quantity - current.quantity
    charged = charge_for_more(price, held=current.quantity, wanted=target.quantity, share=left)
    units = price.unit_name if added == 1 else f"{price.unit_name}s"
    return InvoiceLine(
        description=f"{target.product_name}, {added} more {units}",
        price_id=price.id,
        price_version=price.version,
        quantity=added,
        period=rest,
        amount=rounded(charged),
        explanation=charged,
    )


def _price_key(terms: Terms) -> tuple[str, int, Configuration]:
    """In another configuration it is another price."""
    return terms.price_id, terms.price_version, terms.configuration


_DAYS: Final[dict[IntervalUnit, Fraction]] = {
    IntervalUnit.DAY: Fraction(1),
    IntervalUnit.WEEK: Fraction(7),
    IntervalUnit.MONTH: Fraction(1461, 48),
    IntervalUnit.YEAR: Fraction(1461, 4),
}


def _typical_length(interval: Interval) -> Fraction:
    """Comparable lengths: twelve months are one year."""
    return _DAYS[interval.unit] * interval.count
