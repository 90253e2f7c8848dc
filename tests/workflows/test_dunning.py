"""Dunning: attempts on their days, what the customer can do, and how it ends (policy P18-P20)."""

import asyncio
from datetime import datetime, timedelta

from sqlalchemy import select
from temporalio.testing import TimeSkipper, TimeSkippingConfig

from adapters.db.tables.payment_attempt import payment_attempts
from simulator.faults import Fault
from tests.conftest import StripeSimulator
from tests.histories.settling import BROKE, settled
from tests.worker.desk import pass_challenge
from tests.workflows.company import Company, Subscription, at
from tests.workflows.test_payments import captured
from workflows.messages import ExtendGrace, PaymentNews, PayNow, WaiveInvoice


async def owing(company: Company, card: str, *, price_id: str = "team_m") -> Subscription:
    """$160.00 fall due on 1 June, and the card on file has become `card`."""
    company.present = at("2026-05-01T00:00")
    customer = await company.customer()
    subscription = await company.subscribe(customer, seats=10, price_id=price_id)
    assert (await subscription.activated()).status == "active"
    await company.save_card(customer, card)
    return subscription


async def use_another_card(company: Company, subscription: Subscription) -> None:
    customer = (await subscription.report()).state.customer_id
    await company.save_card(customer, "pm_card_visa")
    await subscription.handle.signal("payment_method_changed")
    await company.settle()


async def attempts_at(company: Company) -> list[datetime]:
    """When the renewal was tried."""
    async with company.engine.connect() as connection:
        found = await connection.scalars(
            select(payment_attempts.c.attempted_at).order_by(payment_attempts.c.attempted_at)
        )
        return list(found)[1:]


LADDER = [at(f"2026-06-{day:02}T00:00") for day in (1, 4, 9, 16)]


async def test_soft_declines_are_tried_four_times_and_then_the_subscription_ends(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        subscription = await owing(company, BROKE)
        await company.advance("2026-06-15T23:59")
        assert await subscription.status() == "past_due"
        await company.advance("2026-06-16T00:00")
        state = (await subscription.report()).state
        assert (state.status, state.end_reason) == ("canceled", "payment_failed")

    assert await attempts_at(company) == LADDER
    assert company.mailbox.kinds() == ["payment_failed"] * 4 + ["subscription_canceled"]
    assert await captured(simulator) == 16000
    assert [i["status"] for i in await company.invoices()] == ["paid", "void"]


async def test_a_stolen_card_is_not_tried_again_and_a_new_one_at_once(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        subscription = await owing(company, "pm_card_visa")
        customer = (await subscription.report()).state.customer_id
        await simulator.control.schedule_outcomes(
            await company.default_method(customer), "stolen_card"
        )
        await company.advance("2026-06-06T12:00")
        assert await attempts_at(company) == LADDER[:1]
        await use_another_card(company, subscription)
        assert await subscription.status() == "active"
        assert await attempts_at(company) == [LADDER[0], at("2026-06-06T12:00")]
        await company.advance("2026-07-01T00:00")

    assert [i["finalized_at"] for i in await company.invoices()] == [
        at("2026-05-01T00:00"),
        at("2026-06-01T00:00"),
        at("2026-07-01T00:00"),
    ]
    assert await captured(simulator) == 48000


async def test_a_new_card_ends_the_ladder_and_the_next_renewal_keeps_its_day(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        subscription = await owing(company, BROKE)
        await company.advance("2026-06-06T12:00")
        await use_another_card(company, subscription)
        await company.advance("2026-07-01T00:00")

    assert await attempts_at(company) == [
        *LADDER[:2],
        at("2026-06-06T12:00"),
        at("2026-07-01T00:00"),
    ]
    assert await captured(simulator) == 48000


async def test_an_authentication_is_not_asked_blindly_and_charges_once_when_given(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        subscription = await owing(company, "pm_card_authenticationRequired")
        await company.advance("2026-06-08T00:00")
        assert await attempts_at(company) == LADDER[:1]
        receipt = await subscription.give(PayNow, customer_present=True)
        assert receipt.action_url is not None
        await pass_challenge(receipt.action_url)
        news = PaymentNews(invoice_id=receipt.invoice_id or "")
        await subscription.handle.signal("payment_news", news)
        await company.settle()
        assert await subscription.status() == "active"

    assert await captured(simulator) == 32000


async def test_paying_in_the_instant_of_an_attempt_is_one_charge(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        subscription = await owing(company, BROKE)
        await company.advance("2026-06-02T00:00")
        customer = (await subscription.report()).state.customer_id
        await company.save_card(customer, "pm_card_visa")
        paying = asyncio.create_task(subscription.give(PayNow))
        await asyncio.gather(company.advance("2026-06-04T00:00"), paying, return_exceptions=True)
        await company.settle()
        assert await subscription.status() == "active"

    assert await captured(simulator) == 32000


async def test_a_grace_is_one_more_attempt_and_a_later_end(company: Company) -> None:
    async with company.working():
        subscription = await owing(company, BROKE)
        await company.advance("2026-06-10T00:00")
        await subscription.give(ExtendGrace, until=at("2026-06-23T00:00"))
        await company.advance("2026-06-22T23:59")
        assert await subscription.status() == "past_due"
        await company.advance("2026-06-23T00:00")
        assert await subscription.status() == "canceled"

    assert await attempts_at(company) == [*LADDER, at("2026-06-23T00:00")]


async def test_a_waived_invoice_is_void_and_nothing_is_past_due(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        subscription = await owing(company, BROKE)
        await company.advance("2026-06-02T00:00")
        invoice = (await subscription.report()).state.open_invoices[0].invoice_id
        await subscription.give(WaiveInvoice, invoice_id=invoice)
        await company.settle()
        assert await subscription.status() == "active"

    assert await captured(simulator) == 16000
    assert [i["status"] for i in await company.invoices()] == ["paid", "void"]


async def test_the_free_plan_is_sold_instead_and_an_upgrade_leads_back(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        subscription = await owing(company, BROKE, price_id="solo_m")
        await company.advance("2026-06-20T00:00")
        state = (await subscription.report()).state
        assert (state.status, state.terms.price_id) == ("active", "personal_free")
        assert state.open_invoices == ()
        await use_another_card(company, subscription)
        assert (await subscription.change("solo_m", seats=1)).change == "applied"
        await company.advance("2026-07-20T00:00")

    assert company.mailbox.kinds()[4:] == ["subscription_downgraded", "plan_changed"]
    assert await captured(simulator) == 16000 + 1600 + 1600


async def test_an_unpaid_subscription_rests_until_everything_is_paid(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        subscription = await owing(company, BROKE, price_id="lasting_m")
        await company.advance("2026-07-16T00:00")
        assert await subscription.status() == "unpaid"
        assert len(await company.invoices()) == 2
        await use_another_card(company, subscription)
        await company.settle()
        assert await subscription.status() == "active"
        await company.advance("2026-08-01T00:00")

    # June, then 16 of July's 31 days, then August.
    assert [i["total_minor"] for i in await company.invoices()] == [16000, 16000, 8258, 16000]
    assert await captured(simulator) == 16000 + 16000 + 8258 + 16000


async def test_an_outage_of_fifteen_minutes_makes_nobody_past_due(
    company: Company, simulator: StripeSimulator
) -> None:
    skipper = TimeSkipper(
        company.client, config=TimeSkippingConfig(max_session_skip_count=1_000_000)
    )
    async with company.working():
        owing_soon = [
            await company.subscribe(await company.customer(), seats=10, live=True) for _ in range(3)
        ]
        for subscription in owing_soon:
            await subscription.activated()
        for kind in ("rate_limited", "server_error") * 50:
            fault = {"kind": kind, "method": "POST", "path": "/v1/payment_intents", "times": 2}
            await simulator.control.inject(Fault.model_validate(fault))
        for subscription in owing_soon:
            renewal = (await subscription.report()).state.running_period.end
            left = renewal - await skipper.get_current_time(subscription.handle)
            await skipper.fast_forward(subscription.handle, left + timedelta(minutes=15))
        statuses = [await subscription.status() for subscription in owing_soon]
        taken_in_the_outage = await captured(simulator)
        await simulator.control.clear_faults()
        for subscription in owing_soon:
            await skipper.fast_forward(subscription.handle, timedelta(minutes=6))
            await settled(subscription)
        statuses += [await subscription.status() for subscription in owing_soon]

    assert statuses == ["active"] * 6
    assert company.mailbox.messages == []
    assert taken_in_the_outage == 3 * 16000
    assert await captured(simulator) == 6 * 16000
    assert [i["status"] for i in await company.invoices()] == ["paid"] * 6


async def test_the_networks_limit_holds_even_when_the_customer_insists(
    company: Company, simulator: StripeSimulator
) -> None:
    async with company.working():
        subscription = await owing(company, BROKE)
        await company.advance("2026-06-02T00:00")
        answers = [(await subscription.give(PayNow)).decline for _ in range(15)]

    assert answers == ["generic_decline"] * 14 + ["retry_limit_reached"]
    assert len(await attempts_at(company)) == 15
    assert await captured(simulator) == 16000
