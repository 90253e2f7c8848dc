"""Random lives of a subscription: whatever happens in whatever order, these things hold."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from billing import changing, closing, commands, giving_up, lifecycle, pausing, settlement
from billing.agenda import ActionKind, NextAction, agenda, next_action, overdue_boundary
from billing.billing_mode import BillingMode
from billing.catalog import (
    DisputeLost,
    PauseMode,
    PausePolicy,
    Product,
    ProrationMode,
    Trial,
    WithoutPaymentMethod,
)
from billing.credit_note import UnusedPart
from billing.discount import Coupon
from billing.dispute import DisputeState
from billing.dunning import DunningLadder, DunningPolicy, FinalAction
from billing.errors import Conflict, InvalidInput
from billing.interval import Interval, IntervalUnit
from billing.message import Message
from billing.offer import Offer
from billing.payment import CollectionOutcome
from billing.price_model import PriceModel
from billing.subscription import CommandName, EndReason, OpenInvoice, SubscriptionState
from billing.tax import Taxation
from tests.billing.beginnings import (
    anchored,
    at_model,
    bought_once,
    coupon_lists,
    named_amount,
    shapes,
    taxations,
)
from tests.billing.running import (
    CHALLENGE,
    NO_METHOD,
    PROCESSING,
    SOFT,
    STOLEN,
    YEAR,
    Running,
    offer,
)
from tests.billing.soundness import check_books, check_state, check_step

_BOUNDARIES = {
    ActionKind.CANCEL,
    ActionKind.CONVERT_TRIAL,
    ActionKind.RENEW,
    ActionKind.RESUME,
}

ENOUGH = 20
"""Steps before somebody may end it: most lives would be short otherwise."""
START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
ANCHOR = START - timedelta(days=100)
"""Of a parent."""
INTERVALS = [Interval(unit=unit) for unit in (IntervalUnit.WEEK, IntervalUnit.MONTH)] + [YEAR]

outcomes: st.SearchStrategy[CollectionOutcome | None] = st.sampled_from(
    [None, None, SOFT, STOLEN, CHALLENGE, PROCESSING, NO_METHOD]
)
mostly = st.sampled_from([True] * 9 + [False])
fractions = st.fractions(min_value=0, max_value=1, max_denominator=24)
products = st.builds(
    Product,
    id=st.just("team"),
    name=st.just("Team"),
    family=st.just("plan"),
    trial=st.none()
    | st.builds(
        Trial,
        days=st.integers(1, 40),
        without_payment_method=st.sampled_from(WithoutPaymentMethod),
    ),
    proration=st.sampled_from(ProrationMode),
    pause=st.none() | st.builds(PausePolicy, mode=st.sampled_from(PauseMode)),
    shorter_interval=st.booleans(),
    free_fallback=st.just("free"),
    dunning=st.builds(
        DunningPolicy,
        ladder=st.builds(DunningLadder, final_action=st.sampled_from(FinalAction)),
    ),
    dispute_lost=st.sampled_from(DisputeLost),
)


_NEWS = [news for news in DisputeState if news is not DisputeState.LOST] * 3 + [DisputeState.LOST]


def _elsewhere(unit_minor: int) -> dict[str, int]:
    """What a unit costs in dinars, as much in their thousandths, and in yen."""
    return {"KWD": unit_minor, "JPY": unit_minor * 3 // 2}


class Life(RuleBasedStateMachine):
    """One subscription; what is due is done on time, and anything else comes in between."""

    running: Running
    billing = BillingMode.IN_ADVANCE
    net_days: int | None = None

    @initialize(
        product=products,
        interval=st.sampled_from(INTERVALS),
        currency=st.sampled_from(["USD", "KWD", "JPY"]),
        quantity=st.integers(1, 9),
        is_ready=mostly,
        anchor=st.sampled_from(["own", "calendar", "parent"]),
        taxation=taxations,
        coupons=coupon_lists,
        once=st.none() | st.sampled_from([0, 500, 25_000]),
        model=shapes,
        first=st.sampled_from(["team", "team", "any"]),
        with_tax=st.booleans(),
        least=st.none() | st.integers(10, 5_000).map(lambda tens: tens * 10),
    )
    def begins(  # noqa: PLR0913 - what a life may begin with
        self,
        *,
        product: Product,
        interval: Interval,
        currency: str,
        quantity: int,
        is_ready: bool,
        anchor: str,
        taxation: Taxation,
        coupons: list[Coupon],
        once: int | None,
        model: PriceModel,
        least: int | None,
        first: str,
        with_tax: bool,
    ) -> None:
        product = _sold(anchored(product, anchor), self.billing)
        if anchor == "calendar" and interval.unit is IntervalUnit.WEEK:
            interval = YEAR
        catalog = self._catalog(product, interval, of_model=(model, least, with_tax))
        self.running = Running(
            *sorted(catalog, key=lambda sold: sold.price.id != first),
            start=START,
            quantity=quantity,
            is_ready=is_ready,
            currency=currency,
            coupons=tuple(coupons),
            taxation=taxation,
            first_items=() if once is None else (bought_once(once, currency, now=START),),
            anchored_at=ANCHOR if anchor == "parent" else None,
        )
        self.running.books.net_days = self.net_days
        self.running.until(START if is_ready else START - timedelta(days=1))
        self.checked = 0
        self.graces = 0
        self.told: dict[str, Message] = {}

    def _catalog(
        self, product: Product, interval: Interval, *, of_model: tuple[PriceModel, int | None, bool]
    ) -> tuple[Offer, ...]:
        model, least, with_tax = of_model
        units = {"team": 12_340, "business": 19_990}
        return (
            *(
                offer(
                    price_id,
                    unit,
                    product=product,
                    interval=interval,
                    also=_elsewhere(unit),
                    billing=self.billing,
                )
                for price_id, unit in units.items()
            ),
            offer("free", 0, product=product, interval=interval, also=_elsewhere(0)),
            offer(
                "annual",
                99_990,
                product=product,
                interval=YEAR,
                also=_elsewhere(99_990),
                billing=self.billing,
            ),
            *(
                offer(
                    price_id,
                    15_000,
                    product=product,
                    interval=each,
                    also=_elsewhere(15_000),
                    bounds=(2, 5, 8),
                    billing=self.billing,
                )
                for price_id, each in (("bulk", interval), ("bulk_annual", YEAR))
            ),
            *(
                at_model(
                    offer(price_id, 0, product=product, interval=each, billing=self.billing),
                    model,
                    least=least,
                    with_tax=with_tax,
                )
                for price_id, each in (("any", interval), ("any_annual", YEAR))
            ),
        )

    @property
    def state(self) -> SubscriptionState:
        return self.running.state

    @rule(part=fractions)
    def time_passes(self, part: Fraction) -> None:
        due = next_action(self.state)
        ahead = timedelta(days=3) if due is None else due.at - self.running.now
        self.running.now += max(ahead, timedelta(0)) * float(part)

    @rule(days=st.integers(0, 60), answers=st.lists(outcomes, max_size=8))
    def life_goes_on(self, days: int, answers: list[CollectionOutcome | None]) -> None:
        self.running.until(self.running.now + timedelta(days=days, hours=7), *answers)

    @precondition(lambda self: next_action(self.state) is not None)
    @rule(outcome=outcomes, has_method=mostly, is_free=mostly)
    def the_next_thing_happens(
        self, *, outcome: CollectionOutcome | None, has_method: bool, is_free: bool
    ) -> None:
        action = next_action(self.state)
        assert action is not None
        self.running.now = max(self.running.now, action.at)
        is_activation = action.kind is ActionKind.ACTIVATE and not self.state.open_invoices
        if is_activation and not is_free:
            self.running.hear(lambda s, now: lifecycle.ended(s, EndReason.FAMILY_TAKEN, now))
        elif action.kind is ActionKind.CONVERT_TRIAL and not has_method:
            self._without_method(action)
        else:
            self.running.perform(action, self._possible(action, outcome))

    def _possible(
        self, action: NextAction, outcome: CollectionOutcome | None
    ) -> CollectionOutcome | None:
        """What is voided may turn out to be on its way at a bank, if it was ever tried."""
        tried = any(invoice.attempts_made for invoice in self.state.open_invoices[:1])
        if action.kind is ActionKind.VOID_INVOICES and not tried:
            return SOFT
        return outcome

    def _without_method(self, action: NextAction) -> None:
        trial = self.state.terms.trial
        assert trial is not None
        match trial.without_payment_method:
            case WithoutPaymentMethod.CANCEL:
                self.running.hear(_ended_without_method)
            case WithoutPaymentMethod.PAUSE:
                self.running.hear(pausing.trial_paused)
            case WithoutPaymentMethod.INVOICE:
                self.running.perform(action, NO_METHOD)

    @rule()
    def the_checkout_is_completed(self) -> None:
        self.running.hear(lifecycle.checkout_completed)

    @rule()
    def the_payment_method_changes(self) -> None:
        self.running.hear(settlement.payment_method_changed)

    def _unfinished(self) -> list[OpenInvoice]:
        return [i for i in self.state.open_invoices if i.in_processing or i.action_url]

    @precondition(lambda self: bool(self._unfinished()))
    @rule()
    def the_gateway_has_news(self) -> None:
        invoice_id = self._unfinished()[0].invoice_id
        self.running.hear(lambda s, now: settlement.payment_news(s, invoice_id, now))

    @rule(taxation=taxations)
    def the_customer_moves(self, taxation: Taxation) -> None:
        self.running.taxation = taxation

    @rule(number=st.integers(1, 2), news=st.sampled_from(_NEWS))
    def a_bank_has_news(self, number: int, news: DisputeState) -> None:
        self.running.hear(lambda s, now: settlement.dispute_news(s, f"du_{number}", news, now))

    @rule(
        price_id=st.sampled_from(
            [
                None,
                None,
                "team",
                "business",
                "annual",
                "free",
                "bulk",
                "bulk_annual",
                "any",
                "any_annual",
            ]
        ),
        quantity=st.integers(1, 12),
        outcome=outcomes,
    )
    def somebody_changes(
        self, price_id: str | None, quantity: int, outcome: CollectionOutcome | None
    ) -> None:
        with self._command():
            self.running.change(price_id, quantity=quantity)
            change = self.state.change
            if change is not None:
                self.running.collect(change.invoice_id, outcome)

    @rule(minor=st.sampled_from([500, 25_000]), is_sold=st.booleans(), outcome=outcomes)
    def something_is_charged_once(
        self, minor: int, *, is_sold: bool, outcome: CollectionOutcome | None
    ) -> None:
        number = len(self.running.books.invoices) + 10
        currency, now = self.running.books.currency, self.running.now
        item = (
            bought_once(minor, currency, now=now, number=number)
            if is_sold
            else named_amount(minor // 20, currency, now=now, number=number)
        )
        with self._command():
            self.running.charge(item)
            charged = self.state.last_invoice_id
            if charged is not None and self.state.open_invoice(charged) is not None:
                self.running.collect(charged, outcome)

    @rule(days=st.integers(1, 90))
    def somebody_pauses(self, days: int) -> None:
        with self._command():
            self.running.pause(self.running.now + timedelta(days=days))

    @rule()
    def somebody_resumes(self) -> None:
        with self._command():
            self.running.resume()

    @precondition(lambda self: len(self.running.steps) > ENOUGH)
    @rule(unused=st.sampled_from(UnusedPart))
    def somebody_cancels_now(self, unused: UnusedPart) -> None:
        with self._command():
            self.running.cancel_now(unused)

    @rule(days=st.integers(-1, 100))
    def an_operator_extends_the_grace(self, days: int) -> None:
        def extended(state: SubscriptionState, now: datetime) -> SubscriptionState:
            commands.check_command(state, CommandName.EXTEND_GRACE)
            return giving_up.grace_extended(state, now + timedelta(days=days), now)

        self._commands(extended)
        self.graces += 1

    @rule(
        number=st.integers(0, 2),
        give_up=st.sampled_from([closing.invoice_waived, closing.invoice_uncollectible]),
    )
    def an_operator_gives_up(
        self, number: int, give_up: Callable[[SubscriptionState, str], SubscriptionState]
    ) -> None:
        def given_up(state: SubscriptionState, _: datetime) -> SubscriptionState:
            commands.check_command(state, CommandName.WAIVE_INVOICE)
            known = [invoice.invoice_id for invoice in state.open_invoices]
            return give_up(state, [*known, "in_1", "in_2", "in_3"][number])

        self._commands(given_up)

    @rule(present=st.booleans())
    def somebody_pays(self, *, present: bool) -> None:
        def paying(state: SubscriptionState, now: datetime) -> SubscriptionState:
            commands.check_command(state, CommandName.PAY_NOW)
            return settlement.pay_now(state, now, customer_present=present)

        self._commands(paying)

    @rule(number=st.integers(0, 1), share=st.sampled_from(["1/3", "1", "5/4", "-20"]))
    def a_transfer_comes(self, number: int, share: str) -> None:
        """A part of what is owed, all of it, more, or all but for some minor units."""
        if len(self.state.open_invoices) <= number:
            return
        invoice = self.state.open_invoices[number]
        owed, part = invoice.amount.amount_minor, Fraction(share)
        minor = int(owed * part) if part > 0 else owed + int(part)
        with self._command():
            self.running.receive(invoice.invoice_id, max(minor, 1))

    @rule(days=st.integers(-1, 800))
    def an_operator_extends_the_trial(self, days: int) -> None:
        end = timedelta(days=days)
        self._commands(lambda s, now: commands.trial_extended(s, now + end, now))

    @rule(
        command=st.sampled_from(
            [commands.cancel_at_period_end, commands.cancel_undone, changing.change_undone]
        )
    )
    def somebody_commands(
        self, command: Callable[[SubscriptionState, datetime], SubscriptionState]
    ) -> None:
        self._commands(command)

    def _commands(self, change: Callable[[SubscriptionState, datetime], SubscriptionState]) -> None:
        with self._command():
            self.running.command(change)

    @contextmanager
    def _command(self) -> Iterator[None]:
        """A refused command has changed nothing, in the state or in the books."""
        self.running.catch_up()
        before, booked = self.state, len(self.running.books.entries)
        try:
            yield
        except (Conflict, InvalidInput):
            assert self.state == before
            assert len(self.running.books.entries) == booked
        else:
            assert not before.has_ended or before.legal_commands

    @invariant()
    def every_step_is_sound(self) -> None:
        for before, after in self.running.steps[self.checked :]:
            check_step(before, after)
        self.checked = len(self.running.steps)

    @invariant()
    def the_state_is_sound(self) -> None:
        check_state(self.running)

    @invariant()
    def a_boundary_is_overdue_from_when_the_agenda_has_it(self) -> None:
        ahead = agenda(self.state)
        for at in (action.at for action in ahead):
            for now in (at - timedelta(microseconds=1), at):
                over = any(each.kind in _BOUNDARIES and each.at <= now for each in ahead)
                assert overdue_boundary(self.state, now) == over

    @invariant()
    def the_books_are_sound(self) -> None:
        check_books(self.running)

    @invariant()
    def a_key_tells_one_thing(self) -> None:
        for message in self.running.messages:
            first = self.told.setdefault(message.key, message)
            assert first == message.model_copy(update={"at": first.at})

    @invariant()
    def every_attempt_counts_once_and_the_ladder_holds(self) -> None:
        for invoice in self.state.open_invoices:
            assert invoice.rungs_used <= invoice.attempts_made
            assert invoice.rungs_used <= self.state.terms.dunning.attempts + self.graces


def _ended_without_method(state: SubscriptionState, now: datetime) -> SubscriptionState:
    return lifecycle.ended_with_message(state, EndReason.NO_PAYMENT_METHOD, now)


def _sold(product: Product, billing: BillingMode) -> Product:
    """As the catalog allows it: in arrears, no pause is `void`."""
    is_void = product.pause is not None and product.pause.mode is PauseMode.VOID
    if billing is BillingMode.IN_ADVANCE or not is_void:
        return product
    return product.model_copy(update={"pause": PausePolicy(mode=PauseMode.KEEP_ANCHOR)})


class LifeInArrears(Life):
    """The same, of what is billed once it was had."""

    billing = BillingMode.IN_ARREARS


class LifeOnTerms(Life):
    """The same, of a customer who has net terms now and then (policy P22)."""

    net_days = 14

    @rule(days=st.none() | st.integers(1, 60))
    def the_terms_change(self, days: int | None) -> None:
        self.running.books.net_days = days

    @invariant()
    def nothing_is_tried_by_itself(self) -> None:
        for invoice in self.state.open_invoices:
            is_asked = invoice.is_extra_attempt or invoice.in_processing
            assert not invoice.is_sent or invoice.next_attempt_at is None or is_asked
            assert not invoice.is_sent or not invoice.rungs_used


TestLifeOnTerms = LifeOnTerms.TestCase
TestLifeOnTerms.settings = settings(
    max_examples=int(os.environ.get("PERENNIAL_WALKS", "20")) // 4,
    stateful_step_count=40,
    deadline=None,
)

TestLifeInArrears = LifeInArrears.TestCase
TestLifeInArrears.settings = settings(
    max_examples=int(os.environ.get("PERENNIAL_WALKS", "20")) // 2,
    stateful_step_count=40,
    deadline=None,
)

TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=int(os.environ.get("PERENNIAL_WALKS", "20")),
    stateful_step_count=40,
    deadline=None,
)
