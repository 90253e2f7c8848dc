"""Who asks: API keys and what they may do.

Owns the scopes, the reading of the `Authorization` header and the check of a key. Does not own how
keys are made, stored and revoked (`adapters.db`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request

from api.dependencies import dependencies_of
from api.problems import Forbidden, Unauthenticated
from billing.actor import Actor, ActorKind

READ_METHODS: Final = frozenset({"GET", "HEAD"})
_ONLY_READ: Final = frozenset({"invoices", "credit_notes", "disputes", "reports"})
_ONLY_WRITTEN: Final = frozenset({"net_terms", "portal_sessions", "received_payments"})
SCOPES: Final = tuple(
    f"{resource}:{access}"
    for resource in (
        "customers",
        "net_terms",
        "payment_methods",
        "entitlements",
        "catalog",
        "checkout",
        "subscriptions",
        "purchases",
        "seller",
        "invoices",
        "received_payments",
        "invoice_items",
        "credit_notes",
        "refunds",
        "disputes",
        "portal_sessions",
        "migrations",
        "test_clocks",
        "reports",
    )
    for access in ("read", "write")
    if resource not in (_ONLY_READ if access == "write" else _ONLY_WRITTEN)
)
"""Everything that a key can be allowed; a resource is the tag of its operations."""

_LONGEST_SECRET: Final = 200

SCHEME: Final = "apiKey"
"""The scheme's name in the OpenAPI document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The API key behind a request."""

    api_key_id: str
    scopes: frozenset[str]

    @property
    def actor(self) -> Actor:
        """The caller as the audit log names it."""
        return Actor(kind=ActorKind.API_KEY, id=self.api_key_id)


def scope_for(resource: str, methods: Sequence[str]) -> str:
    """The scope that an operation on a resource needs."""
    access = "read" if set(methods) <= READ_METHODS else "write"
    return f"{resource}:{access}"


async def authenticate(request: Request, scope: str) -> Caller:
    """The caller, who may do what `scope` says.

    Raises `Unauthenticated` (`api_key_missing`, `api_key_invalid`) and `Forbidden`
    (`scope_missing`).
    """
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    secret = secret.strip()
    if kind.lower() != "bearer" or not secret:
        raise Unauthenticated("api_key_missing", "send an API key: Authorization: Bearer pk_…")
    found = None
    if len(secret) <= _LONGEST_SECRET and secret.isascii():
        found = await dependencies_of(request).known_keys.authenticate(secret)
    if found is None:
        raise Unauthenticated("api_key_invalid", "the API key is unknown or was revoked")
    request.state.api_key_id = found.id
    if scope not in found.scopes:
        raise Forbidden("scope_missing", f"the API key lacks the scope {scope}", scope=scope)
    caller = Caller(api_key_id=found.id, scopes=frozenset(found.scopes))
    request.state.caller = caller
    return caller


def caller_of(request: Request) -> Caller:
    """Who was authenticated for this request."""
    caller = request.state.caller
    if not isinstance(caller, Caller):
        raise TypeError("the route does not authenticate")
    return caller


async def injected_caller(request: Request) -> Caller:
    """The same for endpoints; async, because FastAPI runs other functions in a thread."""
    return caller_of(request)


CallerOf = Annotated[Caller, Depends(injected_caller)]
