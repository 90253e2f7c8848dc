"""One-off charges: what they say on an invoice."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.anchor import period
from billing.errors import InvalidInput
from billing.interval import Interval, IntervalUnit
from billing.invoice import InvoiceDraft, draft_for_period
from billing.invoice_item import InvoiceItem, amount_of, moment
from billing.money import Money
from tests.billing.strategies import price

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
MONTH = period(NOW, Interval(unit=IntervalUnit.MONTH), 0)


def _item(amount_minor: int, number: int = 1) -> InvoiceItem:
    return InvoiceItem(
        id=f"ii_{number}",
        customer_id="cus_1",
        subscription_id="sub_1",
        description="Migration",
        quantity=1,
        amount=Money(amount_minor=amount_minor, currency="USD"),
        period=moment(NOW),
        created_at=NOW,
    )


def _draft(*items: InvoiceItem, cents: int = 1600, **more: object) -> InvoiceDraft:
    return draft_for_period(
        customer_id="cus_1",
        subscription_id="sub_1",
        price=price(cents),
        product_name="Team",
        quantity=1,
        period=MONTH,
        period_number=0,
        items=tuple(item.line for item in items),
        now=NOW,
        **more,  # type: ignore[arg-type]  # carried lines
    )


@given(st.lists(st.integers(1, 10**7), max_size=5), st.sampled_from([0, 1600]))
def test_every_item_is_a_line_of_its_own_period_beside_the_periods(
    amounts: list[int], cents: int
) -> None:
    items = [_item(amount, number) for number, amount in enumerate(amounts)]
    draft = _draft(*items, cents=cents)
    carried = sum(line.amount.amount_minor for line in draft.carried)
    assert draft.total.amount_minor + carried == cents + sum(amounts)
    on_invoice = [line for line in draft.lines if line.item_id is not None]
    assert [line.item_id for line in on_invoice] == [item.id for item in items]
    assert all(line.period == moment(NOW) and line.price_id is None for line in on_invoice)


def test_an_item_on_a_free_period_is_collected_with_what_was_carried() -> None:
    [left] = _draft(_item(30), cents=0).carried
    assert left.amount.amount_minor == 30
    later = _draft(_item(20), cents=0, carried=(left,))
    assert (later.total.amount_minor, later.carried) == (50, ())


def test_an_amount_is_what_one_charge_can_take() -> None:
    assert amount_of(unit_amount_minor=250, quantity=4, currency="USD").amount_minor == 1000
    for unit, currency, code in (
        (99_999_999, "USD", "amount_too_large"),
        (3, "KWD", "amount_not_chargeable"),
    ):
        with pytest.raises(InvalidInput) as refused:
            amount_of(unit_amount_minor=unit, quantity=2, currency=currency)
        assert refused.value.code == code
