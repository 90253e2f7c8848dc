"""A life whose money comes outside the gateway, told from its start.

Owns the story; `tests.histories.lives` lists it with all others.
"""

from billing.received_payment import ReceivedBy
from tests.histories.settling import BROKE, started
from tests.workflows.company import OPERATOR, Company, Subscription
from workflows.messages import RecordPayment


async def paid_by_transfer(company: Company) -> Subscription:
    """A declined renewal, a transfer, another decline of what is left, and more than that."""
    customer = await company.customer()
    subscription = await company.subscribe(customer)
    await started(subscription)
    await company.save_card(customer, BROKE)
    await company.advance("2026-02-17T10:00")
    await _transfer(subscription, 3000, "R-1")
    await company.advance("2026-02-20T10:00")
    await _transfer(subscription, 6000, "R-2")
    return subscription


async def _transfer(subscription: Subscription, minor: int, reference: str) -> None:
    [invoice] = (await subscription.report()).state.open_invoices
    await subscription.command(
        "record_payment",
        RecordPayment(
            command_id=f"record_{reference}",
            actor=OPERATOR,
            reason="on the statement",
            invoice_id=invoice.invoice_id,
            amount_minor=minor,
            currency="USD",
            received_at=subscription.company.present,
            method=ReceivedBy.BANK_TRANSFER,
            reference=reference,
        ),
    )
    await subscription.company.settle()
