"""Answers of the in-memory gateway: saved under their keys, lost or refused on order.

Owns idempotency as Stripe documents it: the first answer to a key is given again, failures
included, and a key that comes back with another request is refused
(https://docs.stripe.com/api/idempotent_requests). Does not own what requests do.
"""

from collections.abc import Callable
from typing import TypeVar

from adapters.memory.outages import Operation, Outage, Outages, busy, failed, unreachable
from billing.errors import GatewayFailed, GatewayRefused

T = TypeVar("T")


class Answers:
    """Every answer given, and the outages still to come."""

    def __init__(self) -> None:
        self.outages = Outages()
        self._saved: dict[str, tuple[tuple[object, ...], object]] = {}

    def forget_keys(self) -> None:
        """As Stripe does after a day."""
        self._saved.clear()

    def read(self, operation: Operation, look: Callable[[], T]) -> T:
        """A request without effect; it fails only where an outage is planned."""
        match self.outages.take(operation):
            case Outage.BUSY:
                raise busy()
            case Outage.FAILED:
                raise failed()
            case Outage.LOST_REQUEST | Outage.LOST_ANSWER:
                raise unreachable()
            case None:
                return look()

    def write(
        self,
        operation: Operation,
        key: str,
        request: tuple[object, ...],
        answer_type: type[T],
        effect: Callable[[], T],
    ) -> T:
        """A request with an effect, which happens once per key."""
        outage = self.outages.take(operation)
        if outage is Outage.BUSY:
            raise busy()
        if outage is Outage.LOST_REQUEST:
            raise unreachable()
        if key not in self._saved:
            answer = failed() if outage is Outage.FAILED else effect()
            self._saved[key] = ((operation, *request), answer)
        if outage is Outage.LOST_ANSWER:
            raise unreachable()
        return self._replay(key, (operation, *request), answer_type)

    def _replay(self, key: str, request: tuple[object, ...], answer_type: type[T]) -> T:
        first_request, answer = self._saved[key]
        if isinstance(answer, GatewayFailed) and first_request == request:
            raise failed()
        if first_request != request or not isinstance(answer, answer_type):
            raise GatewayRefused("idempotency_error", "the key belongs to another request")
        return answer
