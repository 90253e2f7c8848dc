"""Bad debts of what has ended that are paid after all, told from a terminal.

Owns what is said about it. Does not own the recording (`api.bad_debts`) nor commands to what goes
on (`cli.commanding`).
"""

from sqlalchemy.ext.asyncio import AsyncEngine

from api import bad_debts
from billing.invoice import InvoiceRecord, InvoiceStatus
from billing.received_payment import ReceivedPayment
from workflows.messages import RecordPayment
from workflows.wording import instant


async def recorded(
    engine: AsyncEngine, invoice: InvoiceRecord, command: RecordPayment
) -> ReceivedPayment | None:
    """The payment; None where it is a command to a workflow. Raises as that refuses."""
    if invoice.status is not InvoiceStatus.UNCOLLECTIBLE:
        return None
    return await bad_debts.record_after_the_end(engine, invoice, command)


def said(payment: ReceivedPayment) -> str:
    """One sentence: what it paid, and what is left."""
    done = f"{payment.applied} of {payment.invoice_id} recorded on {instant(payment.booked_at)}"
    left = "it is paid" if payment.pays_the_rest else f"{payment.left} stay owed"
    excess = payment.to_balance
    more = f", {excess} more are the customer's balance" if excess.amount_minor else ""
    return f"{done}: {left}{more}"
