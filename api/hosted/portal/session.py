"""A customer's visit to the portal: whose it is, and which forms belong to it.

Owns the cookie, the refusal of browsers without a valid one, and the tokens of forms. A token is
good for one purpose of one visit, so that no other site and no other customer's page can send the
form; what it causes is named by it, so that sending it twice causes it once. Does not own tickets
(`ticket`).
"""

import secrets
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request
from starlette.responses import Response

from adapters.db.engine import reading
from adapters.db.queries import customers
from adapters.db.queries.customers import Customer
from adapters.hosted_link import HostedLinks, HostedPage
from api.dependencies import Dependencies, dependencies_of
from api.hosted import notices
from api.hosted.page import ShownInstead
from api.hosted.portal.ticket import SESSION_VALID_FOR, Ticket, ticket_in_cookie
from api.present import machine_now
from billing.actor import Actor, ActorKind
from billing.ids import derived_id

_NAME: Final = "perennial_portal"
_SECURE_NAME: Final = f"__Host-{_NAME}"
"""The prefix keeps other hosts of the same domain from planting a cookie of theirs."""

_NONCE_BYTES: Final = 16
_LONGEST_COOKIE: Final = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """A customer whose browser may look into the portal."""

    customer: Customer
    ticket: Ticket
    links: HostedLinks

    @property
    def actor(self) -> Actor:
        """The customer as the audit log names them (policy P34)."""
        return Actor(kind=ActorKind.CUSTOMER, id=self.customer.id)

    def token(self, *purpose: str) -> str:
        """What a new form for the purpose carries."""
        nonce = secrets.token_hex(_NONCE_BYTES)
        return f"{nonce}.{self._signature(purpose, nonce)}"

    def check(self, token: str, *purpose: str) -> str:
        """The form's own number; raises `ShownInstead` for a form of another purpose or visit."""
        nonce, _, signature = token.partition(".")
        said = self._said(purpose, nonce)
        is_ours = self.links.is_signed(HostedPage.PORTAL_FORM, said, signature)
        if not is_ours or not nonce.isalnum():
            raise ShownInstead(notices.stale_form(url=self.links.portal))
        return nonce

    def named_by(self, token: str, prefix: str, *purpose: str) -> str:
        """The id of what the form causes: the same for the same form. Raises as `check` does."""
        nonce = self.check(token, *purpose)
        return derived_id(prefix, self.ticket.visit_id, *purpose, nonce)

    def _signature(self, purpose: tuple[str, ...], nonce: str) -> str:
        return self.links.signature(HostedPage.PORTAL_FORM, self._said(purpose, nonce))

    def _said(self, purpose: tuple[str, ...], nonce: str) -> str:
        visit = (self.ticket.visit_id, self.ticket.customer_id)
        return "\x1f".join((*visit, *purpose, nonce))


def remember(response: Response, links: HostedLinks, ticket: Ticket) -> None:
    """Has the browser remember the visit until it ends."""
    response.set_cookie(
        _name(links),
        ticket.cookie(links),
        max_age=int(SESSION_VALID_FOR.total_seconds()),
        path="/",
        secure=links.is_secure,
        httponly=True,
        samesite="lax",
    )


def forget(response: Response, links: HostedLinks) -> None:
    """Ends the visit in this browser."""
    response.delete_cookie(
        _name(links), path="/", secure=links.is_secure, httponly=True, samesite="lax"
    )


async def visitor_of(request: Request) -> Visitor:
    """Whose browser it is. Raises `ShownInstead` where nobody's, or no longer."""
    deps = dependencies_of(request)
    links = HostedLinks.of(deps.settings)
    ticket = ticket_of(request, links)
    if ticket is None:
        raise ShownInstead(notices.portal_closed(return_url=None))
    if ticket.ends_at <= machine_now():
        raise ShownInstead(notices.portal_closed(return_url=ticket.return_url))
    customer = await _customer(deps, ticket.customer_id)
    if customer is None:
        raise ShownInstead(notices.UNKNOWN)
    return Visitor(customer=customer, ticket=ticket, links=links)


VisitorOf = Annotated[Visitor, Depends(visitor_of)]


def portal_of(request: Request, links: HostedLinks, customer_id: str) -> str | None:
    """The portal's address, where this very customer has it open in this browser."""
    ticket = ticket_of(request, links)
    if ticket is None or ticket.customer_id != customer_id or ticket.ends_at <= machine_now():
        return None
    return links.portal


def ticket_of(request: Request, links: HostedLinks) -> Ticket | None:
    """The ticket that the browser remembers, be it over or not."""
    cookie = request.cookies.get(_name(links), "")
    return None if len(cookie) > _LONGEST_COOKIE else ticket_in_cookie(links, cookie)


def _name(links: HostedLinks) -> str:
    return _SECURE_NAME if links.is_secure else _NAME


async def _customer(deps: Dependencies, customer_id: str) -> Customer | None:
    async with reading(deps.engine) as connection:
        return await customers.get(connection, customer_id)
