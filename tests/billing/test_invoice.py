from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.anchor import period
from billing.interval import Interval, IntervalUnit
from billing.invoice import InvoiceDraft, draft_for_period, due_at, invoice_id
from billing.money import Money
from billing.period import Period
from tests.billing.strategies import instants, price

ANCHOR = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
FIRST = period(ANCHOR, Interval(unit=IntervalUnit.MONTH), 0)


def _draft(quantity: int = 5, *, now: datetime = ANCHOR, number: int = 0) -> InvoiceDraft:
    return draft_for_period(
        customer_id="cus_1",
        subscription_id="sub_1",
        price=price(1600),
        product_name="Team",
        quantity=quantity,
        period=FIRST,
        period_number=number,
        now=now,
    )


def test_one_period_of_five_seats_is_one_line_of_eighty_dollars() -> None:
    draft = _draft()
    (line,) = draft.lines
    assert draft.total == line.amount == Money(amount_minor=8000, currency="USD")
    assert line.description == "Team, 5 seats, every month"
    assert line.period == FIRST
    assert (draft.finalized_at, draft.due_at) == (ANCHOR, ANCHOR)
    assert _draft(1).lines[0].description == "Team, 1 seat, every month"


@given(st.integers(1, 1_000_000))
def test_a_total_is_the_sum_of_its_lines(quantity: int) -> None:
    draft = _draft(quantity)
    assert draft.total.amount_minor == sum(line.amount.amount_minor for line in draft.lines)


def test_a_total_that_is_not_the_sum_is_refused() -> None:
    draft = _draft()
    wrong = draft.model_dump() | {"total": {"amount_minor": 8001, "currency": "USD"}}
    with pytest.raises(ValueError, match="sum of its lines"):
        InvoiceDraft.model_validate(wrong)


def test_a_period_has_one_invoice_id_whenever_it_is_billed() -> None:
    assert _draft().id == _draft(now=ANCHOR + timedelta(days=70)).id == invoice_id("sub_1", 0)
    others = {invoice_id("sub_1", 1), invoice_id("sub_2", 0), invoice_id("sub_", 10)}
    assert len(others | {_draft().id}) == 4


@given(instants, st.timedeltas(timedelta(0), timedelta(days=400)))
def test_an_invoice_is_due_at_its_periods_start_unless_it_is_a_day_late(
    start: datetime, late: timedelta
) -> None:
    due = due_at(Period(start=start, end=start + timedelta(days=30)), start + late)
    assert due == (start if late < timedelta(days=1) else start + late)


def test_an_invoice_survives_being_written_and_read() -> None:
    draft = _draft()
    assert InvoiceDraft.model_validate_json(draft.model_dump_json()) == draft
