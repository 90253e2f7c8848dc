"""Outages on order: what goes wrong with the next requests.

Owns the script and the answers to planned requests. Does not own any state of the gateway.
"""

from enum import StrEnum

from billing.errors import GatewayBusy, GatewayFailed, GatewayUnreachable


class Operation(StrEnum):
    """The requests of the port `billing.ports.gateway`."""

    CREATE_CUSTOMER = "create_customer"
    CREATE_CHECKOUT = "create_checkout"
    CREATE_CARD_UPDATE = "create_card_update"
    READ_CHECKOUT = "read_checkout"
    EXPIRE_CHECKOUT = "expire_checkout"
    CREATE_SETUP = "create_setup"
    READ_SETUP = "read_setup"
    ATTACH_PAYMENT_METHOD = "attach_payment_method"
    READ_PAYMENT_METHOD = "read_payment_method"
    DETACH_PAYMENT_METHOD = "detach_payment_method"
    CREATE_PAYMENT = "create_payment"
    FIND_PAYMENT = "find_payment"
    READ_PAYMENT = "read_payment"
    CONFIRM_PAYMENT = "confirm_payment"
    CANCEL_PAYMENT = "cancel_payment"
    CREATE_REFUND = "create_refund"
    FIND_REFUND = "find_refund"
    READ_REFUND = "read_refund"
    REFUNDS_OF_CHARGE = "refunds_of_charge"
    READ_DISPUTE = "read_dispute"


class Outage(StrEnum):
    """What can go wrong, as far as the caller can tell it apart."""

    BUSY = "busy"
    """429: nothing happened."""
    FAILED = "failed"
    """500 before the effect, saved under the idempotency key."""
    LOST_REQUEST = "lost_request"
    """No answer, and nothing happened."""
    LOST_ANSWER = "lost_answer"
    """No answer, and the effect happened."""


class Outages:
    """Planned outages, first planned first served."""

    def __init__(self) -> None:
        self._planned: list[tuple[Operation, Outage]] = []

    def plan(self, operation: Operation, outage: Outage, *, times: int = 1) -> None:
        """The next `times` requests of that kind go wrong."""
        self._planned += [(operation, outage)] * times

    def take(self, operation: Operation) -> Outage | None:
        """What goes wrong with this request; used up by asking."""
        for index, (planned, outage) in enumerate(self._planned):
            if planned is operation:
                del self._planned[index]
                return outage
        return None


def busy() -> GatewayBusy:
    """The answer 429."""
    return GatewayBusy("gateway_busy", "the gateway limits the rate")


def failed() -> GatewayFailed:
    """The answer 500."""
    return GatewayFailed("gateway_failed", "the gateway failed to answer the request")


def unreachable() -> GatewayUnreachable:
    """The answer that never came."""
    return GatewayUnreachable("gateway_unreachable", "the gateway did not answer")
