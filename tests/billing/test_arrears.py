"""What is billed once it was had: whole lives in arrears, and what each step of them owes."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing import closing, commands, lifecycle, migrating, settlement
from billing.accrual import MOST_PARTS
from billing.agenda import ActionKind, agenda, next_action
from billing.billing_mode import BillingMode
from billing.catalog import AnchorKind, PauseMode, PausePolicy, Product, ProrationMode, Trial
from billing.credit_note import UnusedPart
from billing.discount import Coupon, CouponDuration
from billing.dispute import DisputeState
from billing.dunning import DunningLadder, DunningPolicy, FinalAction
from billing.errors import Conflict, InvalidInput
from billing.interval import Interval, IntervalUnit
from billing.invoice import InvoiceLine
from billing.migration import SkipReason
from billing.money import Money, round_half_away
from billing.offer import Offer, terms_of
from billing.payment import CollectionOutcome
from billing.period import Period
from billing.subscription import ChangeResult, CommandName, SubscriptionState
from billing.tax import Taxation, TaxTreatment
from billing.upcoming import accrued_invoice
from tests.billing.running import CHALLENGE, PROCESSING, SOFT, STOLEN, YEAR, Running, at, offer
from tests.billing.soundness import check_books, check_state, check_step

START = "2026-04-01"
ARREARS = BillingMode.IN_ARREARS


def cloud(
    *,
    final_action: FinalAction = FinalAction.CANCEL,
    pause: PauseMode | None = None,
    proration: ProrationMode = ProrationMode.BY_SECOND,
    anchor: AnchorKind = AnchorKind.ANNIVERSARY,
    trial: Trial | None = None,
) -> Product:
    return Product(
        id="cloud",
        name="Cloud",
        family="plan",
        trial=trial,
        proration=proration,
        anchor=anchor,
        pause=None if pause is None else PausePolicy(mode=pause),
        shorter_interval=True,
        free_fallback="free",
        dunning=DunningPolicy(ladder=DunningLadder(final_action=final_action)),
    )


def catalog(product: Product) -> tuple[Offer, ...]:
    """At $16.00 and $24.00 a seat and month in arrears, both by the year, free, and in advance."""
    return (
        offer("cloud", 1600, product=product, billing=ARREARS),
        offer("business", 2400, product=product, billing=ARREARS),
        offer("annual", 18000, product=product, interval=YEAR, billing=ARREARS),
        offer("free", 0, product=product),
        offer("ahead", 9900, product=product),
    )


def april(product: Product | None = None, *, seats: int = 5, start: str = START) -> Running:
    running = Running(*catalog(product or cloud()), start=at(start), quantity=seats)
    running.until(start)
    return running


def bills(running: Running) -> list[tuple[str, int, str]]:
    """When each invoice was made, what it came to, and what became of it."""
    return [
        (f"{each.draft.finalized_at:%m-%d}", each.draft.total.amount_minor, each.status.value)
        for each in running.books.invoices.values()
    ]


def lines(running: Running) -> list[tuple[str, str, int]]:
    """The time and the amount of every line."""
    return [
        (f"{line.period.start:%m-%d}", f"{line.period.end:%m-%d}", line.amount.amount_minor)
        for each in running.books.invoices.values()
        for line in each.draft.lines
    ]


def test_nothing_is_owed_at_the_start_and_each_period_is_billed_when_it_is_over() -> None:
    running = april()
    assert (running.status, bills(running)) == ("active", [])
    assert running.state.last_invoice_id is None
    running.until("2026-07-01")
    assert bills(running) == [
        ("05-01", 8000, "paid"),
        ("06-01", 8000, "paid"),
        ("07-01", 8000, "paid"),
    ]
    assert lines(running)[:2] == [("04-01", "05-01", 8000), ("05-01", "06-01", 8000)]


def test_a_trial_converts_without_a_charge_and_the_clock_goes_on() -> None:
    running = april(cloud(trial=Trial(days=14)))
    running.until("2026-04-15")
    assert (running.status, bills(running)) == ("active", [])
    running.until("2026-05-15")
    assert lines(running) == [("04-15", "05-15", 8000)]


@pytest.mark.parametrize(
    ("anchor", "bills_at", "minor"),
    [(AnchorKind.ANNIVERSARY, "2026-05-15", 8000), (AnchorKind.CALENDAR, "2026-05-01", 4267)],
)
def test_the_next_invoice_of_a_trial_is_that_of_the_period_after_it(
    anchor: AnchorKind, bills_at: str, minor: int
) -> None:
    running = april(cloud(trial=Trial(days=14), anchor=anchor))
    foreseen = accrued_invoice(running.state, price_of=running.price_of)
    assert foreseen is not None
    assert (foreseen.at, foreseen.amount.amount_minor) == (at(bills_at), minor)
    running.until(bills_at)
    assert [each.draft.total for each in running.books.invoices.values()] == [foreseen.amount]


def test_a_calendar_anchor_bills_the_first_days_on_the_first() -> None:
    product = cloud(anchor=AnchorKind.CALENDAR, proration=ProrationMode.DAY_INCLUSIVE)
    running = april(product, seats=1, start="2026-04-15")
    running.until("2026-06-01")
    assert lines(running) == [("04-15", "05-01", 853), ("05-01", "06-01", 1600)]


def test_the_last_period_is_billed_after_a_cancellation_and_nothing_comes_after_it() -> None:
    running = april()
    running.until("2026-05-10")
    running.command(commands.cancel_at_period_end)
    running.until("2026-06-01")
    assert (running.status, bills(running)[-1]) == ("canceled", ("06-01", 8000, "paid"))
    running.until("2026-12-01")
    assert len(bills(running)) == 2
    assert running.state.is_finished


def test_a_cancellation_that_is_undone_bills_the_same_once() -> None:
    running = april()
    running.command(commands.cancel_at_period_end)
    running.command(commands.cancel_undone)
    running.until("2026-05-01")
    assert bills(running) == [("05-01", 8000, "paid")]


@pytest.mark.parametrize("unused", sorted(UnusedPart))
def test_cancelled_now_it_owes_what_was_had_and_gives_nothing_back(unused: UnusedPart) -> None:
    running = april()
    running.until("2026-05-11")
    assert running.cancel_now(unused) == 0
    running.until("2026-05-11")
    assert lines(running)[-1] == ("05-01", "05-11", round_half_away(Fraction(8000 * 10, 31)))
    assert (running.books.notes, running.state.is_finished) == ([], True)


def test_what_is_cancelled_in_its_first_instant_owes_nothing() -> None:
    running = april()
    running.cancel_now()
    assert (bills(running), running.state.is_finished) == ([], True)


def test_a_trial_that_is_cancelled_owes_nothing() -> None:
    running = april(cloud(trial=Trial(days=14)))
    running.until("2026-04-10")
    running.cancel_now()
    running.until("2026-06-01")
    assert bills(running) == []


def test_too_little_to_collect_at_the_end_is_written_off() -> None:
    running = april(seats=1)
    running.until("2026-04-01T12:00")
    running.cancel_now()
    running.until("2026-04-02")
    [last] = running.books.invoices.values()
    assert [line.amount.amount_minor for line in last.draft.lines] == [27, -27]
    assert [each.amount.amount_minor for each in running.state.written_off] == [27]


def test_seats_added_are_in_force_at_once_and_each_part_is_billed_at_its_own_price() -> None:
    running = april()
    running.until("2026-04-16")
    plan = running.plan(more=1)
    assert (plan.lines, plan.total.amount_minor, plan.at) == ((), 0, at("2026-04-16"))
    assert running.change(more=1) is ChangeResult.APPLIED
    assert (running.state.terms.quantity, bills(running)) == (6, [])
    running.until("2026-04-21")
    assert running.change("business") is ChangeResult.APPLIED
    running.until("2026-05-01")
    assert lines(running) == [
        ("04-01", "04-16", 4000),
        ("04-16", "04-21", 1600),
        ("04-21", "05-01", 4800),
    ]
    running.until("2026-06-01")
    assert bills(running)[-1] == ("06-01", 14400, "paid")


def test_less_waits_for_the_end_and_the_period_that_is_over_is_billed_at_the_old_price() -> None:
    running = april()
    assert running.change(quantity=2) is ChangeResult.SCHEDULED
    running.until("2026-06-01")
    assert bills(running) == [("05-01", 8000, "paid"), ("06-01", 3200, "paid")]


def test_another_interval_begins_with_the_next_period_in_both_directions() -> None:
    running = april()
    plan = running.plan("annual")
    assert (plan.is_deferred, plan.at, plan.lines) == (True, at("2026-05-01"), ())
    assert running.change("annual") is ChangeResult.SCHEDULED
    running.until("2026-05-02")
    assert running.state.running_period.end == at("2027-05-01")
    assert running.change("cloud") is ChangeResult.SCHEDULED
    running.until("2027-06-01")
    assert bills(running) == [
        ("05-01", 8000, "paid"),
        ("05-01", 90000, "paid"),
        ("06-01", 8000, "paid"),
    ]


def test_the_free_plan_follows_at_the_end_and_leads_back_at_once() -> None:
    running = april()
    assert running.change("free", quantity=1) is ChangeResult.SCHEDULED
    running.until("2026-05-11")
    assert (running.state.terms.price_id, bills(running)) == ("free", [("05-01", 8000, "paid")])
    assert running.change("cloud", quantity=2) is ChangeResult.APPLIED
    assert running.state.running_period.start == at("2026-05-11")
    running.until("2026-06-11")
    assert lines(running)[-1] == ("05-11", "06-11", 3200)


def test_paid_in_advance_and_in_arrears_are_not_mixed_in_one_period() -> None:
    running = april()
    with pytest.raises(Conflict) as refused:
        running.plan("ahead")
    assert refused.value.code == "billing_differs"
    assert running.state.terms.price_id == "cloud"


def test_a_period_is_not_divided_without_end() -> None:
    running = april()
    for _ in range(MOST_PARTS):
        running.until(running.now + timedelta(hours=1))
        running.change(more=1)
    running.until(running.now + timedelta(hours=1))
    with pytest.raises(Conflict) as refused:
        running.plan(more=1)
    assert refused.value.code == "too_many_changes"
    running.until("2026-05-01")
    assert len(lines(running)) == MOST_PARTS + 1
    assert running.change(more=1) is ChangeResult.APPLIED


@pytest.mark.parametrize("mode", [PauseMode.KEEP_ANCHOR, PauseMode.EXTEND])
def test_the_time_of_a_pause_is_not_charged(mode: PauseMode) -> None:
    running = april(cloud(pause=mode))
    running.until("2026-04-11")
    running.pause("2026-04-16")
    running.until("2026-05-06")
    expected = {
        PauseMode.KEEP_ANCHOR: [("04-01", "04-11", 2667), ("04-16", "05-01", 4000)],
        PauseMode.EXTEND: [("04-01", "04-11", 2667), ("04-16", "05-06", 5333)],
    }
    assert lines(running) == expected[mode]
    assert running.books.notes == []


def test_a_pause_over_a_boundary_is_billed_when_it_goes_on() -> None:
    running = april(cloud(pause=PauseMode.KEEP_ANCHOR))
    running.until("2026-04-16")
    running.pause("2026-05-11")
    running.until("2026-05-10")
    assert bills(running) == []
    running.until("2026-06-01")
    assert lines(running) == [
        ("04-01", "04-16", 4000),
        ("05-11", "06-01", round_half_away(Fraction(8000 * 21, 31))),
    ]


def test_cancelled_in_a_pause_it_owes_what_was_had_before_it() -> None:
    running = april(cloud(pause=PauseMode.KEEP_ANCHOR))
    running.until("2026-04-16")
    running.pause("2026-05-11")
    running.until("2026-05-05")
    running.command(commands.cancel_at_period_end)
    running.until("2026-05-05")
    assert lines(running) == [("04-01", "04-16", 4000)]
    assert running.state.is_finished


def declined(final_action: FinalAction, until: str, *outcomes: CollectionOutcome) -> Running:
    running = april(cloud(final_action=final_action))
    running.until(until, *outcomes)
    return running


def test_dunning_that_ends_it_leaves_a_bad_debt_and_does_not_bill_what_nobody_pays() -> None:
    running = declined(FinalAction.CANCEL, "2026-06-30", SOFT)
    assert (running.status, running.state.is_finished) == ("canceled", True)
    assert len(bills(running)) == 1
    assert written_off(running) == [8000]


def test_dunning_that_ends_in_the_free_plan_leaves_a_bad_debt() -> None:
    running = declined(FinalAction.DOWNGRADE_TO_FREE, "2026-05-20", SOFT)
    assert (running.status, running.state.terms.price_id) == ("active", "free")
    assert (written_off(running), running.state.accrued) == ([8000], ())
    assert running.state.accrues_from is None


def written_off(running: Running) -> list[int]:
    """Nothing is voided that was had."""
    assert "void" not in {status for _, _, status in bills(running)}
    return [
        each.draft.total.amount_minor
        for each in running.books.invoices.values()
        if each.status.value == "uncollectible"
    ]


def test_unpaid_time_is_not_charged_and_it_goes_on_once_all_is_paid() -> None:
    running = declined(FinalAction.UNPAID, "2026-05-26", SOFT)
    assert (running.status, len(running.state.accrued)) == ("unpaid", 1)
    running.hear(settlement.payment_method_changed)
    running.until("2026-06-01")
    assert running.status == "active"
    assert [(start, end) for start, end, _ in lines(running)[1:]] == [
        ("05-01", "05-16"),
        ("05-26", "06-01"),
    ]


def test_what_is_left_unpaid_over_a_boundary_is_billed_from_the_day_of_payment() -> None:
    running = declined(FinalAction.UNPAID, "2026-06-11", SOFT)
    running.hear(settlement.payment_method_changed)
    running.until("2026-07-01")
    assert [(start, end) for start, end, _ in lines(running)[1:]] == [
        ("05-01", "05-16"),
        ("06-11", "07-01"),
    ]


def test_the_last_invoice_is_dunned_after_the_end_and_a_new_card_pays_it() -> None:
    running = april()
    running.command(commands.cancel_at_period_end)
    running.until("2026-05-05", SOFT)
    state = running.state
    assert (running.status, state.open_invoices[0].rungs_used) == ("canceled", 2)
    assert CommandName.PAY_NOW in state.legal_commands
    assert running.told() == ["subscription_canceled", "payment_failed", "payment_failed"]
    running.hear(settlement.payment_method_changed)
    running.until("2026-05-05")
    assert bills(running) == [("05-01", 8000, "paid")]
    assert running.state.is_finished


@pytest.mark.parametrize("outcome", [SOFT, STOLEN, CHALLENGE])
@pytest.mark.parametrize("final_action", sorted(FinalAction))
def test_a_last_invoice_that_nobody_pays_is_a_bad_debt(
    outcome: CollectionOutcome, final_action: FinalAction
) -> None:
    running = april(cloud(final_action=final_action))
    running.command(commands.cancel_at_period_end)
    running.until("2026-05-15", outcome)
    assert not running.state.is_finished
    running.until("2026-05-20", outcome)
    assert (written_off(running), running.state.is_finished) == ([8000], True)


def test_a_bank_that_says_yes_after_the_end_has_paid() -> None:
    running = april()
    running.command(commands.cancel_at_period_end)
    running.until("2026-05-20", PROCESSING)
    [waiting] = running.state.open_invoices
    running.hear(lambda s, now: settlement.payment_news(s, waiting.invoice_id, now))
    running.until("2026-05-20")
    assert (bills(running), running.state.is_finished) == ([("05-01", 8000, "paid")], True)


def test_a_bank_that_says_no_after_the_end_and_the_ladder_leaves_time_for_one_more_attempt() -> (
    None
):
    running = april()
    running.command(commands.cancel_at_period_end)
    running.until("2026-05-20", PROCESSING)
    [waiting] = running.state.open_invoices
    running.hear(lambda s, now: settlement.payment_news(s, waiting.invoice_id, now))
    running.until("2026-05-22", SOFT)
    assert written_off(running) == []
    running.until("2026-05-23", SOFT)
    assert (written_off(running), running.state.is_finished) == ([8000], True)


def test_who_leaves_past_due_still_owes_what_was_had() -> None:
    running = declined(FinalAction.CANCEL, "2026-05-02", SOFT)
    running.until("2026-05-11", SOFT)
    running.command(commands.cancel_at_period_end)
    assert running.status == "canceled"
    running.until("2026-05-11")
    assert [total for _, total, _ in bills(running)] == [8000, 2581]
    running.hear(settlement.payment_method_changed)
    running.until("2026-05-11")
    assert {status for _, _, status in bills(running)} == {"paid"}


@pytest.mark.parametrize(
    ("forgive", "expected"),
    [
        (closing.invoice_waived, "void"),
        (closing.invoice_uncollectible, "uncollectible"),
    ],
)
def test_a_last_invoice_may_be_waived_and_given_up(
    forgive: Callable[[SubscriptionState, str], SubscriptionState], expected: str
) -> None:
    running = april()
    running.command(commands.cancel_at_period_end)
    running.until("2026-05-02", SOFT)
    invoice_id = running.state.open_invoices[0].invoice_id
    running.hear(lambda state, _: forgive(state, invoice_id))
    running.until("2026-05-02")
    assert (bills(running)[0][2], running.state.is_finished) == (expected, True)


def test_a_lost_dispute_ends_it_and_bills_nothing_more() -> None:
    running = april()
    running.until("2026-05-11")
    running.hear(lambda s, now: settlement.dispute_news(s, "dp_1", DisputeState.LOST, now))
    running.until("2026-07-01")
    assert (running.status, len(bills(running)), running.state.is_finished) == ("canceled", 1, True)


def test_a_coupon_discounts_the_first_bill_and_not_the_beginning() -> None:
    coupon = Coupon(id="HALF", name="Half", percent=Decimal(50), duration=CouponDuration.ONCE)
    running = Running(*catalog(cloud()), start=at(START), quantity=5, coupons=(coupon,))
    running.until("2026-06-01")
    assert [total for _, total, _ in bills(running)] == [4000, 8000]


def test_an_amount_off_is_taken_once_of_all_the_parts() -> None:
    ten = Money(amount_minor=1000, currency="USD")
    coupon = Coupon(id="TEN", name="Ten", amount=ten, duration=CouponDuration.FOREVER)
    running = Running(*catalog(cloud()), start=at(START), quantity=5, coupons=(coupon,))
    running.until("2026-04-16")
    running.change(more=5)
    running.until("2026-05-01")
    assert [total for _, total, _ in bills(running)] == [4000 + 8000 - 1000]


def test_missed_boundaries_are_billed_one_by_one_each_for_its_own_period() -> None:
    running = april()
    running.now = at("2026-07-10")
    running.until("2026-07-10")
    assert lines(running) == [
        ("04-01", "05-01", 8000),
        ("05-01", "06-01", 8000),
        ("06-01", "07-01", 8000),
    ]


def test_the_agenda_says_that_what_was_had_is_billed() -> None:
    running = april()
    [renewal] = [each for each in agenda(running.state) if each.kind is ActionKind.RENEW]
    assert "what was had is billed" in renewal.reason
    assert "billed at its end" in renewal.reason


def test_a_migration_never_goes_from_one_way_of_billing_to_the_other() -> None:
    running = april()
    target = terms_of(running.catalog["ahead"], quantity=5, trial=None, segment=None)
    assert migrating.unfitness(running.state, target, moves_at=None) is SkipReason.BILLING
    alike = terms_of(running.catalog["business"], quantity=5, trial=None, segment=None)
    assert migrating.unfitness(running.state, alike, moves_at=None) is None


def test_a_migration_moves_at_the_boundary_and_the_past_keeps_its_price() -> None:
    running = april()
    running.command(
        lambda state, now: migrating.planned(
            state,
            migration_id="mig_1",
            target=terms_of(running.catalog["business"], quantity=5, trial=None, segment=None),
            migrates_at=at("2026-04-20"),
            notice=timedelta(0),
            now=now,
        )
    )
    running.until("2026-06-01")
    assert [total for _, total, _ in bills(running)] == [8000, 12000]


def test_each_part_is_discounted_and_taxed_as_its_own_product_is() -> None:
    other = Product(id="school", name="School", family="plan", tax_category="reduced")
    half = Coupon(
        id="HALF",
        name="Half",
        percent=Decimal(50),
        duration=CouponDuration.FOREVER,
        products=("school",),
    )

    def vat(percent: str) -> TaxTreatment:
        return TaxTreatment(jurisdiction="DE", rate=Decimal(percent))

    running = Running(
        offer("cloud", 1600, product=cloud(), billing=ARREARS),
        offer("school", 2000, product=other, billing=ARREARS),
        start=at(START),
        coupons=(half,),
        taxation=Taxation(otherwise=vat("19"), by_category={"reduced": vat("7")}),
    )
    running.until("2026-04-16")
    running.change("school")
    running.until("2026-05-01")
    [bill] = running.books.invoices.values()
    assert [(line.net.amount_minor, line.total.amount_minor) for line in bill.draft.lines] == [
        (800, 952),
        (500, 535),
    ]


def test_an_addon_is_billed_at_its_parents_boundaries() -> None:
    running = april(start="2026-04-16")
    anchored = running.state.terms.model_copy(update={"anchored_at": at("2026-01-01")})
    state = running.state.model_copy(
        update={"terms": anchored, "accrues_from": None, "period": None, "anchor_at": None}
    )
    first = lifecycle.next_billing(state, running.now)
    assert (first.in_advance, first.accrued, first.period.end) == (False, (), at("2026-05-01"))
    begun = lifecycle.period_billed(
        state,
        number=0,
        period=first.period,
        anchor_at=first.anchor_at,
        anchor_number=first.anchor_number,
        invoice_id=None,
        amount_due=Money.zero("USD"),
        due_at=running.now,
    )
    [part] = lifecycle.next_billing(begun, running.now).accrued
    assert (part.used, part.whole) == (
        Period(start=at("2026-04-16"), end=at("2026-05-01")),
        Period(start=at("2026-04-01"), end=at("2026-05-01")),
    )


DAY = 86_400
moves = st.lists(
    st.tuples(
        st.integers(0, 20 * DAY),
        st.sampled_from(["more", "less", "business", "annual", "free", "back", "pause", "resume"])
        | st.just("more"),
    ),
    max_size=9,
)
endings = st.sampled_from(["at_period_end", "now", "goes_on"])


@settings(max_examples=40, deadline=None)
@given(
    moves=moves,
    ending=endings,
    mode=st.sampled_from([PauseMode.KEEP_ANCHOR, PauseMode.EXTEND]),
    proration=st.sampled_from(ProrationMode),
    unit=st.sampled_from([IntervalUnit.WEEK, IntervalUnit.MONTH]),
    refuses=st.booleans(),
)
def test_every_instant_that_was_had_is_billed_exactly_once(
    *,
    moves: list[tuple[int, str]],
    ending: str,
    mode: PauseMode,
    proration: ProrationMode,
    unit: IntervalUnit,
    refuses: bool,
) -> None:
    product = cloud(pause=mode, proration=proration, final_action=FinalAction.UNPAID)
    interval = Interval(unit=unit)
    running = Running(
        offer("cloud", 1599, product=product, interval=interval, billing=ARREARS),
        offer("business", 2401, product=product, interval=interval, billing=ARREARS),
        offer("annual", 18_007, product=product, interval=YEAR, billing=ARREARS),
        offer("free", 0, product=product, interval=interval),
        start=at("2026-01-31T09:30"),
        quantity=3,
    )
    running.until(running.now)
    for seconds, move in moves:
        outcome = SOFT if refuses and seconds % 3 == 0 else None
        then = running.now + timedelta(seconds=seconds)
        if seconds % 2:
            running.now = then  # what falls due before is done after an outage
        running.until(then, outcome)
        attempt(running, move)
    match ending:
        case "at_period_end":
            attempt(running, "cancel")
        case "now":
            running.cancel_now()
    running.until(running.now + timedelta(days=150))
    check_tiling(running)
    for before, after in running.steps:
        check_step(before, after)
    check_state(running)
    check_books(running)


def attempt(running: Running, move: str) -> None:
    """What the rules allow of it; a refusal changes nothing."""
    before = running.state
    try:
        match move:
            case "more":
                running.change(more=2)
            case "less":
                running.change(quantity=1)
            case "business" | "annual" | "free":
                running.change(move)
            case "back":
                running.change("cloud")
            case "pause":
                running.pause(None)
            case "resume":
                running.resume()
            case _:
                running.command(commands.cancel_at_period_end)
    except (Conflict, InvalidInput):
        assert running.state == before


def check_tiling(running: Running) -> None:
    """Lines in arrears never overlap; that they leave nothing out is `test_integral`'s."""
    billed = sorted((line.period.start, line.period.end) for line in arrears_lines(running))
    for (_, end), (start, _) in pairwise(billed):
        assert end <= start
    for start, end in billed:
        assert start < end
    assert all(line.explanation.share <= 1 for line in arrears_lines(running) if line.explanation)
    # What is not billed yet begins where the last bill ended, or rests.
    since = running.state.accrues_from
    if since is not None and billed:
        assert billed[-1][1] <= since


def arrears_lines(running: Running) -> list[InvoiceLine]:
    return [
        line
        for each in running.books.invoices.values()
        for line in each.draft.lines
        if line.price_id != "free" and line.amount.amount_minor > 0 and line.explanation is not None
    ]


@settings(max_examples=30, deadline=None)
@given(
    cuts=st.lists(st.integers(1, 30 * DAY - 1), max_size=6, unique=True),
    unit_minor=st.integers(50, 99_999),
)
def test_a_period_with_rests_that_extend_it_costs_what_a_whole_one_does(
    cuts: list[int], unit_minor: int
) -> None:
    product = cloud(pause=PauseMode.EXTEND)
    running = Running(
        offer("cloud", unit_minor, product=product, billing=ARREARS), start=at(START), quantity=1
    )
    running.until(running.now)
    rested = timedelta(0)
    for cut in sorted(cuts):
        running.until(at(START) + rested + timedelta(seconds=cut))
        running.pause(running.now + timedelta(hours=7))
        rested += timedelta(hours=7)
        running.until(running.now + timedelta(hours=7))
    running.until(at("2026-05-01") + rested)
    [bill] = running.books.invoices.values()
    assert len(bill.draft.lines) == len(cuts) + 1
    assert bill.draft.total.amount_minor == unit_minor
    assert next_action(running.state) is not None
