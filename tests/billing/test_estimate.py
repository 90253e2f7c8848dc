"""What the preview of a change says of the renewal after it.

That it is what will be billed is asserted at every change of `tests.billing.running`.
"""

from datetime import timedelta
from decimal import Decimal

from billing import migrating
from billing.catalog import AnchorKind, Product, Trial
from billing.estimate import renewal_after
from billing.invoice_item import InvoiceItem, moment
from billing.offer import price_as_sold
from billing.price_model import PerUnit
from billing.requested_change import ChangeBasis
from tests.billing.running import Running, at, offer
from tests.billing.test_discount import usd

START = at("2026-04-01")


def _basis(running: Running, *items: InvoiceItem) -> ChangeBasis:
    return ChangeBasis(
        current_price=running.price_of(running.state.terms),
        offer=running.catalog["business"],
        segment=None,
        debits=(),
        items=items,
    )


def test_after_a_trial_a_calendar_anchor_bills_what_is_left_of_the_month() -> None:
    plan = Product(
        id="plan", name="Plan", family="plan", trial=Trial(days=15), anchor=AnchorKind.CALENDAR
    )
    running = Running(
        offer("team", 1_600, product=plan), offer("business", 3_000, product=plan), start=START
    )
    running.until(START)
    change = running.plan("business")
    assert renewal_after(running.state, change, _basis(running)) == usd(1_500)
    running.change("business")
    running.until("2026-04-16")
    [booked] = running.books.invoices.values()
    assert booked.draft.total == usd(1_500)


def test_what_waits_for_the_next_invoice_is_on_it() -> None:
    running = Running(offer("team", 1_600), offer("business", 3_000), start=START)
    running.until("2026-04-10")
    setup = InvoiceItem(
        id="ii_1",
        customer_id="cus_1",
        subscription_id="sub_1",
        description="Setup",
        quantity=1,
        amount=usd(2_500),
        period=moment(START),
        created_at=START,
    )
    assert renewal_after(running.state, running.plan("business"), _basis(running, setup)) == usd(
        5_500
    )


def test_more_of_what_is_about_to_move_is_billed_at_the_price_that_it_moves_to() -> None:
    team = offer("team", 1_600)
    dearer = team.price.model_copy(
        update={"version": 2, "model": PerUnit(unit_amount_minor=Decimal(2_000))}
    )
    running = Running(team, offer("business", 3_000), start=START)
    running.until("2026-04-10")
    target = running.state.terms.model_copy(
        update={"price_version": 2, "period_amount": usd(2_000)}
    )
    told = migrating.planned(
        running.state,
        migration_id="mig_1",
        target=target,
        migrates_at=START,
        notice=timedelta(0),
        now=running.now,
    )
    basis = ChangeBasis(
        current_price=running.price_of(told.terms),
        offer=None,
        segment=None,
        debits=(),
        migration_price=price_as_sold(dearer, target),
    )
    more = running.plan(quantity=3)
    follows = target.model_copy(update={"quantity": 3, "period_amount": usd(6_000)})
    assert renewal_after(told, more.model_copy(update={"migrates_to": follows}), basis) == usd(
        6_000
    )
    assert renewal_after(told, more, basis) == usd(4_800)
