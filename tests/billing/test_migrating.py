"""Moving to another price: after notice, at a renewal, and never over what a customer asked for."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing import changing, commands, migrating
from billing.agenda import agenda
from billing.catalog import PauseMode, PausePolicy, Product
from billing.credit_note import UnusedPart
from billing.errors import Conflict
from billing.message import MessageKind
from billing.migration import MigrationProgress, SkipReason
from billing.money import Money
from billing.offer import terms_of
from billing.subscription import SubscriptionState, Terms
from tests.billing.running import PROCESSING, SOFT, YEAR, Running, at, offer
from tests.billing.subscriptions import incomplete, trialing
from tests.workflows import situations

TEAM = Product(id="team", name="Team", family="plan", pause=PausePolicy(mode=PauseMode.KEEP_ANCHOR))
CATALOG = (
    offer("team", 1600, product=TEAM),
    offer("dearer", 2000, product=TEAM),
    offer("business", 2400),
    offer("personal", 1100),
    offer("annual", 18000, product=TEAM, interval=YEAR),
)
NOTICE = timedelta(days=30)


def running(*, quantity: int = 10) -> Running:
    """Ten seats at $16.00, paid for April 2026; it is the 11th."""
    subscription = Running(*CATALOG, start=at("2026-04-01"), quantity=quantity)
    subscription.until("2026-04-11")
    return subscription


def target(subscription: Running, price_id: str = "dearer") -> Terms:
    quantity = subscription.state.terms.quantity
    return terms_of(subscription.catalog[price_id], quantity=quantity, trial=None, segment=None)


def announce(
    subscription: Running,
    *,
    price_id: str = "dearer",
    migrates_at: str = "2026-04-20",
    notice: timedelta = NOTICE,
) -> None:
    subscription.command(
        lambda state, now: migrating.planned(
            state,
            migration_id="mig_1",
            target=target(subscription, price_id),
            migrates_at=at(migrates_at),
            notice=notice,
            now=now,
        )
    )


def fate(subscription: Running) -> tuple[MigrationProgress, SkipReason | None]:
    plan = subscription.state.migration
    assert plan is not None
    return plan.progress, plan.reason


def told(subscription: Running) -> list[MessageKind]:
    return [message.kind for message in subscription.messages]


def prices_billed(subscription: Running) -> list[str]:
    return [
        str(line.price_id)
        for booked in subscription.books.invoices.values()
        for line in booked.draft.lines
    ]


@pytest.mark.parametrize(
    ("migrates_at", "notice_days", "renewal"),
    [
        ("2026-04-20", 5, "2026-05-01"),
        ("2026-04-20", 20, "2026-05-01"),
        ("2026-04-20", 21, "2026-06-01"),
        ("2026-05-01", 5, "2026-05-01"),
        ("2026-05-02", 5, "2026-06-01"),
        ("2027-01-01", 30, "2027-01-01"),
    ],
)
def test_it_moves_at_the_first_renewal_on_or_after_both_dates(
    migrates_at: str, notice_days: int, renewal: str
) -> None:
    subscription = running()
    announce(subscription, migrates_at=migrates_at, notice=timedelta(days=notice_days))
    [notice] = subscription.messages
    assert notice.effective_at == at(renewal)

    subscription.until(at(renewal) - timedelta(seconds=1))
    assert subscription.state.terms.price_id == "team"
    subscription.until(renewal)
    assert subscription.state.terms.price_id == "dearer"
    assert subscription.state.terms.period_amount == Money(amount_minor=20000, currency="USD")
    assert fate(subscription) == (MigrationProgress.MIGRATED, None)
    assert prices_billed(subscription)[-1] == "dearer"
    subscription.until(at(renewal) + timedelta(days=31))
    assert prices_billed(subscription)[-2:] == ["dearer", "dearer"]


def test_the_notice_says_both_prices_and_the_date_and_is_sent_once() -> None:
    subscription = running()
    announce(subscription)
    before = subscription.state
    announce(subscription)
    assert before.migration == subscription.state.migration
    [notice] = subscription.messages
    assert notice.kind is MessageKind.PRICE_WILL_CHANGE
    assert notice.amount_before == Money(amount_minor=16000, currency="USD")
    assert notice.amount == Money(amount_minor=20000, currency="USD")
    assert notice.effective_at == at("2026-06-01")


def test_the_agenda_tells_the_renewal_at_the_new_price() -> None:
    subscription = running()
    announce(subscription, notice=timedelta(days=20))
    [renewal] = agenda(subscription.state)
    assert renewal.reason == (
        "the price changes to dearer version 1: the next period costs USD 200.00"
    )
    subscription.until("2026-05-02")
    [renewal] = agenda(subscription.state)
    assert renewal.reason == "the next period costs USD 200.00"


def test_another_interval_begins_anew_at_the_renewal() -> None:
    subscription = running()
    announce(subscription, price_id="annual", notice=timedelta(days=20))
    subscription.until("2026-05-02")
    period = subscription.state.running_period
    assert (period.start, period.end) == (at("2026-05-01"), at("2027-05-01"))


def test_seats_added_meanwhile_move_at_the_new_price() -> None:
    subscription = running()
    announce(subscription, notice=timedelta(days=20))
    subscription.upgrade(more=2)
    subscription.until("2026-05-01")
    assert subscription.state.terms.price_id == "dearer"
    assert subscription.state.terms.period_amount == Money(amount_minor=24000, currency="USD")


def test_seats_removed_meanwhile_move_at_the_new_price() -> None:
    subscription = running()
    announce(subscription, notice=timedelta(days=20))
    subscription.change(quantity=8)
    subscription.until("2026-05-01")
    assert subscription.state.terms.price_id == "dearer"
    assert subscription.state.terms.period_amount == Money(amount_minor=16000, currency="USD")
    assert fate(subscription) == (MigrationProgress.MIGRATED, None)


def test_seats_removed_at_a_renewal_before_it_are_what_moves_later() -> None:
    subscription = running()
    announce(subscription)
    subscription.change(quantity=8)
    subscription.until("2026-05-02")
    assert (subscription.state.terms.price_id, subscription.state.terms.quantity) == ("team", 8)
    subscription.until("2026-06-01")
    assert subscription.state.terms.period_amount == Money(amount_minor=16000, currency="USD")
    assert subscription.state.terms.price_id == "dearer"


@pytest.mark.parametrize("price_id", ["business", "personal"])
def test_a_price_that_the_customer_chose_ends_the_migration(price_id: str) -> None:
    subscription = running()
    announce(subscription, notice=timedelta(days=20))
    subscription.upgrade(price_id)
    subscription.until("2026-07-02")
    assert subscription.state.terms.price_id == price_id
    assert fate(subscription) == (MigrationProgress.SKIPPED, SkipReason.CHANGED)
    assert MessageKind.PRICE_CHANGE_WITHDRAWN not in told(subscription)


def test_a_decrease_that_is_undone_leaves_the_migration_as_it_was() -> None:
    subscription = running()
    announce(subscription, notice=timedelta(days=20))
    subscription.change("personal")
    subscription.command(changing.change_undone)
    subscription.until("2026-05-01")
    assert subscription.state.terms.price_id == "dearer"


def test_who_cancels_after_the_notice_is_never_charged_the_new_price() -> None:
    subscription = running()
    announce(subscription, notice=timedelta(days=20))
    subscription.command(commands.cancel_at_period_end)
    subscription.until("2026-06-02")
    assert subscription.state.has_ended
    assert fate(subscription) == (MigrationProgress.SKIPPED, SkipReason.ENDED)
    assert prices_billed(subscription) == ["team"]


def test_a_cancellation_that_is_undone_leaves_the_migration_as_it_was() -> None:
    subscription = running()
    announce(subscription, notice=timedelta(days=20))
    subscription.command(commands.cancel_at_period_end)
    subscription.command(commands.cancel_undone)
    subscription.until("2026-05-01")
    assert subscription.state.terms.price_id == "dearer"


def test_who_is_past_due_at_the_renewal_stays_and_is_told_so() -> None:
    subscription = Running(*CATALOG, start=at("2026-04-01"), quantity=10)
    subscription.until("2026-04-25")
    announce(subscription, notice=timedelta(days=20))
    subscription.until("2026-05-31", SOFT)
    assert subscription.state.status == "canceled"
    assert fate(subscription) == (MigrationProgress.SKIPPED, SkipReason.ENDED)

    weekly = offer("team", 1600, product=TEAM, interval=YEAR.model_copy(update={"unit": "week"}))
    late = Running(weekly, *CATALOG[1:], start=at("2026-04-01"))
    late.until("2026-04-05")
    announce(late, migrates_at="2026-04-10", notice=timedelta(days=7))
    late.until("2026-04-08", SOFT)
    assert late.status == "past_due"
    late.until("2026-04-15", SOFT)
    assert late.state.terms.price_id == "team"
    assert fate(late) == (MigrationProgress.SKIPPED, SkipReason.PAST_DUE)
    assert told(late).count(MessageKind.PRICE_CHANGE_WITHDRAWN) == 1


def test_the_rest_of_a_period_after_a_pause_costs_what_it_did() -> None:
    subscription = running()
    announce(subscription, notice=timedelta(days=10))
    subscription.pause("2026-05-11")
    subscription.until("2026-05-12")
    assert subscription.state.terms.price_id == "team"
    subscription.until("2026-06-01")
    assert subscription.state.terms.price_id == "dearer"


def test_a_rollback_keeps_the_price_and_tells_so_once() -> None:
    subscription = running()
    announce(subscription)
    subscription.command(lambda state, now: migrating.undone(state, "mig_1", now))
    subscription.command(lambda state, now: migrating.undone(state, "mig_1", now))
    subscription.until("2026-07-02")
    assert subscription.state.terms.price_id == "team"
    assert fate(subscription) == (MigrationProgress.ROLLED_BACK, None)
    assert told(subscription) == [
        MessageKind.PRICE_WILL_CHANGE,
        MessageKind.PRICE_CHANGE_WITHDRAWN,
    ]


def test_what_has_renewed_is_not_rolled_back() -> None:
    subscription = running()
    announce(subscription, notice=timedelta(days=20))
    subscription.until("2026-05-02")
    with pytest.raises(Conflict) as refused:
        migrating.undone(subscription.state, "mig_1", subscription.now)
    assert refused.value.code == "already_migrated"


def test_the_migration_of_another_id_is_not_undone() -> None:
    subscription = running()
    announce(subscription)
    with pytest.raises(Conflict) as refused:
        migrating.undone(subscription.state, "mig_2", subscription.now)
    assert refused.value.code == "no_planned_migration"


def locked(until: str) -> SubscriptionState:
    state = running().state
    terms = state.terms.model_copy(update={"contract_until": at(until)})
    return state.model_copy(update={"terms": terms})


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (incomplete, SkipReason.NOT_STARTED),
        (trialing, SkipReason.TRIALING),
        (situations.past_due, SkipReason.PAST_DUE),
        (situations.unpaid, SkipReason.UNPAID),
        (situations.decreasing, SkipReason.CHANGE_PENDING),
        (situations.paying_a_change, SkipReason.CHANGE_PENDING),
        (situations.moving, SkipReason.OTHER_MIGRATION),
        (situations.SITUATIONS["to be canceled"], SkipReason.CANCEL_PENDING),
        (situations.SITUATIONS["paused"], SkipReason.PAUSED),
        (situations.SITUATIONS["canceled"], SkipReason.ENDED),
        (lambda: locked("2026-05-02"), SkipReason.CONTRACT_LOCKED),
        (lambda: locked("2026-05-01"), None),
        (situations.active, None),
    ],
)
def test_who_is_not_fit_stays_with_the_reason(
    state: Callable[[], SubscriptionState], reason: SkipReason | None
) -> None:
    now = at("2026-04-11") if reason in (SkipReason.CONTRACT_LOCKED, None) else situations.NOW

    def plan() -> SubscriptionState:
        return migrating.planned(
            state(),
            migration_id="mig_2",
            target=target(running()),
            migrates_at=now,
            notice=timedelta(days=5),
            now=now,
        )

    if reason is None:
        assert plan().waiting_migration is not None
        return
    with pytest.raises(Conflict) as refused:
        plan()
    assert refused.value.code == reason


def test_another_currency_stays() -> None:
    euros = target(running()).model_copy(update={"currency": "EUR"})
    assert migrating.unfitness(running().state, euros, moves_at=None) is SkipReason.CURRENCY


def test_a_state_from_before_there_were_migrations_is_read() -> None:
    document = running().state.model_dump(mode="json")
    del document["migration"]
    del document["terms"]["contract_until"]
    assert SubscriptionState.model_validate(document) == running().state


@settings(deadline=None, max_examples=30)
@given(days=st.integers(1, 400), seconds=st.integers(0, 86_399))
def test_it_moves_once_at_its_first_boundary_from_then_on(days: int, seconds: int) -> None:
    not_before = at("2026-04-11") + timedelta(days=days, seconds=seconds)
    subscription = running()
    announce(subscription, migrates_at=not_before.replace(tzinfo=None).isoformat(), notice=NOTICE)
    plan = subscription.state.migration
    assert plan is not None
    moves_at = migrating.moves_at(subscription.state, plan.not_before)
    assert moves_at is not None
    subscription.until(moves_at + timedelta(days=40))
    billed = prices_billed(subscription)
    assert billed == sorted(billed, key=["team", "dearer"].index)
    settled = subscription.state.migration
    assert settled is not None
    assert settled.settled_at == moves_at
    assert plan.not_before <= moves_at < plan.not_before + timedelta(days=31)


def test_paid_time_is_given_back_at_the_price_it_was_bought_at() -> None:
    subscription = running()
    announce(subscription, notice=timedelta(days=20))
    subscription.until("2026-05-16T12:00")
    assert subscription.cancel_now(UnusedPart.CREDIT) == 10000
    assert subscription.state.migration is not None
    assert subscription.state.migration.progress is MigrationProgress.MIGRATED


def test_a_bank_debit_on_its_way_keeps_nothing_from_moving() -> None:
    subscription = running()
    announce(subscription, notice=timedelta(days=20))
    subscription.until("2026-05-02", PROCESSING)
    assert fate(subscription) == (MigrationProgress.MIGRATED, None)
