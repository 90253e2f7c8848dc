"""Add-ons whose parent's word is lost, or comes at a bad moment: they end with it all the same."""

from datetime import timedelta

from temporalio.testing import ActivityEnvironment

from adapters.temporal.subscription_signals import SubscriptionSignals
from billing.credit_note import UnusedPart
from billing.subscription import EndReason, SubscriptionState, SubscriptionStatus
from tests.workflows.company import Company, Subscription, at, terms_for
from tests.workflows.reconciling import reconciliation_of
from tests.workflows.test_cancel_with_credit import balance_minor
from workflows.messages import Cancel, CancelMode


async def _beside(
    company: Company, parent: Subscription, *, is_known: bool, price_id: str = "club_void_m"
) -> Subscription:
    """An add-on of the customer's, which its parent knows of or does not."""
    state = (await parent.report()).state
    sold = terms_for(price_id, quantity=5).model_copy(update={"anchored_at": state.anchor_at})
    addon = SubscriptionState(
        subscription_id=f"{parent.id}_addon",
        customer_id=state.customer_id,
        terms=sold,
        clock=company.clock(),
        created_at=company.present,
        checkout_expires_at=company.present + timedelta(hours=24),
        checkout_completed_at=company.present,
        parent_id=parent.id,
    )
    if is_known:
        signals = SubscriptionSignals(company.client)
        assert await signals.addon_started(parent.id, addon_id=addon.subscription_id)
    started = await company.start(addon)
    await started.activated()
    return started


async def _plan(company: Company) -> Subscription:
    plan = await company.subscribe(await company.customer())
    await plan.activated()
    await company.advance("2026-02-03T09:30")
    return plan


async def _reconciled(company: Company) -> int:
    reconciliation = reconciliation_of(company)
    return await ActivityEnvironment().run(reconciliation.end_orphaned_addons)


async def test_an_addon_ends_in_the_instant_of_its_parents_end(company: Company) -> None:
    async with company.working():
        plan = await _plan(company)
        addon = await _beside(company, plan, is_known=True)
        await plan.cancel(CancelMode.NOW)
        await company.settle()
        state = (await addon.report()).state
        assert (state.ended_at, state.end_reason) == (company.present, EndReason.PARENT_ENDED)
        assert await _reconciled(company) == 0
        kinds = [kind for kind in company.mailbox.kinds() if kind == "subscription_canceled"]
        assert len(kinds) == 2


async def test_what_of_an_addon_is_paid_beyond_its_parents_period_becomes_balance(
    company: Company,
) -> None:
    async with company.working():
        company.present = at("2026-04-01T00:00")
        plan = await company.subscribe(await company.customer(), price_id="club_void_m")
        await plan.activated()
        addon = await _beside(company, plan, is_known=True, price_id="team_y")
        await plan.cancel()
        await company.advance("2026-05-01T01:00")
        state = (await addon.report()).state
        assert (state.ended_at, state.end_reason) == (
            at("2026-05-01T00:00"),
            EndReason.PARENT_ENDED,
        )
        assert await balance_minor(company, addon) == round(5 * 18000 * 335 / 365)


async def test_an_upgrade_at_its_challenge_takes_nothing_of_what_the_end_gives_back(
    company: Company,
) -> None:
    async with company.working():
        company.present = at("2026-04-01T00:00")
        customer = await company.customer()
        plan = await company.subscribe(customer, price_id="club_void_m")
        await plan.activated()
        addon = await _beside(company, plan, is_known=True, price_id="team_m")
        await company.save_card(customer, "pm_card_authenticationRequired")
        await company.advance("2026-04-16T00:00")
        assert (await addon.change("business_m")).action_url is not None

        await plan.give(Cancel, mode=CancelMode.NOW, unused=UnusedPart.CREDIT)
        await company.settle()
        state = (await addon.report()).state
        assert (state.ended_at, state.change, state.open_invoices) == (company.present, None, ())
        assert await balance_minor(company, addon) == (5 * 1100 + 5 * 1600) // 2


async def test_a_lost_word_is_told_again_by_the_reconciliation(company: Company) -> None:
    async with company.working():
        plan = await _plan(company)
        addon = await _beside(company, plan, is_known=False)
        await plan.cancel(CancelMode.NOW)
        ended_at = company.present
        await company.advance("2026-02-10T00:00")
        assert await addon.status() is SubscriptionStatus.ACTIVE

        assert await _reconciled(company) == 1
        await company.settle()
        assert (await addon.report()).state.ended_at == ended_at
        assert await _reconciled(company) == 0


async def test_an_addon_that_heard_nothing_does_not_renew_without_its_parent(
    company: Company,
) -> None:
    async with company.working():
        plan = await _plan(company)
        addon = await _beside(company, plan, is_known=False)
        await plan.cancel(CancelMode.NOW)
        ended_at = company.present
        await company.advance("2026-03-01T00:00")
        state = (await addon.report()).state
        assert (state.ended_at, state.end_reason) == (ended_at, EndReason.PARENT_ENDED)
        assert [i["period_start"] for i in await company.invoices()] == [
            at("2026-01-17T09:30"),
            at("2026-02-03T09:30"),
        ]


async def test_an_addon_does_not_begin_after_its_parent_has_ended(company: Company) -> None:
    async with company.working():
        plan = await _plan(company)
        await plan.cancel(CancelMode.NOW)
        addon = await _beside(company, plan, is_known=False)
        state = (await addon.report()).state
        assert (state.status, state.end_reason) == (
            SubscriptionStatus.INCOMPLETE_EXPIRED,
            EndReason.PARENT_ENDED,
        )
        assert len(await company.invoices()) == 1
        assert not await SubscriptionSignals(company.client).addon_started(
            plan.id, addon_id=addon.id
        )
