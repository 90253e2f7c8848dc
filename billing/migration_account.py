"""A migration's accounts: who moves, who stays and why, and what it does to revenue (policy P33).

Owns the rehearsal of a migration. What it decides of one subscription is what is decided again when
its customer is told, by the same rule, so that what is applied equals what was rehearsed as long as
the world stays as it was; the digest tells whether it did. Does not own the rule for one
subscription (`billing.migrating`) nor the arithmetic of revenue (`billing.rehearsal`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from hashlib import blake2b
from typing import Self

from billing import migrating
from billing.actor import Actor
from billing.catalog import Trial
from billing.configuration import Configuration
from billing.errors import InvalidInput
from billing.interval import Interval
from billing.migration import (
    MigrationPhase,
    MigrationPlan,
    PriceVersion,
    SkippedCount,
    SkipReason,
)
from billing.money import Money
from billing.offer import Offer, price_as_sold, terms_of
from billing.price import Price
from billing.rehearsal import Effect, Rehearsal, Running, Tally, Total, months
from billing.subscription import SubscriptionState, Terms
from billing.upcoming import accrued_invoice
from billing.value import Instant, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A subscription at one of the old prices, with what is known of it beside its state."""

    state: SubscriptionState
    segment: str | None
    """Its customer's."""
    clock_at: datetime | None
    """Where its customer's test clock has arrived; None for live customers."""
    is_told_elsewhere: bool
    """Another migration has told it, or is about to."""
    accrued_at: tuple[Price, ...] = ()
    """The versions that the parts of `state.accrued` were sold at."""

    def present(self, machine_now: datetime) -> datetime:
        """What time it is for the subscription."""
        frozen_at = self.state.clock.frozen_at
        if frozen_at is None:
            return machine_now
        return frozen_at if self.clock_at is None else max(frozen_at, self.clock_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to become of one subscription."""

    candidate: Candidate
    target: Terms
    effect: Effect | None
    """None where it stays."""
    reason: SkipReason | None
    """None where it moves."""
    moves_at: datetime | None = None
    """The first renewal on or after both dates; None where it stays."""
    refusal: str | None = None
    """With `quantity`: what the new price says against it."""


class MigrationRehearsal(Value):
    """What a migration will do, before anybody is told."""

    migrates: int
    skipped: tuple[SkippedCount, ...]
    totals: tuple[Total, ...]
    """Next invoices and revenue of those that move, per currency."""
    digest: str
    """Of the plan and every decision: what is started with it does exactly that."""

    @property
    def stays(self) -> int:
        """How many are skipped in all."""
        return sum(each.subscriptions for each in self.skipped)


class AppliedGroup(Value):
    """What moved from one interval to another, in one currency."""

    currency: str
    old_interval: Interval
    new_interval: Interval
    subscriptions: int
    before_minor: int
    after_minor: int


class Applied(Value):
    """What a migration has changed in one currency, by the subscriptions that moved so far."""

    currency: str
    subscriptions: int
    invoices_before_minor: int
    invoices_after_minor: int
    monthly_before: Fraction
    monthly_after: Fraction

    @property
    def monthly_change(self) -> Fraction:
        """What became of monthly recurring revenue, in minor units, exactly."""
        return self.monthly_after - self.monthly_before

    @classmethod
    def of(cls, groups: Iterable[AppliedGroup]) -> tuple[Self, ...]:
        """Per currency, in the order of their codes."""
        known: dict[str, list[AppliedGroup]] = {}
        for group in groups:
            known.setdefault(group.currency, []).append(group)
        return tuple(cls._sum(currency, known[currency]) for currency in sorted(known))

    @classmethod
    def _sum(cls, currency: str, groups: list[AppliedGroup]) -> Self:
        return cls(
            currency=currency,
            subscriptions=sum(group.subscriptions for group in groups),
            invoices_before_minor=sum(group.before_minor for group in groups),
            invoices_after_minor=sum(group.after_minor for group in groups),
            monthly_before=sum(
                (group.before_minor / months(group.old_interval) for group in groups), Fraction(0)
            ),
            monthly_after=sum(
                (group.after_minor / months(group.new_interval) for group in groups), Fraction(0)
            ),
        )


class RecordedMigration(Value):
    """A migration as it was started, and where it stands."""

    plan: MigrationPlan
    rehearsal: MigrationRehearsal
    phase: MigrationPhase
    actor: Actor
    reason: str
    created_at: Instant
    finished_at: Instant | None = None

    @property
    def migration_id(self) -> str:
        """The plan's."""
        return self.plan.migration_id


class Decisions:
    """Decides about subscriptions, one at a time."""

    def __init__(
        self, plan: MigrationPlan, *, offer: Offer, sources: Mapping[PriceVersion, Price]
    ) -> None:
        """`offer` is what is moved to, and `sources` are the old prices."""
        self._plan = plan
        self._offer = offer
        self._sources = sources
        self._effects = {
            version: Rehearsal(old=price, new=offer.price) for version, price in sources.items()
        }
        self._targets: dict[tuple[str, int, Configuration, str | None, Trial | None], Terms] = {}

    def of(self, candidate: Candidate, *, now: datetime) -> Decision:
        """Whether it moves, and what that changes; `now` is the machine's present."""
        state = candidate.state
        target = self._target(state, candidate.segment)
        not_before = max(self._plan.migrates_at, candidate.present(now) + self._plan.notice)
        moves_at = migrating.moves_at(state, not_before)
        reason = migrating.unfitness(state, target, moves_at=moves_at)
        if reason is None and candidate.is_told_elsewhere:
            reason = SkipReason.OTHER_MIGRATION
        if reason is not None:
            return Decision(candidate=candidate, target=target, effect=None, reason=reason)
        accrued = self._accrued(candidate, moves_at)
        effect = self._effects[version_of(state.terms)].effect_on(_running(state, accrued))
        if effect.refusal is not None:
            return Decision(
                candidate=candidate,
                target=target,
                effect=None,
                reason=SkipReason.QUANTITY,
                refusal=effect.refusal,
            )
        return Decision(
            candidate=candidate, target=target, effect=effect, reason=None, moves_at=moves_at
        )

    def changed(self, candidate: Candidate) -> Decision:
        """Its customer has chosen another price since it was enrolled."""
        target = self._target(candidate.state, candidate.segment)
        return Decision(candidate=candidate, target=target, effect=None, reason=SkipReason.CHANGED)

    def _accrued(self, candidate: Candidate, moves_at: datetime | None) -> Money | None:
        """In arrears: what the renewal at which it moves still bills, at the old price."""
        state = candidate.state
        if not state.terms.is_in_arrears:
            return None
        if moves_at != state.running_period.end:
            return state.terms.period_amount
        known = {(price.id, price.version): price for price in candidate.accrued_at}
        known |= {(price.id, price.version): price for price in self._sources.values()}

        def price_of(terms: Terms) -> Price:
            return price_as_sold(known[terms.price_id, terms.price_version], terms)

        invoice = accrued_invoice(state, price_of=price_of)
        return Money.zero(state.terms.currency) if invoice is None else invoice.amount

    def _target(self, state: SubscriptionState, segment: str | None) -> Terms:
        """What it buys then; equal ones are made once.

        Terms in another currency than its own are a reason to stay (`SkipReason.CURRENCY`), and
        what is not sold in its configuration is refused by the rehearsal.
        """
        sold = state.terms
        key = sold.currency, sold.quantity, sold.configuration, segment, sold.trial
        known = self._targets.get(key)
        if known is None:
            currency, quantity, configuration, _, trial = key
            is_sold = currency in self._offer.price.currencies
            offer = self._offer.in_currency(currency) if is_sold else self._offer
            try:
                offer = offer.keeping(configuration)
            except InvalidInput:
                offer = offer.configured(offer.price.smallest_configuration)
            known = terms_of(offer, quantity=quantity, trial=trial, segment=segment)
            self._targets[key] = known
        return known


class Account:
    """Adds decisions up as they come, in the order of the subscriptions' ids."""

    def __init__(self, plan: MigrationPlan) -> None:
        self._tally = Tally()
        self._skipped: Counter[SkipReason] = Counter()
        self._migrates = 0
        self._digest = blake2b(digest_size=16)
        terms = plan.model_dump_json(include={"sources", "target", "migrates_at", "notice_days"})
        self._digest.update(terms.encode())

    def add(self, decision: Decision) -> None:
        """Counts one subscription."""
        state = decision.candidate.state
        if decision.effect is None or decision.reason is not None:
            reason = decision.reason or SkipReason.QUANTITY
            self._skipped[reason] += 1
            outcome = reason.value
        else:
            self._migrates += 1
            self._tally.add(decision.effect)
            after, before = decision.effect.after, decision.effect.before
            outcome = f"{decision.target.quantity} {before.amount_minor} {after.amount_minor}"
        self._digest.update(f"\n{state.subscription_id} {outcome}".encode())

    @property
    def rehearsal(self) -> MigrationRehearsal:
        """What all of it comes to."""
        return MigrationRehearsal(
            migrates=self._migrates,
            skipped=tuple(
                SkippedCount(reason=reason, subscriptions=self._skipped[reason])
                for reason in SkipReason
                if reason in self._skipped
            ),
            totals=self._tally.totals,
            digest=self._digest.hexdigest(),
        )


def check_replaceable(plan: MigrationPlan, *, offer: Offer, families: Mapping[str, str]) -> None:
    """Raises `InvalidInput` for a plan that can never be carried out.

    `families` are those of the old prices, by price id. Codes: `nothing_changes`,
    `different_family`, `price_not_recurring`.
    """
    offer.price.require_interval()
    if plan.target in plan.sources:
        raise InvalidInput("nothing_changes", f"{plan.target} cannot be moved to itself")
    for price_id, family in families.items():
        if family != offer.product.family:
            raise InvalidInput(
                "different_family",
                f"{offer.price.id} is of the family {offer.product.family!r} and {price_id} of"
                f" {family!r}: one does not replace the other",
            )


def version_of(terms: Terms) -> PriceVersion:
    """The price that was sold."""
    return PriceVersion(price_id=terms.price_id, version=terms.price_version)


def _running(state: SubscriptionState, accrued: Money | None) -> Running:
    return Running(
        subscription_id=state.subscription_id,
        customer_id=state.customer_id,
        status=state.status,
        price_id=state.terms.price_id,
        price_version=state.terms.price_version,
        currency=state.terms.currency,
        quantity=state.terms.quantity,
        configuration=state.terms.configuration,
        next_invoice_at=None if state.period is None else state.period.end,
        accrued=accrued,
    )
