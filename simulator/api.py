"""Stripe's API over HTTP: the layers that a request passes, in Stripe's order.

Owns authentication, rate limits, validation, idempotency and execution, and carrying out the faults
that were ordered. Does not own what an endpoint does (`routes` and the resources).

Sources: https://docs.stripe.com/api/authentication, https://docs.stripe.com/api/idempotent_requests
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import json
import traceback
from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from simulator.account import Account
from simulator.config import API_VERSION
from simulator.connection import Reset, Silence, reply_with
from simulator.document import JsonObject
from simulator.errors import (
    CardDeclined,
    InvalidRequest,
    KeyInUse,
    KeyMismatch,
    NotAuthenticated,
    RateLimited,
    ServerFailure,
    StripeFailure,
)
from simulator.expansion import expand
from simulator.faults import Fault
from simulator.forms import FormTree, parse_form
from simulator.lists import Page
from simulator.operation import Operation
from simulator.request_log import RecordedRequest, flattened
from simulator.resource import new_id
from simulator.routes import Answer, Bound, Route, find_route
from simulator.store import SavedAnswer

SECONDS_A_KEY_IS_KEPT = 24 * 3600
_BODY_LIMIT_BYTES = 1 << 20
_KEY_LENGTH = 255
_FORM = "application/x-www-form-urlencoded"

_log = structlog.get_logger("simulator")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer on its way out."""

    status: int
    body: str
    replayed_from: str | None = None


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as far as its layers care."""

    request_id: str
    method: str
    path: str
    host: str
    key: str | None
    encoded: str
    headers: Mapping[str, str]


class StripeApi:
    """The ASGI application behind `/v1`."""

    def __init__(self, account: Account) -> None:
        self._account = account

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or, when a fault says so, do not."""
        try:
            incoming = await _read(Request(scope, receive))
        except ClientDisconnect:
            return
        except StripeFailure as failure:
            await reply_with(send, failure.http_status, _json(failure.body()), {})
            return
        outcome = await self._outcome(incoming)
        match outcome:
            case Reply():
                await reply_with(send, outcome.status, outcome.body, _headers(incoming, outcome))
            case Silence() | Reset():
                await outcome.carry_out(scope, receive)

    async def _outcome(self, incoming: Incoming) -> "Reply | Silence | Reset":
        tree: FormTree = {}
        fault: Fault | None = None
        try:
            self._authenticate(incoming)
            fault = self._account.faults.take(incoming.method, incoming.path)
            _check_rate(fault)
            route, identifier = _routed(incoming)
            tree = parse_form(incoming.encoded)
            bound = route.bind(identifier, tree)
            self._account.conformance.check_request(route.documented, tree)
            outcome = await self._perform(incoming, bound, tree, fault)
        except StripeFailure as failure:
            outcome = Reply(failure.http_status, _json(failure.body()))
        except Exception as error:  # noqa: BLE001 - the last frame: an answer is owed
            _log.error(
                "request.broke",
                path=incoming.path,
                request_id=incoming.request_id,
                trace=traceback.format_exc(),
            )
            self._account.conformance.record(f"{incoming.method} {incoming.path}: {error!r}")
            outcome = Reply(500, _json(ServerFailure("The simulator has a defect.").body()))
        self._record(incoming, tree, outcome, fault)
        return outcome

    def _authenticate(self, incoming: Incoming) -> None:
        key = _presented_key(incoming.headers.get("authorization", ""))
        if key is None:
            raise NotAuthenticated(
                "You did not provide an API key. You need to provide your API key in the"
                " Authorization header, using Bearer auth (e.g. 'Authorization: Bearer"
                " YOUR_SECRET_KEY')."
            )
        if not hmac.compare_digest(key.encode(), self._account.config.api_key.encode()):
            raise NotAuthenticated(f"Invalid API Key provided: {key[:8]}****")
        version = incoming.headers.get("stripe-version", API_VERSION)
        if version != API_VERSION:
            raise InvalidRequest(
                f"Invalid Stripe API version: {version}. The simulator speaks {API_VERSION}."
            )

    async def _perform(
        self, incoming: Incoming, bound: Bound, tree: FormTree, fault: Fault | None
    ) -> "Reply | Silence | Reset":
        lost = _lost(fault, "before_commit")
        if lost is not None:
            return lost
        if fault is not None and fault.kind == "conflict":
            raise _in_use(incoming.key or "")
        reply = await self._once(incoming, bound, tree, fault)
        return _lost(fault, "after_commit") or reply

    async def _once(
        self, incoming: Incoming, bound: Bound, tree: FormTree, fault: Fault | None
    ) -> Reply:
        key = incoming.key
        if key is None:
            await _slowness(fault)
            return self._execute(incoming, bound, None, fault)
        if key in self._account.keys_in_use:
            raise _in_use(key)
        fingerprint = _fingerprint(incoming, tree)
        saved = self._saved(key)
        if saved is not None:
            if saved.fingerprint != fingerprint:
                raise KeyMismatch(
                    "Keys for idempotent requests can only be used with the same parameters they"
                    f" were first used with. Try using a key other than '{key}' if you meant to"
                    " execute a different request."
                )
            return Reply(saved.status, saved.body, replayed_from=saved.request_id)
        self._account.keys_in_use.add(key)
        try:
            await _slowness(fault)
            return self._execute(incoming, bound, fingerprint, fault)
        finally:
            self._account.keys_in_use.discard(key)

    def _saved(self, key: str) -> SavedAnswer | None:
        saved = self._account.store.answer(key)
        expired_before = int(self._account.clock()) - SECONDS_A_KEY_IS_KEPT
        return None if saved is None or saved.saved_at <= expired_before else saved

    def _execute(
        self, incoming: Incoming, bound: Bound, fingerprint: str | None, fault: Fault | None
    ) -> Reply:
        operation = self._account.operation(
            incoming.host, request_id=incoming.request_id, idempotency_key=incoming.key
        )
        broken = fault is not None and fault.kind == "server_error"
        if fault is not None and broken and fault.moment == "before_commit":
            with self._account.store.transaction():
                return self._keep(operation, fingerprint, _server_error())
        try:
            with self._account.store.transaction():
                try:
                    reply = self._rendered(operation, bound, bound.execute(operation))
                except CardDeclined as refusal:
                    self._account.conformance.check_error(refusal.body())
                    reply = Reply(refusal.http_status, _json(refusal.body()))
                reply = self._keep(operation, fingerprint, _server_error() if broken else reply)
        except StripeFailure as failure:
            with self._account.store.transaction():
                reply = Reply(failure.http_status, _json(failure.body()))
                reply = self._keep(operation, fingerprint, reply)
        self._account.changed.set()
        return reply

    def _rendered(self, operation: Operation, bound: Bound, answer: Answer) -> Reply:
        document = rendered(answer)
        expand(operation, document, bound.expand)
        self._account.conformance.check_response(document)
        return Reply(200, _json(document))

    def _keep(self, operation: Operation, fingerprint: str | None, reply: Reply) -> Reply:
        key, request_id = operation.idempotency_key, operation.request_id
        if fingerprint is not None and key is not None and request_id is not None:
            answer = SavedAnswer(fingerprint, operation.now, reply.status, reply.body, request_id)
            self._account.store.save_answer(key, answer)
        return reply

    def _record(
        self,
        incoming: Incoming,
        tree: FormTree,
        outcome: "Reply | Silence | Reset",
        fault: Fault | None,
    ) -> None:
        answered = outcome if isinstance(outcome, Reply) else None
        self._account.requests.add(
            RecordedRequest(
                request_id=incoming.request_id,
                at=int(self._account.clock()),
                method=incoming.method,
                path=incoming.path,
                parameters=flattened(tree),
                idempotency_key=incoming.key,
                status=None if answered is None else answered.status,
                replayed=answered is not None and answered.replayed_from is not None,
                fault=None if fault is None else fault.kind,
            )
        )


def rendered(answer: Answer) -> JsonObject:
    """The answer as Stripe's API shows it, unexpanded."""
    if isinstance(answer, Page):
        return {
            "object": "list",
            "data": [resource.public() for resource in answer.data],
            "has_more": answer.has_more,
            "url": answer.url,
        }
    return answer.model_dump(mode="json") if not hasattr(answer, "public") else answer.public()


async def _read(request: Request) -> Incoming:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY_LIMIT_BYTES:
            raise InvalidRequest("The request body is too large.", status=413)
    content_type = request.headers.get("content-type", _FORM).split(";")[0].strip().lower()
    if body and content_type != _FORM:
        raise InvalidRequest(
            f"Invalid request (check that your POST content type is {_FORM}).", status=400
        )
    try:
        encoded = body.decode("ascii") if request.method == "POST" else request.url.query
    except UnicodeDecodeError as error:
        raise InvalidRequest("Invalid request: the body is not URL-encoded.") from error
    key = request.headers.get("idempotency-key") if request.method == "POST" else None
    if key is not None and not 0 < len(key) <= _KEY_LENGTH:
        raise InvalidRequest("Idempotency keys must have between 1 and 255 characters.")
    return Incoming(
        request_id=new_id("req"),
        method=request.method,
        path=request.url.path,
        host=f"{request.url.scheme}://{request.url.netloc}",
        key=key,
        encoded=encoded,
        headers=request.headers,
    )


def _presented_key(authorization: str) -> str | None:
    scheme, _, credentials = authorization.partition(" ")
    match scheme.lower():
        case "bearer":
            return credentials.strip() or None
        case "basic":
            try:
                decoded = base64.b64decode(credentials, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                return None
            return decoded.partition(":")[0] or None
        case _:
            return None


def _routed(incoming: Incoming) -> tuple[Route, str]:
    found = find_route(incoming.method, incoming.path)
    if found is None:
        raise InvalidRequest(
            f"Unrecognized request URL ({incoming.method}: {incoming.path}). The simulator serves"
            " only what Perennial calls.",
            status=404,
        )
    return found


def _check_rate(fault: Fault | None) -> None:
    if fault is not None and fault.kind == "rate_limited":
        raise RateLimited("Too many requests. Please retry later.", code="rate_limit")


def _lost(fault: Fault | None, moment: str) -> "Silence | Reset | None":
    if fault is None or fault.moment != moment:
        return None
    match fault.kind:
        case "timeout":
            return Silence(fault.seconds)
        case "reset":
            return Reset()
        case "server_error" | "rate_limited" | "conflict" | "slow":
            return None


async def _slowness(fault: Fault | None) -> None:
    if fault is not None and fault.kind == "slow":
        await asyncio.sleep(fault.seconds)


def _in_use(key: str) -> KeyInUse:
    return KeyInUse(
        "There is currently another in-progress request using this Idempotent Key (that probably"
        f" means you submitted twice, and the other request is still going through): {key}. Please"
        " try again later.",
        code="idempotency_key_in_use",
    )


def _server_error() -> Reply:
    return Reply(500, _json(ServerFailure("An unknown error occurred").body()))


def _fingerprint(incoming: Incoming, tree: FormTree) -> str:
    content = json.dumps([incoming.method, incoming.path, tree], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _headers(incoming: Incoming, reply: Reply) -> dict[str, str]:
    headers = {"request-id": incoming.request_id, "stripe-version": API_VERSION}
    if incoming.key is not None:
        headers["idempotency-key"] = incoming.key
    if reply.replayed_from is not None:
        headers["idempotent-replayed"] = "true"
        headers["original-request"] = reply.replayed_from
    if reply.status == ServerFailure.status:
        headers["stripe-should-retry"] = "false"
    return headers


def _json(document: JsonObject) -> str:
    return json.dumps(document, separators=(",", ":"))
