"""An invoice customer's subscription in its workflow (policy P22)."""

from adapters.db.engine import transactions
from billing.agenda import next_action
from billing.subscription import SubscriptionStatus
from tests.workflows.company import Company, Subscription, at
from workflows.description import page_of
from workflows.messages import ExtendGrace, PayNow
from workflows.search_attributes import BILLING_STATUS, PAYMENT_DUE_AT


async def _on_terms(company: Company, *, card: str | None = None) -> Subscription:
    """Five seats for $80.00 since 17 January, net 30: due on 16 February."""
    customer = await company.customer(card=card)
    async with transactions(company.engine)() as tx:
        await tx.customers.set_net_terms(customer, 30)
    return await company.subscribe(customer)


async def test_after_an_outage_the_latest_reminder_comes_alone_and_before_the_suspension(
    company: Company,
) -> None:
    async with company.working():
        team = await _on_terms(company)
        assert (await team.activated()).status is SubscriptionStatus.ACTIVE
        await company.advance("2026-02-10T00:00")
        assert company.mailbox.kinds() == ["invoice_sent", "payment_reminder"]
        await company.wake_after_an_outage(team, "2026-03-16T12:00")
        state = (await team.report()).state
        described = await team.handle.describe()
    assert state.status is SubscriptionStatus.PAST_DUE
    assert company.mailbox.kinds()[2:] == ["payment_reminder", "invoice_sent"]
    assert company.mailbox.messages[2].reason == "overdue"
    assert described.typed_search_attributes[BILLING_STATUS] == "past_due"
    assert described.typed_search_attributes[PAYMENT_DUE_AT] == at("2026-02-16T09:30")
    page = page_of(state, problem=None)
    assert "**Past due:** it runs on while an invoice that was sent is overdue." in page
    assert "**Overdue:** USD 80.00" in page
    assert "suspend: USD 80.00 is not paid 30 days after it was due" in page


async def test_a_payment_in_the_last_moment_of_the_grace_keeps_what_was_sold(
    company: Company,
) -> None:
    async with company.working():
        team = await _on_terms(company, card="pm_card_visa")
        await team.activated()
        await company.advance("2026-02-17T00:00")
        until = at("2026-03-20T00:00")
        await team.give(ExtendGrace, until=until)
        await company.advance("2026-03-19T23:59")
        state = (await team.report()).state
        assert state.status is SubscriptionStatus.PAST_DUE
        assert len(state.open_invoices) == 3
        first = state.open_invoices[0].invoice_id
        await team.give(PayNow, invoice_id=first)
        state = (await team.report()).state
        assert first not in {invoice.invoice_id for invoice in state.open_invoices}
        assert state.status is SubscriptionStatus.PAST_DUE, "February's is overdue, too"
        await team.give(PayNow)
        after = (await team.report()).state
    assert (after.status, after.open_invoices) == (SubscriptionStatus.ACTIVE, ())
    action = next_action(after)
    assert action is not None
    assert action.kind == "renew"
