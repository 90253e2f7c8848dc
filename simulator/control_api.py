"""The control API, server side: what a test or a demo may order.

Owns the endpoints under `/_control`. They exist only beside a test key and answer only to the
control token. Does not carry out faults (`api`, `deliveries`). The client is `control`.
"""

import hmac
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator import dispute_responses, disputes, payment_confirmation, refunds
from simulator.account import Account
from simulator.balance_transactions import BalanceTransaction
from simulator.bank_accounts import BANK_ACCOUNTS_BY_NUMBER
from simulator.cards import CARDS_BY_NAME, CARDS_BY_NUMBER, DisputeKind
from simulator.charges import Charge
from simulator.control_messages import (
    DecideDispute,
    ForgetKeys,
    Made,
    OpenDispute,
    PendingFaults,
    RefundByHand,
    Requests,
    ScheduleOutcomes,
    Settle,
    SettleRefund,
    Total,
    Totals,
    Violations,
)
from simulator.declines import BANK_FAILURES, DECLINES
from simulator.errors import ControlRefused, StripeFailure
from simulator.faults import Fault, WebhookFault
from simulator.operation import Operation
from simulator.payment_confirmation import SUCCEED
from simulator.payment_intents import PaymentIntent

M = TypeVar("M", bound=BaseModel)
Endpoint = Callable[[Request], Awaitable[Response]]


class ControlApi:
    """The control API of one account."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> list[Route]:
        """Where the endpoints stand, below the mount point."""
        table: tuple[tuple[str, str, Endpoint], ...] = (
            ("GET", "/faults", self.faults),
            ("POST", "/faults", self.inject),
            ("DELETE", "/faults", self.clear_faults),
            ("POST", "/webhook_faults", self.inject_webhook),
            ("POST", "/outcomes", self.schedule_outcomes),
            ("POST", "/idempotency_keys/forget", self.forget_keys),
            ("POST", "/payment_intents/{id}/settle", self.settle),
            ("POST", "/payments/{id}/refund", self.refund),
            ("POST", "/refunds/{id}/settle", self.settle_refund),
            ("POST", "/refunds/{id}/cancel", self.cancel_refund),
            ("POST", "/payments/{id}/dispute", self.dispute),
            ("POST", "/disputes/{id}/decide", self.decide_dispute),
            ("POST", "/disputes/{id}/escalate", self.escalate_dispute),
            ("GET", "/requests", self.requests),
            ("DELETE", "/requests", self.clear_requests),
            ("GET", "/totals", self.totals),
            ("GET", "/violations", self.violations),
            ("GET", "/deliveries", self.deliveries),
            ("POST", "/flush", self.flush),
            ("POST", "/reset", self.reset),
        )
        return [
            Route(path, self._guarded(endpoint), methods=[method])
            for method, path, endpoint in table
        ]

    async def faults(self, _: Request) -> Response:
        """The faults still to come."""
        requests, webhooks = self._account.faults.pending()
        return _answer(PendingFaults(requests=requests, webhooks=webhooks))

    async def inject(self, request: Request) -> Response:
        """Order a fault for requests."""
        self._account.faults.inject(await _message(request, Fault))
        return _done()

    async def clear_faults(self, _: Request) -> Response:
        """Nothing goes wrong any more."""
        self._account.faults.clear()
        return _done()

    async def inject_webhook(self, request: Request) -> Response:
        """Order a fault for webhooks."""
        self._account.faults.inject_webhook(await _message(request, WebhookFault))
        return _done()

    async def schedule_outcomes(self, request: Request) -> Response:
        """Queue outcomes for the next charges of a card, payment method or customer."""
        message = await _message(request, ScheduleOutcomes)
        unknown = sorted(set(message.outcomes) - {SUCCEED, *DECLINES})
        if unknown:
            raise ControlRefused(f"no such outcome: {', '.join(unknown)}")
        with self._account.store.transaction():
            self._account.store.push_outcomes(_subject(message.subject), message.outcomes)
        return _done()

    async def forget_keys(self, request: Request) -> Response:
        """Forget one idempotency key or all, as Stripe does after a day."""
        message = await _message(request, ForgetKeys)
        with self._account.store.transaction():
            self._account.store.forget_answers(key=message.key)
        return _done()

    async def settle(self, request: Request) -> Response:
        """End a `processing` payment."""
        message = await _message(request, Settle)
        if message.failure is not None and message.failure not in BANK_FAILURES:
            raise ControlRefused(f"no such failure: {message.failure}")
        with self._account.work(str(request.base_url)) as operation:
            payment_confirmation.settle(
                operation, request.path_params["id"], failure=message.failure
            )
        return _done()

    async def refund(self, request: Request) -> Response:
        """Refund a payment as somebody in the dashboard does."""
        message = await _message(request, RefundByHand)
        with self._account.work(str(request.base_url)) as operation:
            charge = _charge(operation, request.path_params["id"])
            parameters = refunds.CreateParameters(charge=charge.id, amount=message.amount_minor)
            made = refunds.create(operation, "", parameters)
        return _answer(Made(id=made.id))

    async def settle_refund(self, request: Request) -> Response:
        """End a refund that is pending, or fail one, even after its success."""
        message = await _message(request, SettleRefund)
        if message.failure is not None and message.failure not in refunds.FAILURES:
            raise ControlRefused(f"no such failure: {message.failure}")
        with self._account.work(str(request.base_url)) as operation:
            refunds.settle(operation, request.path_params["id"], failure=message.failure)
        return _done()

    async def cancel_refund(self, request: Request) -> Response:
        """Stop a pending refund as somebody in the dashboard does."""
        with self._account.work(str(request.base_url)) as operation:
            refunds.cancel(operation, request.path_params["id"])
        return _done()

    async def dispute(self, request: Request) -> Response:
        """Let the cardholder's bank dispute a payment, or ask about it."""
        message = await _message(request, OpenDispute)
        kind = DisputeKind.INQUIRY if message.is_inquiry else DisputeKind.FRAUDULENT
        with self._account.work(str(request.base_url)) as operation:
            charge = _charge(operation, request.path_params["id"])
            made = disputes.open_dispute(operation, charge, kind, reason=message.reason)
        return _answer(Made(id=made.id))

    async def decide_dispute(self, request: Request) -> Response:
        """Let the bank decide a dispute, or close an inquiry."""
        message = await _message(request, DecideDispute)
        with self._account.work(str(request.base_url)) as operation:
            dispute_responses.decide(operation, request.path_params["id"], won=message.won)
        return _done()

    async def escalate_dispute(self, request: Request) -> Response:
        """Let an inquiry become a dispute."""
        with self._account.work(str(request.base_url)) as operation:
            dispute_responses.escalate(operation, request.path_params["id"])
        return _done()

    async def requests(self, _: Request) -> Response:
        """The requests received, oldest first."""
        return _answer(Requests(requests=self._account.requests.entries()))

    async def clear_requests(self, _: Request) -> Response:
        """Forget the requests received."""
        self._account.requests.clear()
        return _done()

    async def totals(self, _: Request) -> Response:
        """What was captured, refunded and is left, per currency."""
        rows = self._account.store.totals(Charge)
        balances = self._account.store.balances(BalanceTransaction)
        return _answer(
            Totals(
                currencies={
                    currency: Total(
                        captured_minor=captured,
                        refunded_minor=refunded,
                        balance_minor=balances.get(currency, 0),
                    )
                    for currency, captured, refunded in rows
                }
            )
        )

    async def violations(self, _: Request) -> Response:
        """What strict mode found."""
        return _answer(Violations(violations=self._account.conformance.violations))

    async def deliveries(self, _: Request) -> Response:
        """How many webhook deliveries are still owed."""
        return JSONResponse({"owed": self._account.store.deliveries_owed()})

    async def flush(self, _: Request) -> Response:
        """Fold the write-ahead log into the database file."""
        self._account.store.flush()
        return _done()

    async def reset(self, _: Request) -> Response:
        """Forget everything."""
        self._account.store.clear()
        self._account.faults.clear()
        self._account.requests.clear()
        self._account.conformance.clear()
        return _done()

    def _guarded(self, endpoint: Endpoint) -> Endpoint:
        expected = f"Bearer {self._account.config.control_token}".encode()

        async def answer(request: Request) -> Response:
            given = request.headers.get("authorization", "").encode()
            if not hmac.compare_digest(given, expected):
                return _problem(401, "control_token_invalid", "The control token is missing.")
            try:
                return await endpoint(request)
            except ValidationError as error:
                return _problem(422, "control_order_invalid", str(error))
            except ControlRefused as error:
                return _problem(422, "control_order_impossible", str(error))
            except StripeFailure as failure:
                code = failure.code or "control_order_impossible"
                return _problem(failure.http_status, code, failure.message)

        return answer


async def _message(request: Request, model: type[M]) -> M:
    return model.model_validate_json(await request.body() or b"{}")


def _charge(operation: Operation, payment: str) -> Charge:
    """The charge of that id, or the last one of the PaymentIntent of that id."""
    intent = operation.store.find(PaymentIntent, payment)
    return operation.get(Charge, payment if intent is None else intent.latest_charge or payment)


def _subject(given: str) -> str:
    card = CARDS_BY_NAME.get(given.removeprefix("pm_card_"))
    if card is not None and given.startswith("pm_card_"):
        return card.number
    known = given in CARDS_BY_NUMBER or given in BANK_ACCOUNTS_BY_NUMBER
    if not known and not given.startswith(("pm_", "cus_")):
        raise ControlRefused(f"{given} is no test card, payment method or customer")
    return given


def _answer(model: BaseModel) -> Response:
    return Response(model.model_dump_json(), media_type="application/json")


def _done() -> Response:
    return Response(status_code=204)


def _problem(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": message}}, status)
