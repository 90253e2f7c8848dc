"""Money of the in-memory gateway that goes back: refunds and disputes.

Owns both kinds of object and the bound: never more than was paid, and nothing while a bank has
taken the payment back. Does not own payments (`payments`).
Source: https://docs.stripe.com/refunds and https://docs.stripe.com/disputes/how-disputes-work
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from adapters.memory.methods import Behaviour
from adapters.memory.shelf import Shelf
from billing.errors import GatewayRefused
from billing.money import Money
from billing.ports.gateway import (
    DisputeStatus,
    GatewayDispute,
    GatewayPayment,
    GatewayRefund,
    PaymentStatus,
    RefundReason,
    RefundStatus,
    nearest_to_paid_back,
)

_NOT_PAID_BACK: Final = frozenset({RefundStatus.FAILED, RefundStatus.CANCELED})
_UNDER_WAY: Final = frozenset({RefundStatus.PENDING, RefundStatus.SUCCEEDED})
_REFUNDED_TOO_LATE: Final = "charge_for_pending_refund_disputed"
_DECIDED: Final = frozenset({DisputeStatus.WON, DisputeStatus.LOST, DisputeStatus.PREVENTED})


class Reversals:
    """Every refund and every dispute."""

    def __init__(self, *, new_id: Callable[[str, str], str], clock: Callable[[], datetime]) -> None:
        self._new_id = new_id
        self._clock = clock
        self._refunds: Shelf[GatewayRefund] = Shelf()
        self._disputes: Shelf[GatewayDispute] = Shelf()

    def refund(
        self,
        payment: GatewayPayment,
        amount: Money,
        *,
        begins: RefundStatus,
        refund_id: str | None,
        reason: RefundReason | None,
    ) -> GatewayRefund:
        """A new refund. Raises `GatewayRefused` with the codes of the port."""
        self._check_refundable(payment, amount)
        refund = GatewayRefund(
            id=self._new_id("re", payment.id),
            payment_id=payment.id,
            amount=amount,
            status=begins,
            created_at=self._clock(),
            refund_id=refund_id,
            reason=None if reason is None else reason.value,
        )
        self._refunds.put(refund.id, refund)
        return refund

    def read_refund(self, gateway_refund_id: str) -> GatewayRefund:
        """Its present state."""
        return self._refunds.get(gateway_refund_id)

    def find_refund(self, payment_id: str, refund_id: str) -> GatewayRefund | None:
        """The refund that carries that id of ours."""
        return nearest_to_paid_back(
            refund for refund in self.refunds_of(payment_id) if refund.refund_id == refund_id
        )

    def settle_refund(self, gateway_refund_id: str, *, failure: str | None) -> None:
        """The bank takes a refund, or returns it, which it may do even after a success."""
        refund = self._refunds.get(gateway_refund_id)
        may_follow = refund.status is RefundStatus.PENDING or (
            refund.status is RefundStatus.SUCCEEDED and failure is not None
        )
        if not may_follow:
            raise GatewayRefused("refund_unexpected_state", f"the refund is {refund.status}")
        status = RefundStatus.SUCCEEDED if failure is None else RefundStatus.FAILED
        changes = {"status": status, "failure_reason": failure}
        self._refunds.put(refund.id, refund.model_copy(update=changes))

    def left_minor(self, payment: GatewayPayment) -> int:
        """What of a payment was not paid back yet."""
        return payment.amount.amount_minor - sum(
            refund.amount.amount_minor
            for refund in self.refunds_of(payment.id)
            if refund.status not in _NOT_PAID_BACK
        )

    def dispute(
        self, payment: GatewayPayment, *, status: DisputeStatus, reason: str
    ) -> GatewayDispute:
        """The cardholder's bank asks about a payment, or takes back what is left of it."""
        left_minor = self.left_minor(payment)
        if (
            payment.status is not PaymentStatus.SUCCEEDED
            or left_minor == 0
            or self._is_charged_back(payment.id)
        ):
            raise GatewayRefused("charge_not_disputable", "there is nothing to dispute")
        dispute = GatewayDispute(
            id=self._new_id("du", payment.id),
            payment_id=payment.id,
            amount=Money(amount_minor=left_minor, currency=payment.amount.currency),
            status=status,
            reason=reason,
            created_at=self._clock(),
        )
        self._disputes.put(dispute.id, dispute)
        return dispute

    def dispute_as_documented(self, payment: GatewayPayment, behaviour: Behaviour) -> None:
        """What the test cards for disputes do by themselves."""
        if behaviour.dispute is not None:
            self.dispute(payment, status=behaviour.dispute, reason=behaviour.dispute_reason)

    def read_dispute(self, dispute_id: str) -> GatewayDispute:
        """Its present state."""
        return self._disputes.get(dispute_id)

    def disputes_of(self, payment_id: str) -> list[GatewayDispute]:
        """Newest first."""
        return [each for each in self._disputes.newest_first() if each.payment_id == payment_id]

    def move_dispute(self, dispute_id: str, status: DisputeStatus) -> None:
        """The bank goes on with a dispute that it has not decided yet.

        Where an inquiry becomes a dispute, what was refunded since it began is disputed instead.
        """
        dispute = self._disputes.get(dispute_id)
        if dispute.status in _DECIDED:
            raise GatewayRefused("dispute_closed", f"the dispute is {dispute.status}")
        if dispute.status.is_inquiry and not status.is_inquiry:
            for refund in self.refunds_of(dispute.payment_id):
                if refund.created_at >= dispute.created_at and refund.status in _UNDER_WAY:
                    self.settle_refund(refund.id, failure=_REFUNDED_TOO_LATE)
        self._disputes.put(dispute.id, dispute.model_copy(update={"status": status}))

    def refunds_of(self, payment_id: str | None) -> list[GatewayRefund]:
        """Newest first."""
        return [each for each in self._refunds.newest_first() if each.payment_id == payment_id]

    def _is_charged_back(self, payment_id: str) -> bool:
        return any(not _leaves_the_money(each.status) for each in self.disputes_of(payment_id))

    def _check_refundable(self, payment: GatewayPayment, amount: Money) -> None:
        if payment.status is not PaymentStatus.SUCCEEDED:
            raise GatewayRefused("request_refused", "the payment has no successful charge")
        if self._is_charged_back(payment.id):
            raise GatewayRefused("charge_disputed", "the payment has been charged back")
        left_minor = self.left_minor(payment)
        if left_minor == 0:
            raise GatewayRefused("charge_already_refunded", "the payment is refunded already")
        if amount.amount_minor < 1 or amount.currency != payment.amount.currency:
            raise GatewayRefused("parameter_invalid_integer", f"{amount} cannot be refunded")
        if amount.amount_minor > left_minor:
            raise GatewayRefused("amount_too_large", f"only {left_minor} of it are left to refund")


def _leaves_the_money(status: DisputeStatus) -> bool:
    return status.is_inquiry or status is DisputeStatus.WON
