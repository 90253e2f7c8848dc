"""What another price would do to running subscriptions, worked out before anybody is asked.

Owns the comparison of one subscription's next invoice and monthly revenue before and after, and
their sums. Everything is exact until it is shown. Does not own which subscriptions are looked at,
who stays at the old price and why (policy P33), nor reading or doing anything.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from fractions import Fraction
from functools import lru_cache
from typing import Final, assert_never

from billing.configuration import PLAIN, Configuration
from billing.errors import InvalidInput
from billing.interval import Interval, IntervalUnit
from billing.money import Money
from billing.price import Price
from billing.pricing import check_quantity, price_of
from billing.subscription import SubscriptionStatus
from billing.value import Value

DAYS_PER_MONTH: Final = Fraction(146_097, 4_800)
"""A month of the calendar on average: 400 years have 146,097 days."""

_NONE: Final = Fraction(0)

EARNING: Final = frozenset({SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE})
"""Statuses that count as recurring revenue: a trial is no revenue yet, a rest is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A subscription that has not ended, as far as its price matters."""

    subscription_id: str
    customer_id: str
    status: SubscriptionStatus
    price_id: str
    price_version: int
    currency: str
    quantity: int
    configuration: Configuration = PLAIN
    next_invoice_at: datetime | None
    """When its next period begins; None where none does: it is canceled by then, or rests. In
    arrears when it is billed next, also at its end."""
    accrued: Money | None = None
    """In arrears: what its next invoice bills of time that was had, at the prices that it was had
    at; of one that moves, the renewal at which it does. None where it is paid in advance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One subscription at the old price and at the new one."""

    subscription: Running
    before: Money
    """What a whole period costs; in advance, its next invoice is for that."""
    after: Money
    monthly_before: Fraction
    """Minor units of recurring revenue per month; zero where it earns none."""
    monthly_after: Fraction
    refusal: str | None = None
    """Why the new price is not sold in its currency, quantity or configuration: it stays then."""

    @property
    def monthly_change(self) -> Fraction:
        """What the new price adds to a month, in minor units; negative where it takes away."""
        return self.monthly_after - self.monthly_before

    @property
    def next_before(self) -> Money:
        """What its next invoice is for: a whole period, or in arrears what was had until then."""
        accrued = self.subscription.accrued
        return self.before if accrued is None else accrued

    @property
    def next_after(self) -> Money:
        """The same if it moves with it: in arrears that is still for the time before."""
        accrued = self.subscription.accrued
        return self.after if accrued is None else accrued


class Total(Value):
    """The effects of one currency together; revenue is in minor units per month, exactly."""

    currency: str
    subscriptions: int
    dearer: int
    cheaper: int
    refused: int
    next_invoices_before_minor: int
    """For whole periods; in arrears those after the next boundary."""
    next_invoices_after_minor: int
    accrued_minor: int | None = None
    """In arrears: what is invoiced first, at the old price either way, for time that was had."""
    monthly_before: Fraction
    monthly_after: Fraction

    @property
    def monthly_change(self) -> Fraction:
        """What becomes of monthly recurring revenue."""
        return self.monthly_after - self.monthly_before


@dataclass(slots=True)
class _Sums:
    """What is known of a currency so far; counted in place, as there are tens of thousands."""

    subscriptions: int = 0
    dearer: int = 0
    cheaper: int = 0
    refused: int = 0
    next_invoices_before_minor: int = 0
    next_invoices_after_minor: int = 0
    accrued_minor: int | None = None
    monthly_before: Fraction = _NONE
    monthly_after: Fraction = _NONE


class Tally:
    """Adds effects up as they come; nothing is kept of them, however many they are."""

    def __init__(self) -> None:
        self._sums: dict[str, _Sums] = {}

    def add(self, effect: Effect) -> None:
        """Counts one subscription."""
        before, after = effect.before.amount_minor, effect.after.amount_minor
        sums = self._sums.get(effect.before.currency)
        if sums is None:
            sums = self._sums[effect.before.currency] = _Sums()
        sums.subscriptions += 1
        sums.dearer += after > before
        sums.cheaper += after < before
        sums.refused += effect.refusal is not None
        if effect.subscription.next_invoice_at is not None:
            sums.next_invoices_before_minor += before
            sums.next_invoices_after_minor += after
            accrued = effect.subscription.accrued
            if accrued is not None:
                sums.accrued_minor = (sums.accrued_minor or 0) + accrued.amount_minor
        sums.monthly_before += effect.monthly_before
        sums.monthly_after += effect.monthly_after

    @property
    def totals(self) -> tuple[Total, ...]:
        """Per currency, in the order of their codes."""
        return tuple(
            Total.model_validate({"currency": currency, **asdict(self._sums[currency])})
            for currency in sorted(self._sums)
        )


class Rehearsal:
    """The effect of replacing one price by another, for any number of subscriptions.

    Each is compared in its own currency. Equal quantities are computed once: of 79,000
    subscriptions few differ in what they cost.
    """

    def __init__(self, *, old: Price, new: Price) -> None:
        self._old, self._new = old, new
        self._compared = lru_cache(maxsize=100_000)(self._compare)

    def effect_on(self, subscription: Running) -> Effect:
        """What the new price would cost it; where it is not sold so, it stays as it is."""
        compared = self._compared(
            subscription.quantity, subscription.currency, subscription.configuration
        )
        earns = subscription.status in EARNING
        return Effect(
            subscription=subscription,
            before=compared.before,
            after=compared.after,
            monthly_before=compared.monthly_before if earns else _NONE,
            monthly_after=compared.monthly_after if earns else _NONE,
            refusal=compared.refusal,
        )

    def _compare(self, quantity: int, currency: str, configuration: Configuration) -> "_Compared":
        old = self._old.in_currency(currency).configured(configuration)
        before = after = price_of(old, quantity)
        was = interval = self._old.require_interval()
        refusal = None
        try:
            new = self._new.in_currency(currency).keeping(configuration)
            check_quantity(new, quantity)
            after, interval = price_of(new, quantity), new.require_interval()
        except InvalidInput as refused:
            refusal = refused.message
        return _Compared(
            before=before,
            after=after,
            monthly_before=monthly(before, was),
            monthly_after=monthly(after, interval),
            refusal=refusal,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    """What a quantity costs at both prices."""

    before: Money
    after: Money
    monthly_before: Fraction
    monthly_after: Fraction
    refusal: str | None


def monthly(amount: Money, interval: Interval) -> Fraction:
    """Minor units per month of an amount that recurs every interval, exactly."""
    return Fraction(amount.amount_minor) / months(interval)


def months(interval: Interval) -> Fraction:
    """The interval's length in months: exact for months and years, on average for days."""
    match interval.unit:
        case IntervalUnit.DAY:
            return interval.count / DAYS_PER_MONTH
        case IntervalUnit.WEEK:
            return 7 * interval.count / DAYS_PER_MONTH
        case IntervalUnit.MONTH:
            return Fraction(interval.count)
        case IntervalUnit.YEAR:
            return Fraction(12 * interval.count)
        case _:
            assert_never(interval.unit)
