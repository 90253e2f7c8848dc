"""Disputes: taking in what a bank did with a payment of ours.

Owns what is written: the dispute, the ledger's entries, events and the operator's task. Does not
own what it means for the subscription (`billing.settlement`) nor how the news arrives
(`adapters.temporal`).
"""

from datetime import datetime

from activities.present import recorded_present
from billing import ledger
from billing.collecting import is_final
from billing.dispute import Dispute, DisputeState, events_between, state_of
from billing.errors import Conflict, NotFound
from billing.ids import effect_key
from billing.invoice import InvoiceRecord
from billing.payment import Paid
from billing.ports.books import PaymentAttempt
from billing.ports.gateway import GatewayDispute
from billing.ports.storage import Transaction
from billing.task import OperatorTask, TaskKind


async def take_in_dispute(
    tx: Transaction, attempt: PaymentAttempt, news: GatewayDispute, *, real_now: datetime
) -> Dispute | None:
    """The dispute as our books have it now; None where the payment never came into them.

    `attempt` made the disputed payment. It moves forward only, and what was skipped is posted as
    well, so any order and number of news comes to the same. Raises `Conflict`
    (`payment_unrecorded`) where the payment's own news is still to come.
    """
    if attempt.outcome is None or not is_final(attempt.outcome):
        raise Conflict("payment_unrecorded", f"{attempt.payment_id} is not recorded as paid yet")
    invoice = await tx.invoices.get(attempt.invoice_id)
    if invoice is None:
        raise NotFound("invoice_not_found", f"{attempt.invoice_id} does not exist")
    if not isinstance(attempt.outcome, Paid):
        await tx.tasks.add(_task(news, invoice, real_now))
        return None
    before = await tx.disputes.get(news.id)
    state = state_of(news.status)
    if before is not None and not before.state.may_become(state):
        if before.state.is_closed and state.is_closed and state is not before.state:
            await tx.tasks.add(_overturned(news, invoice, before, real_now))
        return before
    opened_at = await recorded_present(tx, invoice.subscription_id, otherwise=news.created_at)
    at = await recorded_present(tx, invoice.subscription_id, otherwise=real_now)
    after = Dispute(
        id=news.id,
        payment_id=attempt.payment_id or "",
        invoice_id=invoice.id,
        customer_id=invoice.customer_id,
        subscription_id=invoice.subscription_id,
        amount=news.amount,
        state=state,
        reason=news.reason,
        opened_at=opened_at,
        closed_at=at if state.is_closed else None,
    )
    if before is not None and before.state is not DisputeState.INQUIRY:
        after = after.model_copy(update={"amount": before.amount, "opened_at": before.opened_at})
    await tx.disputes.put(after)
    await _follow(tx, before, after, at)
    await tx.tasks.add(_task(news, invoice, after.opened_at))
    return after


async def _follow(tx: Transaction, before: Dispute | None, after: Dispute, at: datetime) -> None:
    """The entries and events between the two; nothing is withdrawn by an inquiry."""
    was = None if before is None else before.state
    if after.state is not DisputeState.INQUIRY and was in {None, DisputeState.INQUIRY}:
        await tx.ledger.post(ledger.dispute_opened(after))
    if after.state.is_closed:
        await tx.ledger.post(ledger.dispute_closed(after, at=at))
    await tx.events.append(*events_between(was, after, at=at))


def _task(news: GatewayDispute, invoice: InvoiceRecord, at: datetime) -> OperatorTask:
    return OperatorTask(
        key=effect_key("dispute.opened", news.id),
        kind=TaskKind.DISPUTE_OPENED,
        subject=news.id,
        customer_id=invoice.customer_id,
        subscription_id=invoice.subscription_id,
        created_at=at,
        details={
            "invoice_id": invoice.id,
            "payment_id": news.payment_id,
            "amount_minor": news.amount.amount_minor,
            "currency": news.amount.currency,
            "reason": news.reason,
        },
    )


def _overturned(
    news: GatewayDispute, invoice: InvoiceRecord, before: Dispute, at: datetime
) -> OperatorTask:
    """An appeal was decided the other way: until somebody acts, the books keep the first one."""
    task = _task(news, invoice, at)
    details = {**task.details, "recorded": before.state.value, "gateway": news.status.value}
    key = effect_key("dispute.overturned", news.id)
    return task.model_copy(update={"key": key, "details": details})
