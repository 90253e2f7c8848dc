"""Lives that subscriptions lead, each told from its start in a company of its own.

Owns the stories whose histories are recorded and whose commands are fingerprinted. A story waits
until everything is done before its next step, so that its history is the same every time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from temporalio.testing import TimeSkipper, TimeSkippingConfig

from tests.histories import (
    arrears_lives,
    changing_lives,
    purchase_lives,
    receiving_lives,
    refund_lives,
    terms_lives,
)
from tests.histories.settling import BROKE, settled, started
from tests.worker.desk import pass_challenge
from tests.workflows.company import Company, Subscription
from workflows.messages import CancelMode, PaymentNews, PayNow

Life = Callable[[Company], Awaitable[Subscription]]

_MONTH_AND_SPREAD: Final = timedelta(days=31, minutes=2)


async def trial_converted(company: Company) -> Subscription:
    """Two weeks for nothing, the notice, the first charge, one renewal."""
    subscription = await company.subscribe(await company.customer(), trial_days=14)
    await started(subscription)
    await company.advance("2026-02-28T09:30")
    return subscription


async def trial_canceled(company: Company) -> Subscription:
    """Cancelled in time, and over at the trial's end without a charge."""
    subscription = await company.subscribe(await company.customer(), trial_days=14)
    await started(subscription)
    await company.advance("2026-01-25T12:00")
    await subscription.cancel(command_id="cancel_1")
    await company.settle()
    await company.advance("2026-02-01T00:00")
    return subscription


async def trial_extended(company: Company) -> Subscription:
    """The first charge comes at the later end."""
    subscription = await company.subscribe(await company.customer(), trial_days=14)
    await started(subscription)
    await subscription.extend_trial("2026-02-10T00:00")
    await company.settle()
    await company.advance("2026-02-10T00:00")
    return subscription


async def dunning_recovered(company: Company) -> Subscription:
    """A declined renewal, a rung of the ladder, a new card, and the next renewal on its day."""
    customer = await company.customer()
    subscription = await company.subscribe(customer)
    await started(subscription)
    await company.save_card(customer, BROKE)
    await company.advance("2026-02-21T00:00")
    await company.save_card(customer, "pm_card_visa")
    await subscription.handle.signal("payment_method_changed")
    await company.settle()
    await company.advance("2026-03-17T09:30")
    return subscription


async def dunning_lost(company: Company) -> Subscription:
    """The whole ladder in vain: the subscription ends and what was open is void."""
    customer = await company.customer()
    subscription = await company.subscribe(customer)
    await started(subscription)
    await company.save_card(customer, BROKE)
    await company.advance("2026-03-05T00:00")
    await subscription.handle.result()
    return subscription


async def dunning_at_a_bank(company: Company) -> Subscription:
    """A declined renewal, and a bank that takes its time with what is tried instead."""
    customer = await company.customer()
    subscription = await company.subscribe(customer)
    await started(subscription)
    await company.save_card(customer, BROKE)
    await company.advance("2026-02-18T00:00")
    await company.save_bank_account(customer)
    await subscription.handle.signal("payment_method_changed")
    await settled(subscription)
    await company.advance("2026-03-05T00:00")
    return subscription


async def cancellation_undone(company: Company) -> Subscription:
    """Cancelled, undone, renewed."""
    subscription = await company.subscribe(await company.customer())
    await started(subscription)
    await subscription.cancel(command_id="cancel_1")
    await company.settle()
    await subscription.undo_cancel()
    await company.settle()
    await company.advance("2026-02-17T09:30")
    return subscription


async def canceled_now(company: Company) -> Subscription:
    """Past due, then cancelled at once: the open invoice is void."""
    customer = await company.customer()
    subscription = await company.subscribe(customer)
    await started(subscription)
    await company.save_card(customer, BROKE)
    await company.advance("2026-02-18T00:00")
    await subscription.cancel(CancelMode.NOW, command_id="cancel_1")
    await subscription.handle.result()
    return subscription


async def canceled_at_a_challenge(company: Company) -> Subscription:
    """Past due, and cancelled when the customer has just passed the payment's challenge."""
    customer = await company.customer()
    subscription = await company.subscribe(customer)
    await started(subscription)
    await company.save_card(customer, "pm_card_authenticationRequired")
    await company.advance("2026-02-18T00:00")
    receipt = await subscription.give(PayNow, customer_present=True)
    await settled(subscription)
    assert receipt.action_url is not None
    await pass_challenge(receipt.action_url)
    await subscription.cancel(CancelMode.NOW, command_id="cancel_1")
    await subscription.handle.result()
    return subscription


async def checkout_declined_then_paid(company: Company) -> Subscription:
    """The first card is declined while the customer waits; the second one pays."""
    customer = await company.customer(card=BROKE)
    subscription = await company.subscribe(customer)
    await started(subscription)
    await company.save_card(customer, "pm_card_visa")
    await subscription.complete_checkout()
    await settled(subscription)
    return subscription


async def checkout_expired(company: Company) -> Subscription:
    """Nobody ever completes the checkout."""
    subscription = await company.subscribe(await company.customer(card=None), ready=False)
    await started(subscription)
    await company.advance("2026-01-19T00:00")
    return subscription


async def checkout_authenticated(company: Company) -> Subscription:
    """The bank asks who pays, and is satisfied."""
    customer = await company.customer(card="pm_card_authenticationRequired")
    subscription = await company.subscribe(customer)
    await started(subscription)
    [invoice] = (await subscription.report()).state.open_invoices
    assert invoice.action_url is not None
    await pass_challenge(invoice.action_url)
    await subscription.handle.signal("payment_news", PaymentNews(invoice_id=invoice.invoice_id))
    await settled(subscription)
    return subscription


async def clock_moved_in_steps(company: Company) -> Subscription:
    """A test clock that is moved three times before the renewal, and once past it."""
    subscription = await company.subscribe(await company.customer())
    await started(subscription)
    for instant in ("01-18T00:00", "02-01T00:00", "02-17T09:29", "02-20T00:00"):
        await company.advance(f"2026-{instant}")
    return subscription


async def free_price_renewed(company: Company) -> Subscription:
    """Nothing to collect, twice."""
    subscription = await company.subscribe(await company.customer(), price_id="team_free")
    await started(subscription)
    await company.advance("2026-02-17T09:30")
    return subscription


async def live_renewal(company: Company) -> Subscription:
    """On no test clock: renewed with its spread after the boundary, as every customer is."""
    subscription = await company.subscribe(await company.customer(), live=True)
    await started(subscription)
    await skip_past_renewal(company, subscription, period_number=1)
    return subscription


async def skip_past_renewal(
    company: Company, subscription: Subscription, *, period_number: int
) -> None:
    """Skips a live subscription's time past a month's end; returns once the period is paid."""
    skipper = TimeSkipper(
        company.client, config=TimeSkippingConfig(max_session_skip_count=1_000_000)
    )
    async with asyncio.timeout(60):
        await skipper.fast_forward(subscription.handle, _MONTH_AND_SPREAD)
        while not await _is_renewed(subscription, period_number):  # noqa: ASYNC110 - a worker's work
            await asyncio.sleep(0.02)


async def _is_renewed(subscription: Subscription, period_number: int) -> bool:
    report = await subscription.report()
    return report.is_idle and report.state.period_number == period_number


LIVES: Final[Mapping[str, Life]] = MappingProxyType(
    {
        life.__name__: life
        for life in (
            trial_converted,
            trial_canceled,
            trial_extended,
            dunning_recovered,
            dunning_lost,
            dunning_at_a_bank,
            cancellation_undone,
            canceled_now,
            canceled_at_a_challenge,
            checkout_declined_then_paid,
            checkout_expired,
            checkout_authenticated,
            clock_moved_in_steps,
            free_price_renewed,
            live_renewal,
            changing_lives.upgraded,
            changing_lives.upgrade_declined,
            changing_lives.upgrade_abandoned,
            changing_lives.seats_removed,
            changing_lives.moved_to_another_price,
            changing_lives.paused_keeping_its_anchor,
            changing_lives.paused_extending,
            changing_lives.downgraded_to_free,
            changing_lives.unpaid_then_paid,
            changing_lives.unpaid_written_off,
            changing_lives.undone_at_a_challenge,
            changing_lives.canceled_with_credit,
            arrears_lives.billed_in_arrears,
            purchase_lives.bought_and_paid_late,
            terms_lives.suspended_on_net_terms,
            receiving_lives.paid_by_transfer,
            refund_lives.refund_paid_back,
            refund_lives.refund_at_its_bank,
        )
    }
)
