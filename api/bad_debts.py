"""Bad debts that are paid after all, where the subscription or purchase has ended (policy P22).

Owns recording a payment without a workflow: that of what has ended may be over. Does not own what
is recorded (`activities.receiving`), nor payments of what goes on: its workflow records those.
"""

from sqlalchemy.ext.asyncio import AsyncEngine

from activities.receiving import ReceivePayment, received_after_the_end
from activities.records import AuditEntry
from adapters.db.engine import reading, transactions
from adapters.db.queries import subscriptions
from api.present import present_on
from billing.invoice import InvoiceRecord
from billing.received_payment import ReceivedPayment
from billing.subscription import CommandName
from workflows.messages import RecordPayment


async def record_after_the_end(
    engine: AsyncEngine, invoice: InvoiceRecord, command: RecordPayment
) -> ReceivedPayment | None:
    """The payment of a bad debt, recorded once; None where what owes it has not ended.

    Raises what the rules refuse, and `Conflict` (`test_clock_advancing`).
    """
    async with reading(engine) as connection:
        owing = await subscriptions.get(connection, invoice.subscription_id)
        if owing is None or not owing.state.has_ended:
            return None
        now = (await present_on(connection, owing.test_clock_id)).now
    audit = AuditEntry(
        command_id=command.command_id,
        command=CommandName.RECORD_PAYMENT,
        actor=command.actor,
        reason=command.reason,
        at=now,
    )
    request = ReceivePayment(
        state=owing.state,
        invoice_id=invoice.id,
        reported=command.reported,
        audit=audit,
        now=now,
    )
    async with transactions(engine)() as tx:
        return await received_after_the_end(tx, request)
