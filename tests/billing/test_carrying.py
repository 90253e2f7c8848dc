"""What no charge can take comes on the next invoice; nothing gets stuck on it (policy P5, P6)."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from billing import changing, lifecycle
from billing.catalog import PauseMode, PausePolicy, Product
from billing.credit_note import UnusedPart
from billing.currency import charge_step_minor, minimum_charge_minor
from billing.invoice import InvoiceDraft, InvoiceLine, draft_for_period
from billing.money import Money
from billing.period import Period
from billing.subscription import EndReason
from tests.billing.running import SOFT, Running, at, offer
from tests.billing.strategies import price

RESTING = Product(
    id="club", name="Club", family="plan", pause=PausePolicy(mode=PauseMode.KEEP_ANCHOR)
)


def dinars(quantity: int = 1) -> Running:
    """Clubs of KWD 12.340 and KWD 24.680 a month, paid from the first of April."""
    catalog = [
        offer(price_id, unit, product=RESTING, currency="KWD")
        for price_id, unit in (("club", 12_340), ("better", 24_680))
    ]
    running = Running(*catalog, start=at("2026-04-01"), quantity=quantity)
    running.until("2026-04-01")
    return running


def dollars() -> Running:
    running = Running(offer("club", 1100, product=RESTING), start=at("2026-04-01"))
    running.until("2026-04-01")
    return running


def charges(running: Running) -> list[int]:
    """What was asked of the card, invoice by invoice."""
    return [booked.due_minor for booked in running.books.invoices.values()]


def carried(running: Running) -> list[int]:
    return [line.amount.amount_minor for line in running.state.carried]


def line_amounts(draft: InvoiceDraft) -> list[int]:
    return [line.amount.amount_minor for line in draft.lines]


def last_draft(running: Running) -> InvoiceDraft:
    return list(running.books.invoices.values())[-1].draft


def test_an_upgrade_in_thousandths_charges_whole_steps_and_carries_the_rest() -> None:
    running = dinars()
    running.until("2026-04-11T06:00")
    assert running.upgrade("better") == [-8124, 16_248]
    assert line_amounts(last_draft(running)) == [-8124, 16_248, -4]
    assert (charges(running), carried(running)) == ([12_340, 8120], [4])
    running.until("2026-05-01")
    assert line_amounts(last_draft(running)) == [24_680, 4, -4]
    assert (charges(running)[2], carried(running)) == (24_680, [4])


def test_remainders_add_up_until_they_can_be_charged() -> None:
    running = dinars()
    for hour in (0, 2, 3, 4):
        running.until(at("2026-04-11") + timedelta(hours=hour))
        running.upgrade(more=1)
    assert carried(running) == [7, 2, 5, 8]
    running.until("2026-05-01")
    assert (charges(running)[-1], carried(running)) == (5 * 12_340 + 20, [2])


def test_the_rest_of_a_period_in_thousandths_is_charged_in_whole_steps() -> None:
    running = dinars()
    running.until("2026-04-21")
    running.pause("2026-05-15T12:00")
    running.until("2026-05-15T12:00")
    draft = last_draft(running)
    assert line_amounts(draft) == [6568, -8]
    assert (running.status, carried(running)) == ("active", [8])
    # 4.113 given back of April are set against it, but for what would leave no whole step.
    assert charges(running)[-1] == 2450
    assert running.books.balance == 3


def test_a_declined_change_carries_nothing() -> None:
    running = dinars()
    running.until("2026-04-11T06:00")
    running.change("better")
    assert carried(running) == []
    running.until(running.now, SOFT)
    assert (carried(running), running.state.terms.price_id) == ([], "club")


def test_a_change_too_small_to_collect_is_in_force_and_comes_on_the_next_invoice() -> None:
    running = dollars()
    running.until("2026-04-30")
    assert running.upgrade(more=1) == [37]
    assert running.attempts == [at("2026-04-01")]
    assert running.state.terms.quantity == 2
    running.until("2026-05-01")
    assert line_amounts(last_draft(running)) == [2200, 37]
    assert (charges(running), carried(running)) == ([1100, 0, 2237], [])


def test_a_rest_of_a_period_too_small_to_collect_comes_on_the_next_invoice() -> None:
    running = dollars()
    running.until("2026-04-11")
    running.books.balance = 0
    running.pause("2026-05-31")
    running.until("2026-05-31")
    assert line_amounts(last_draft(running)) == [35, -35]
    running.until("2026-06-01")
    assert line_amounts(last_draft(running)) == [1100, 35]


def test_what_was_carried_waits_for_an_invoice_that_costs_something() -> None:
    line = (
        draft(1100).lines[0].model_copy(update={"amount": Money(amount_minor=27, currency="USD")})
    )
    nothing = draft(0, carried=(line,))
    assert (line_amounts(nothing), nothing.carried) == ([0], (line,))
    something = draft(1100, carried=nothing.carried)
    assert (line_amounts(something), something.carried) == ([1100, 27], ())


def written_off(running: Running) -> list[tuple[str, int]]:
    """The entries' accounts and amounts: service that was sold, and the loss of it."""
    return [
        (posting.account.value, posting.amount.amount_minor)
        for entry in running.books.entries
        if entry.source_key.startswith("carried.written_off")
        for posting in entry.postings
    ]


def test_what_was_carried_is_written_off_once_at_the_end() -> None:
    running = dollars()
    running.until("2026-04-30")
    running.upgrade(more=1)
    assert carried(running) == [37]
    running.cancel_now()
    assert carried(running) == []
    assert written_off(running) == [("write_offs", 37), ("deferred_revenue", -37)]
    running.until("2026-07-01")
    assert len(running.state.written_off) == 1


def test_an_end_with_nothing_carried_writes_nothing_off() -> None:
    running = dollars()
    running.cancel_now()
    assert (written_off(running), running.state.written_off) == ([], ())


def test_a_rest_after_a_pause_that_no_invoice_takes_is_written_off() -> None:
    running = dollars()
    running.until("2026-04-11")
    running.pause("2026-05-31")
    running.until("2026-05-31")
    assert carried(running) == [35]
    running.cancel_now()
    assert written_off(running) == [("write_offs", 35), ("deferred_revenue", -35)]


def test_what_was_carried_is_written_off_where_dunning_ends_in_the_free_plan() -> None:
    running = dollars()
    running.until("2026-04-30")
    running.upgrade(more=1)
    fallback = running.state.terms.model_copy(update={"price_id": "free"})
    free = changing.downgraded(running.state, fallback, running.now)
    assert (free.carried, [each.amount.amount_minor for each in free.written_off]) == ((), [37])
    gone = lifecycle.ended(free, EndReason.REQUESTED, running.now)
    assert gone.written_off == free.written_off


def test_nothing_is_given_back_of_what_was_carried() -> None:
    running = dollars()
    running.until("2026-04-30")
    running.upgrade(more=1)
    running.until("2026-04-30T12:00")
    assert running.cancel_now(UnusedPart.REFUND) == 18
    assert [note.invoice_id for note in running.books.notes] == [next(iter(running.books.invoices))]


def test_a_refund_in_thousandths_sends_whole_steps_to_the_card() -> None:
    running = dinars()
    running.until("2026-04-11T06:00")
    assert running.cancel_now(UnusedPart.REFUND) == 8124
    [note] = running.books.notes
    assert (note.to_card.amount_minor, note.to_balance.amount_minor) == (8120, 4)


def draft(unit_minor: int, *, carried: tuple[InvoiceLine, ...] = ()) -> InvoiceDraft:
    return draft_for_period(
        customer_id="cus_1",
        subscription_id="sub_1",
        price=price(unit_minor),
        product_name="Team",
        quantity=1,
        period=Period(start=at("2026-04-01"), end=at("2026-05-01")),
        period_number=0,
        carried=carried,
        now=at("2026-04-01"),
    )


@settings(deadline=None)
@given(
    st.sampled_from(["KWD", "BHD", "ISK", "UGX", "JPY", "USD", "HUF", "XPF"]),
    st.lists(st.integers(1, 5), min_size=1, max_size=6),
    st.data(),
)
def test_whatever_is_added_whenever_every_charge_can_be_made_and_all_of_it_is(
    currency: str, additions: list[int], drawn: st.DataObject
) -> None:
    least = max(minimum_charge_minor(currency), charge_step_minor(currency))
    unit = drawn.draw(st.integers(1, 100)) * least
    running = Running(offer("club", unit, currency=currency), start=at("2026-04-01"))
    running.until("2026-04-01")
    for more in additions:
        seconds = drawn.draw(st.integers(0, 20 * 86_400))
        running.until(running.now + timedelta(seconds=seconds))
        running.upgrade(more=more)
    running.until("2027-01-01")
    for charge in charges(running):
        assert charge % charge_step_minor(currency) == 0
        assert charge == 0 or charge >= minimum_charge_minor(currency)
    lines = [line for b in running.books.invoices.values() for line in b.draft.lines]
    owed = sum(
        line.amount.amount_minor
        for line in lines
        if not line.description.startswith(("Carried", "Unused"))
    )
    assert running.books.cash == owed - sum(carried(running))
    assert sum(carried(running)) < least
