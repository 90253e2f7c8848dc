"""A subscription's life on the real server, with skipped time."""

import asyncio

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from adapters.db.tables.audit import audit_log
from adapters.db.tables.payment_attempt import payment_attempts
from tests.workflows.company import Company, at
from workflows.messages import CancelMode


async def test_a_trial_converts_into_one_invoice_at_its_end(company: Company) -> None:
    async with company.working():
        subscription = await company.subscribe(await company.customer(), trial_days=14)
        assert (await subscription.activated()).status == "trialing"
        await company.advance("2026-01-31T09:29:59")
        assert await company.invoices() == []

        await company.advance("2026-01-31T09:30")

        [invoice] = await company.invoices()
        assert (invoice["total_minor"], invoice["status"]) == (8000, "paid")
        assert invoice["due_at"] == invoice["paid_at"] == at("2026-01-31T09:30")
        assert company.mailbox.kinds() == ["trial_will_end"]


async def test_boundaries_after_a_trial_follow_its_end_clamped_to_the_month(
    company: Company,
) -> None:
    async with company.working():
        subscription = await company.subscribe(await company.customer(), trial_days=14)
        await subscription.activated()
        ends = []
        for instant in ("2026-01-31T09:30", "2026-02-28T09:30", "2026-03-31T09:30"):
            await company.advance(instant)
            period = (await subscription.report()).state.period
            assert period is not None
            ends.append(period.end)

    assert ends == [at("2026-02-28T09:30"), at("2026-03-31T09:30"), at("2026-04-30T09:30")]


async def test_a_trial_cancelled_in_time_never_costs_anything_and_tells_once(
    company: Company,
) -> None:
    async with company.working():
        subscription = await company.subscribe(await company.customer(), trial_days=14)
        await subscription.activated()
        await company.advance("2026-01-25T12:00")

        await subscription.cancel()
        await company.advance("2026-12-31T00:00")

        assert await company.invoices() == []
        assert company.mailbox.kinds() == ["subscription_canceled"]
        report = await subscription.report()
        assert (report.state.status, report.state.ended_at) == ("canceled", at("2026-01-31T09:30"))


async def test_a_trial_without_a_payment_method_ends_without_an_invoice(company: Company) -> None:
    async with company.working():
        customer = await company.customer(card=None)
        subscription = await company.subscribe(customer, trial_days=14)
        await subscription.activated()
        await company.advance("2026-02-02T00:00")

        assert (await subscription.report()).state.end_reason == "no_payment_method"
        assert await company.invoices() == []
        assert company.mailbox.kinds() == ["trial_will_end", "subscription_canceled"]


async def test_an_annual_subscription_from_a_leap_day_comes_back_to_it(company: Company) -> None:
    company.present = at("2028-02-29T12:00")
    async with company.working():
        subscription = await company.subscribe(await company.customer(), price_id="team_y", seats=1)
        await subscription.activated()
        await company.advance("2032-03-01T00:00")

    assert [invoice["period_start"] for invoice in await company.invoices()] == [
        at(f"{day}T12:00")
        for day in ("2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29")
    ]


async def test_boundaries_missed_by_an_outage_are_billed_one_by_one(company: Company) -> None:
    company.present = at("2026-01-15T08:00")
    async with company.working():
        subscription = await company.subscribe(await company.customer())
        await subscription.activated()
        await company.advance("2026-02-10T00:00")
    async with company.working():
        await company.wake_after_an_outage(subscription, "2026-04-21T00:00")

        missed = (await company.invoices())[1:]
        assert [(i["period_start"], i["period_end"], i["status"]) for i in missed] == [
            (at("2026-02-15T08:00"), at("2026-03-15T08:00"), "paid"),
            (at("2026-03-15T08:00"), at("2026-04-15T08:00"), "paid"),
            (at("2026-04-15T08:00"), at("2026-05-15T08:00"), "paid"),
        ]


async def test_a_command_after_an_outage_belongs_to_the_period_it_comes_in(
    company: Company,
) -> None:
    company.present = at("2026-01-15T08:00")
    async with company.working():
        subscription = await company.subscribe(await company.customer())
        await subscription.activated()
        await company.advance("2026-02-10T00:00")
    async with company.working():
        waking = asyncio.create_task(company.wake_after_an_outage(subscription, "2026-04-21T00:00"))
        await waking
        await subscription.cancel()

        cancellation = (await subscription.report()).state.cancellation
        assert cancellation is not None
        assert cancellation.at == at("2026-05-15T08:00")


async def test_a_command_sent_five_times_is_applied_once_and_answered_alike(
    company: Company,
) -> None:
    async with company.working():
        subscription = await company.subscribe(await company.customer())
        await subscription.activated()

        receipts = await asyncio.gather(
            *(subscription.cancel(command_id="cmd_1") for _ in range(5))
        )

        assert len(set(receipts)) == 1
        assert await company.count(audit_log, subject=subscription.id) == 1
        await company.settle()
        assert company.mailbox.kinds() == ["subscription_canceled"]


async def test_a_cancellation_can_be_undone_until_the_period_ends(company: Company) -> None:
    async with company.working():
        subscription = await company.subscribe(await company.customer())
        await subscription.activated()
        await subscription.cancel()
        await subscription.undo_cancel()
        await company.advance("2026-02-20T00:00")

        assert await subscription.status() == "active"
        assert len(await company.invoices()) == 2


async def test_cancelling_now_ends_the_subscription_and_renews_nothing(company: Company) -> None:
    async with company.working():
        subscription = await company.subscribe(await company.customer())
        await subscription.activated()
        await subscription.cancel(CancelMode.NOW)
        await company.advance("2026-06-01T00:00")

        assert await subscription.status() == "canceled"
        assert len(await company.invoices()) == 1


@pytest.mark.parametrize("first", ["cancel", "renewal"])
async def test_a_cancellation_in_the_instant_of_renewal_takes_one_legal_order(
    company: Company, first: str
) -> None:
    async with company.working():
        subscription = await company.subscribe(await company.customer())
        await subscription.activated()
        if first == "cancel":
            await company.advance("2026-02-17T09:29:59")
            await asyncio.gather(subscription.cancel(), company.advance("2026-02-17T09:30"))
        else:
            await asyncio.gather(company.advance("2026-02-17T09:30"), subscription.cancel())
        await company.settle()

        state, paid = (await subscription.report()).state, len(await company.invoices())
        if state.status == "canceled":
            assert (state.ended_at, paid) == (at("2026-02-17T09:30"), 1)
        else:
            assert state.cancellation is not None
            assert (state.cancellation.at, paid) == (at("2026-03-17T09:30"), 2)


async def test_an_extended_trial_is_charged_at_its_new_end(company: Company) -> None:
    async with company.working():
        subscription = await company.subscribe(await company.customer(), trial_days=14)
        await subscription.activated()
        await subscription.extend_trial("2026-02-10T00:00")
        await company.advance("2026-02-09T23:59")
        assert await company.invoices() == []
        await company.advance("2026-02-10T00:00")

        [invoice] = await company.invoices()
        assert invoice["due_at"] == at("2026-02-10T00:00")
        assert company.mailbox.kinds() == ["trial_extended", "trial_will_end"]


async def test_commands_to_an_ended_subscription_are_refused_with_their_code(
    company: Company,
) -> None:
    async with company.working():
        subscription = await company.subscribe(await company.customer())
        await subscription.activated()
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await subscription.undo_cancel()
        assert isinstance(refused.value.cause, ApplicationError)
        assert refused.value.cause.type == "no_pending_cancellation"
        assert list(refused.value.cause.details) == ["Conflict"]
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await subscription.extend_trial("2027-01-01T00:00")
        assert isinstance(refused.value.cause, ApplicationError)
        assert refused.value.cause.type == "command_not_allowed"


async def test_a_declined_renewal_climbs_the_ladder_and_ends_the_subscription(
    company: Company,
) -> None:
    company.present = at("2026-05-01T00:00")
    async with company.working():
        customer = await company.customer()
        subscription = await company.subscribe(customer, seats=10)
        await subscription.activated()
        await company.save_card(customer, "pm_card_chargeCustomerFail")
        await company.advance("2026-06-15T23:59:59")
        assert await subscription.status() == "past_due"

        await company.advance("2026-06-16T00:00")

        assert (await subscription.report()).state.end_reason == "payment_failed"
        first, second = await company.invoices()
        assert (first["status"], second["status"]) == ("paid", "void")
        assert company.mailbox.kinds() == ["payment_failed"] * 4 + ["subscription_canceled"]
        assert await company.count(payment_attempts, invoice_id=second["id"]) == 4


async def test_a_new_card_pays_what_is_open_at_once_and_keeps_the_anchor(
    company: Company,
) -> None:
    company.present = at("2026-05-01T00:00")
    async with company.working():
        customer = await company.customer()
        subscription = await company.subscribe(customer)
        await subscription.activated()
        await company.save_card(customer, "pm_card_chargeCustomerFail")
        await company.advance("2026-06-06T12:00")
        await company.save_card(customer, "pm_card_visa")

        await subscription.handle.signal("payment_method_changed")
        await company.settle()

        state = (await subscription.report()).state
        assert (state.status, state.open_invoices) == ("active", ())
        assert state.period is not None
        assert state.period.end == at("2026-07-01T00:00")
        assert [i["status"] for i in await company.invoices()] == ["paid", "paid"]
