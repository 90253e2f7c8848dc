"""Refunds: carrying them out at the gateway, and taking in what came of them.

Owns the order: record the beginning → create the refund → record its outcome with everything that
follows from it. Creating moves money at once, so a creation that may have happened is looked up
before it is repeated (policy P32). Does not own which refunds there are (`activities.crediting`)
nor those that somebody made at the gateway (`activities.external_refund`).
"""

from collections.abc import Callable
from datetime import datetime

from temporalio import activity

from activities.charging import KEYS_ARE_REMEMBERED
from activities.present import recorded_present
from activities.records import AuditEntry
from billing import ledger
from billing.balance import BalanceCause, BalanceMovement
from billing.errors import GatewayFailed, GatewayRefused, NotFound
from billing.ids import effect_key
from billing.ports.gateway import GatewayRefund, PaymentGateway, RefundRequest
from billing.ports.storage import Transaction, UnitOfWork
from billing.refund import Refund, RefundState, event_of, state_of
from billing.task import OperatorTask, TaskKind
from billing.value import Value


class AdvanceRefund(Value):
    """Bring a refund as far as the gateway lets it; `asked` are operators who want it now."""

    refund_id: str
    asked: tuple[AuditEntry, ...] = ()


class Refunding:
    """Activities that give money back."""

    def __init__(
        self,
        *,
        open_transaction: UnitOfWork,
        gateway: PaymentGateway,
        real_now: Callable[[], datetime],
    ) -> None:
        """`real_now` ages idempotency keys."""
        self._open_transaction = open_transaction
        self._gateway = gateway
        self._real_now = real_now

    @activity.defn
    async def advance_refund(self, request: AdvanceRefund) -> Refund:
        """The refund as it is afterwards, created at the gateway at most once.

        A definite refusal fails it (policy P31). Raises `NotFound` (`refund_not_found`).
        """
        await self._record(request)
        refund = await self._begun(request.refund_id)
        if refund.state is not RefundState.PENDING:
            return refund
        answer = await self._at_gateway(refund)
        async with self._open_transaction() as tx:
            before = await _locked(tx, refund.id)
            if not _is_answer_to(before, answer):
                return before
            after = answered(before, answer)
            at = await recorded_present(tx, refund.subscription_id, otherwise=self._real_now())
            return await settle(tx, before, after, at=max(at, refund.requested_at))

    async def _record(self, request: AdvanceRefund) -> None:
        """Who asked, whatever comes of it (policy P34)."""
        if not request.asked:
            return
        async with self._open_transaction() as tx:
            for entry in request.asked:
                await tx.audit.append(
                    command_id=entry.command_id,
                    command=entry.command,
                    subject=request.refund_id,
                    actor=entry.actor,
                    reason=entry.reason,
                    at=entry.at,
                )

    async def _begun(self, refund_id: str) -> Refund:
        """The refund, its first try recorded before the gateway hears of it."""
        async with self._open_transaction() as tx:
            refund = await _locked(tx, refund_id)
            if refund.started_at is None and refund.state is RefundState.PENDING:
                refund = refund.model_copy(update={"started_at": self._real_now()})
                await tx.refunds.put(refund)
            return refund

    async def _at_gateway(self, refund: Refund) -> GatewayRefund | GatewayRefused:
        """The gateway's refund as it is now, or why there is none."""
        _still_alive()
        if refund.gateway_refund_id is not None:
            return await self._gateway.read_refund(refund.gateway_refund_id)
        known = await self._find(refund) if self._may_exist_unseen(refund) else None
        return known or await self._create(refund)

    def _may_exist_unseen(self, refund: Refund) -> bool:
        """Whether the gateway might make it twice: under a fresh key, or under a forgotten one."""
        started_at = refund.started_at or refund.requested_at
        is_forgotten = self._real_now() - started_at > KEYS_ARE_REMEMBERED
        return refund.failed_creations > 0 or is_forgotten

    async def _create(self, refund: Refund) -> GatewayRefund | GatewayRefused:
        _still_alive()
        try:
            return await self._gateway.create_refund(
                RefundRequest(
                    refund_id=refund.id, payment_id=refund.payment_id, amount=refund.amount
                ),
                key=effect_key("refund.create", refund.id, refund.failed_creations),
            )
        except GatewayFailed:
            await self._count_failed_creation(refund)
            raise
        except GatewayRefused as refusal:
            # What was refused may be the second creation of a refund whose first went unanswered.
            return await self._find(refund) or refusal

    async def _find(self, refund: Refund) -> GatewayRefund | None:
        _still_alive()
        return await self._gateway.find_refund(refund.payment_id, refund_id=refund.id)

    async def _count_failed_creation(self, refund: Refund) -> None:
        async with self._open_transaction() as tx:
            stored = await _locked(tx, refund.id)
            if stored.failed_creations == refund.failed_creations:
                failures = stored.failed_creations + 1
                await tx.refunds.put(stored.model_copy(update={"failed_creations": failures}))


def answered(refund: Refund, answer: GatewayRefund | GatewayRefused) -> Refund:
    """The refund as the gateway has it, or will not make it."""
    if isinstance(answer, GatewayRefused):
        failed = {"state": RefundState.FAILED, "failure_reason": answer.code}
        return refund.model_copy(update=failed)
    state = state_of(answer.status)
    reason = answer.failure_reason or answer.status.value
    return refund.model_copy(
        update={
            "state": state,
            "gateway_refund_id": answer.id,
            "failure_reason": reason if state is RefundState.FAILED else None,
        }
    )


def _is_answer_to(refund: Refund, answer: GatewayRefund | GatewayRefused) -> bool:
    """Not where the gateway's own news brought another answer in the meantime."""
    if refund.gateway_refund_id is None:
        return True
    return isinstance(answer, GatewayRefund) and answer.id == refund.gateway_refund_id


async def settle(tx: Transaction, before: Refund, after: Refund, *, at: datetime) -> Refund:
    """Stores where the refund stands, with what follows from it; it only moves forward.

    `before` is locked by `tx`. What failed becomes the customer's balance and an operator's task
    (policy P31).
    """
    if after.state is before.state or not before.state.may_become(after.state):
        known_as = before.gateway_refund_id or after.gateway_refund_id
        stays = before.model_copy(update={"gateway_refund_id": known_as})
        if stays != before:
            await tx.refunds.put(stays)
        return stays
    await tx.refunds.put(after)
    await tx.events.append(event_of(after, f"refund.{after.state}", at=at))
    if after.state is RefundState.SUCCEEDED:
        await tx.ledger.post(ledger.refund_succeeded(after, at=at))
    else:
        await tx.ledger.post(ledger.refund_failed(before, at=at))
        await tx.balances.move(_to_balance(after, at))
        await tx.tasks.add(_task(after, at))
    return after


def _to_balance(refund: Refund, at: datetime) -> BalanceMovement:
    return BalanceMovement(
        source_key=effect_key("refund.failed", refund.id),
        customer_id=refund.customer_id,
        cause=BalanceCause.REFUND_FAILED,
        amount=refund.amount,
        at=at,
        invoice_id=refund.invoice_id,
        credit_note_id=refund.credit_note_id,
    )


def _task(refund: Refund, at: datetime) -> OperatorTask:
    return OperatorTask(
        key=effect_key("refund.failed", refund.id),
        kind=TaskKind.REFUND_FAILED,
        subject=refund.id,
        customer_id=refund.customer_id,
        subscription_id=refund.subscription_id,
        created_at=at,
        details={
            "invoice_id": refund.invoice_id,
            "amount_minor": refund.amount.amount_minor,
            "currency": refund.amount.currency,
            "reason": refund.failure_reason,
        },
    )


async def _locked(tx: Transaction, refund_id: str) -> Refund:
    refund = await tx.refunds.get(refund_id)
    if refund is None:
        raise NotFound("refund_not_found", f"{refund_id} does not exist")
    return refund


def _still_alive() -> None:
    """Between two calls to the gateway, so that a worker's death is noticed before a minute."""
    if activity.in_activity():
        activity.heartbeat()
