"""Lives in which what is sold changes, rests or is taken away, each told from its start.

Owns the stories about changes, pauses and the ends of dunning; `tests.histories.lives` lists them
with all others.
"""

from tests.histories.settling import BROKE, settled, started
from tests.workflows.company import Company, Subscription, at, terms_for
from workflows.messages import (
    Cancel,
    CancelMode,
    ExtendGrace,
    MarkUncollectible,
    PauseSubscription,
    PlanMigration,
    UndoChange,
)


async def upgraded(company: Company) -> Subscription:
    """Paid first, in force then, renewed at the new price."""
    subscription = await company.subscribe(await company.customer())
    await started(subscription)
    await company.advance("2026-01-25T00:00")
    await subscription.change("business_m", command_id="chg_1")
    await settled(subscription)
    await company.advance("2026-02-17T09:30")
    return subscription


async def upgrade_declined(company: Company) -> Subscription:
    """Nothing has changed, and the old price renews on another card."""
    customer = await company.customer()
    subscription = await company.subscribe(customer)
    await started(subscription)
    await company.save_card(customer, BROKE)
    await company.advance("2026-01-25T00:00")
    await subscription.change("business_m", command_id="chg_1")
    await settled(subscription)
    await company.save_card(customer, "pm_card_visa")
    await company.advance("2026-02-17T09:30")
    return subscription


async def upgrade_abandoned(company: Company) -> Subscription:
    """Nobody authenticates the payment for a day."""
    customer = await company.customer()
    subscription = await company.subscribe(customer)
    await started(subscription)
    await company.save_card(customer, "pm_card_authenticationRequired")
    await company.advance("2026-01-25T00:00")
    await subscription.change("business_m", command_id="chg_1")
    await settled(subscription)
    await company.advance("2026-01-27T00:00")
    return subscription


async def moved_to_another_price(company: Company) -> Subscription:
    """Told, a seat added meanwhile, and renewed at the new price of that quantity."""
    subscription = await company.subscribe(await company.customer())
    await started(subscription)
    await subscription.give(
        PlanMigration,
        migration_id="mig_1",
        target=terms_for("business_m", quantity=5),
        migrates_at=at("2026-02-01T00:00"),
        notice_days=14,
    )
    await settled(subscription)
    await subscription.change(more=1, command_id="chg_1")
    await settled(subscription)
    await company.advance("2026-02-17T09:30")
    return subscription


async def seats_removed(company: Company) -> Subscription:
    """Undone once, then in force at the period's end."""
    subscription = await company.subscribe(await company.customer())
    await started(subscription)
    await subscription.change(more=-2, command_id="chg_1")
    await settled(subscription)
    await subscription.give(UndoChange)
    await settled(subscription)
    await subscription.change(more=-1, command_id="chg_2")
    await settled(subscription)
    await company.advance("2026-02-17T09:30")
    return subscription


async def _paused(company: Company, mode: str) -> Subscription:
    subscription = await company.subscribe(
        await company.customer(), seats=1, price_id=f"club_{mode}_m"
    )
    await started(subscription)
    await company.advance("2026-01-20T00:00")
    await subscription.give(PauseSubscription, resumes_at=at("2026-02-27T00:00"))
    await settled(subscription)
    await company.advance("2026-03-17T09:30")
    return subscription


async def paused_keeping_its_anchor(company: Company) -> Subscription:
    """Beyond the period's end: credit for the pause, and the rest of the next period billed."""
    return await _paused(company, "keep_anchor")


async def paused_extending(company: Company) -> Subscription:
    """The period's end moves."""
    return await _paused(company, "extend")


async def downgraded_to_free(company: Company) -> Subscription:
    """The ladder in vain: the free plan is sold instead."""
    customer = await company.customer()
    subscription = await company.subscribe(customer, price_id="solo_m")
    await started(subscription)
    await company.save_card(customer, BROKE)
    await company.advance("2026-03-05T00:00")
    return subscription


async def unpaid_then_paid(company: Company) -> Subscription:
    """A grace in vain, a rest, and the way back."""
    customer = await company.customer()
    subscription = await company.subscribe(customer, price_id="lasting_m")
    await started(subscription)
    await company.save_card(customer, BROKE)
    await company.advance("2026-02-26T00:00")
    await subscription.give(ExtendGrace, until=at("2026-03-08T00:00"))
    await settled(subscription)
    await company.advance("2026-03-20T00:00")
    await company.save_card(customer, "pm_card_visa")
    await subscription.handle.signal("payment_method_changed")
    await settled(subscription)
    await company.advance("2026-04-17T09:30")
    return subscription


async def unpaid_written_off(company: Company) -> Subscription:
    """Nobody expects the payment any more, and a period's end passes."""
    customer = await company.customer()
    subscription = await company.subscribe(customer, price_id="lasting_m")
    await started(subscription)
    await company.save_card(customer, BROKE)
    await company.advance("2026-03-10T00:00")
    [invoice] = (await subscription.report()).state.open_invoices
    await subscription.give(MarkUncollectible, invoice_id=invoice.invoice_id)
    await settled(subscription)
    await company.advance("2026-03-17T09:30")
    return subscription


async def undone_at_a_challenge(company: Company) -> Subscription:
    """A decrease is pending, and an upgrade waits for its customer at the bank."""
    customer = await company.customer()
    subscription = await company.subscribe(customer)
    await started(subscription)
    await company.save_card(customer, "pm_card_authenticationRequired")
    await company.advance("2026-01-25T00:00")
    await subscription.change(more=-2, command_id="chg_1")
    await settled(subscription)
    await subscription.change("business_m", command_id="chg_2")
    await settled(subscription)
    await subscription.give(UndoChange)
    await settled(subscription)
    await company.advance("2026-01-27T00:00")
    return subscription


async def canceled_with_credit(company: Company) -> Subscription:
    """What is unused becomes balance."""
    subscription = await company.subscribe(await company.customer(), seats=1, price_id="pro_m")
    await started(subscription)
    await company.advance("2026-01-25T00:00")
    await subscription.give(Cancel, mode=CancelMode.NOW, unused="credit")
    await subscription.handle.result()
    return subscription
