"""News of a refund, whoever made it: one of ours, or one made in the gateway's dashboard.

Owns the choice between them, and the books of those that we did not make: each gets a credit note
and a refund of its own, once. What the books cannot give back waits for an operator. Does not own
what follows from a refund's state (`activities.refunding`).
"""

from datetime import datetime

from activities.crediting import issue_note
from activities.present import recorded_present
from activities.refunding import answered, settle
from billing.collecting import is_final
from billing.credit_note import CreditReason, Settled, amount_lines, draft_for
from billing.errors import Conflict, NotFound
from billing.ids import effect_key
from billing.invoice import InvoiceRecord
from billing.payment import Paid
from billing.ports.books import PaymentAttempt
from billing.ports.gateway import GatewayRefund
from billing.ports.storage import Transaction
from billing.proration import Debit
from billing.refund import Refund, RefundState, refund_id
from billing.task import OperatorTask, TaskKind
from billing.tax_reversal import total_left


async def take_in_refund(
    tx: Transaction, attempt: PaymentAttempt, news: GatewayRefund, *, real_now: datetime
) -> Refund | None:
    """The refund as our books have it now; None where they cannot give that much back.

    `attempt` made the payment that `news` pays back. Any order and number of news comes to the
    same. Raises `Conflict` (`payment_unrecorded`) where the payment's own news is still to come.
    """
    settled = await tx.invoices.settled(attempt.invoice_id)
    invoice = await tx.invoices.get(attempt.invoice_id)
    if invoice is None:
        raise NotFound("invoice_not_found", f"{attempt.invoice_id} does not exist")
    at = await recorded_present(tx, invoice.subscription_id, otherwise=real_now)
    known = await _known(tx, news)
    if known is not None:
        return await settle(tx, known, answered(known, news), at=max(at, known.requested_at))
    if attempt.outcome is None or not is_final(attempt.outcome):
        raise Conflict("payment_unrecorded", f"{news.payment_id} is not recorded as paid yet")
    debits = await tx.invoices.debits_of(invoice.id)
    if not _can_give_back(news, attempt, settled, debits):
        await tx.tasks.add(_task(news, invoice, at))
        return None
    # It may have had no room before: a refund of ours that failed since has left some.
    await tx.tasks.settle(_task_key(news), at=at)
    pending = await _ingested(tx, news, invoice, debits, at)
    return await settle(tx, pending, answered(pending, news), at=at)


async def _known(tx: Transaction, news: GatewayRefund) -> Refund | None:
    """By the gateway's id; by ours where its creation was not answered yet, or never."""
    known = await tx.refunds.by_gateway_id(news.id)
    if known is not None or news.refund_id is None:
        return known
    ours = await tx.refunds.get(news.refund_id)
    if ours is None or ours.payment_id != news.payment_id or ours.amount != news.amount:
        return None
    is_unanswered = ours.gateway_refund_id is None and ours.state is RefundState.PENDING
    return ours if is_unanswered else None


def _can_give_back(
    news: GatewayRefund, attempt: PaymentAttempt, settled: Settled, debits: tuple[Debit, ...]
) -> bool:
    charged = sum(total_left(debit).amount_minor for debit in debits)
    left = min(charged, settled.left.amount_minor, settled.card_left.amount_minor)
    return (
        isinstance(attempt.outcome, Paid)
        and settled.payment_id == news.payment_id
        and settled.by_card.currency == news.amount.currency
        and news.amount.amount_minor <= left
    )


async def _ingested(
    tx: Transaction,
    news: GatewayRefund,
    invoice: InvoiceRecord,
    debits: tuple[Debit, ...],
    at: datetime,
) -> Refund:
    """A note and a refund for what somebody gave back without us."""
    draft = draft_for(
        source=effect_key("gateway_refund", news.id),
        invoice_id=invoice.id,
        customer_id=invoice.customer_id,
        subscription_id=invoice.subscription_id,
        reason=CreditReason.REFUNDED_AT_GATEWAY,
        lines=amount_lines(debits, news.amount, paid=news.amount),
        to_card=news.amount,
        now=at,
    )
    refund = Refund(
        id=refund_id(draft.id),
        credit_note_id=draft.id,
        invoice_id=invoice.id,
        customer_id=invoice.customer_id,
        subscription_id=invoice.subscription_id,
        payment_id=news.payment_id or "",
        amount=news.amount,
        gateway_refund_id=news.id,
        is_external=True,
        requested_at=at,
        started_at=news.created_at,
    )
    await issue_note(tx, draft, refund)
    return refund


def _task(news: GatewayRefund, invoice: InvoiceRecord, at: datetime) -> OperatorTask:
    return OperatorTask(
        key=_task_key(news),
        kind=TaskKind.UNKNOWN_REFUND,
        subject=news.id,
        customer_id=invoice.customer_id,
        subscription_id=invoice.subscription_id,
        created_at=at,
        details={
            "invoice_id": invoice.id,
            "payment_id": news.payment_id,
            "amount_minor": news.amount.amount_minor,
            "currency": news.amount.currency,
        },
    )


def _task_key(news: GatewayRefund) -> str:
    return effect_key("refund.unknown", news.id)
