"""What is given back, and whereto: never more than was paid, and all of it (policy P13, P31)."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.catalog import ProrationMode
from billing.credit_note import (
    CreditNoteLine,
    CreditReason,
    Settled,
    amount_lines,
    by_invoice,
    credit_note_id,
    draft_for,
    to_sources,
    unused_lines,
    within,
)
from billing.errors import Conflict, InvalidInput
from billing.money import Money
from billing.period import Period
from billing.proration import Debit, LineRef

APRIL = Period(start=datetime(2026, 4, 1, tzinfo=UTC), end=datetime(2026, 5, 1, tzinfo=UTC))
AMOUNTS = st.integers(0, 20_000)


def money(minor: int, currency: str = "USD") -> Money:
    return Money(amount_minor=minor, currency=currency)


def debit(minor: int, *, credited: int = 0, position: int = 1, invoice: str = "in_1") -> Debit:
    return Debit(
        ref=LineRef(invoice_id=invoice, position=position),
        description="Team, 10 seats, every month",
        price_id="team_monthly",
        price_version=1,
        quantity=10,
        period=APRIL,
        amount=money(minor),
        credited=money(credited),
    )


def line(minor: int, of: Debit) -> CreditNoteLine:
    return CreditNoteLine(
        description=of.description, debit=of.ref, period=of.period, amount=money(minor)
    )


def settled(
    *,
    card: int = 12000,
    balance: int = 4000,
    card_returned: int = 0,
    balance_returned: int = 0,
    is_disputed: bool = False,
    currency: str = "USD",
) -> Settled:
    return Settled(
        invoice_id="in_1",
        payment_id="pi_1",
        by_card=money(card, currency),
        by_balance=money(balance, currency),
        card_returned=money(card_returned, currency),
        balance_returned=money(balance_returned, currency),
        is_disputed=is_disputed,
    )


def test_what_balance_and_card_paid_goes_back_to_both() -> None:
    assert to_sources(money(16000), settled()) == (money(12000), money(4000))


def test_a_part_goes_to_the_card_first() -> None:
    assert to_sources(money(10000), settled()) == (money(10000), money(0))
    later = settled(card_returned=10000)
    assert to_sources(money(5000), later) == (money(2000), money(3000))


@given(card=AMOUNTS, balance=AMOUNTS, card_share=st.fractions(0, 1), asked=AMOUNTS)
def test_all_of_it_goes_somewhere_and_never_more_to_the_card_than_it_paid(
    card: int, balance: int, card_share: float, asked: int
) -> None:
    paid = settled(card=card, balance=balance, card_returned=int(card * card_share))
    if asked > paid.left.amount_minor:
        with pytest.raises(Conflict, match="nothing_to_refund"):
            to_sources(money(asked), paid)
        return
    to_card, to_balance = to_sources(money(asked), paid)
    assert to_card + to_balance == money(asked)
    assert 0 <= to_card.amount_minor <= paid.card_left.amount_minor
    assert 0 <= to_balance.amount_minor <= balance


def test_what_is_less_than_a_step_of_the_currency_cannot_go_to_a_card() -> None:
    dinars = settled(card=12_340, balance=0, currency="KWD")
    assert to_sources(money(7333, "KWD"), dinars) == (money(7330, "KWD"), money(3, "KWD"))


def test_nothing_of_a_disputed_payment_goes_back() -> None:
    with pytest.raises(Conflict, match="charge_disputed"):
        to_sources(money(1), settled(is_disputed=True))


@given(st.data())
def test_an_amount_is_shared_by_what_is_left_of_the_debits(drawn: st.DataObject) -> None:
    debits = [
        debit(
            minor := drawn.draw(st.integers(1, 20_000)),
            credited=drawn.draw(st.integers(0, minor)),
            position=position,
        )
        for position in range(1, drawn.draw(st.integers(1, 5)) + 1)
    ]
    left = sum(each.creditable.amount_minor for each in debits)
    asked = drawn.draw(st.integers(1, left + 5))
    paid = money(drawn.draw(st.integers(1, left + 5)))
    if asked > min(left, paid.amount_minor):
        with pytest.raises(InvalidInput, match="amount_too_large"):
            amount_lines(debits, money(asked), paid=paid)
        return
    lines = amount_lines(debits, money(asked), paid=paid)
    assert sum(each.amount.amount_minor for each in lines) == asked
    by_ref = {each.ref: each for each in debits}
    for each in lines:
        charged = by_ref[each.debit]
        assert 0 < each.amount.amount_minor <= charged.creditable.amount_minor
        assert each.period.start == APRIL.start
        assert (each.period.end == APRIL.end) == (each.amount == charged.amount)


def test_a_part_given_back_leaves_the_rest_of_the_debit_in_force() -> None:
    [given_back] = amount_lines([debit(16000)], money(4000), paid=money(16000))
    assert given_back.period.end == datetime(2026, 4, 8, 12, tzinfo=UTC)


@given(asked=st.lists(AMOUNTS, max_size=6), credited=st.integers(0, 16_000), paid=AMOUNTS)
def test_lines_never_give_back_more_than_is_left(
    asked: list[int], credited: int, paid: int
) -> None:
    charged = debit(16_000, credited=credited)
    kept = within([line(minor, charged) for minor in asked], [charged], paid=money(paid))
    total = sum(each.amount.amount_minor for each in kept)
    assert total == min(sum(asked), 16_000 - credited, paid)
    assert all(each.amount.amount_minor > 0 for each in kept)


def test_lines_of_a_debit_that_is_not_there_give_nothing() -> None:
    assert within([line(5, debit(10, position=2))], [debit(10)], paid=money(10)) == ()


def test_unused_time_is_credited_for_what_lies_in_the_part() -> None:
    part = Period(start=datetime(2026, 4, 11, tzinfo=UTC), end=APRIL.end)
    [unused] = unused_lines([debit(1100)], part, ProrationMode.BY_SECOND)
    assert (unused.amount, unused.period) == (money(733), part)
    after = Period(start=APRIL.end, end=datetime(2026, 6, 1, tzinfo=UTC))
    assert list(unused_lines([debit(1100)], after, ProrationMode.BY_SECOND)) == []


def test_one_note_corrects_one_invoice() -> None:
    lines = [line(1, debit(10, invoice=name)) for name in ("in_2", "in_1", "in_2")]
    groups = list(by_invoice(lines))
    assert [(invoice, len(of)) for invoice, of in groups] == [("in_1", 1), ("in_2", 2)]


def test_a_cause_makes_one_note_per_invoice() -> None:
    assert credit_note_id("in_1", "cancel:1") == credit_note_id("in_1", "cancel:1")
    assert len({credit_note_id(i, s) for i in ("in_1", "in_2") for s in ("a", "b")}) == 4


def test_what_does_not_go_to_the_card_goes_to_the_balance() -> None:
    note = draft_for(
        source="cancel:1",
        invoice_id="in_1",
        customer_id="cus_1",
        subscription_id="sub_1",
        reason=CreditReason.CANCELED,
        lines=[line(16000, debit(16000))],
        to_card=money(12000),
        now=APRIL.start,
    )
    assert (note.total, note.to_balance) == (money(16000), money(4000))
    with pytest.raises(ValueError, match="all of it"):
        type(note).model_validate(note.model_dump() | {"to_balance": money(1)})
