"""A subscription's life on the real server, with skipped time."""

from tests.workflows.company import Company, at


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
