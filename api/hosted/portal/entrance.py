"""The way into the portal and out of it.

Owns the opening of a link, which may be done as often as it is valid, and the closing. Does not own
who gives links out (`api.portal_sessions`).
"""

from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from adapters.hosted_link import HostedLinks
from api.dependencies import Deps
from api.hosted import notices
from api.hosted.page import page, redirect
from api.hosted.page_route import PageRoute
from api.hosted.portal.session import VisitorOf, forget, remember
from api.hosted.portal.ticket import ticket_in_link
from api.present import machine_now

router = APIRouter(prefix="/hosted/portal", include_in_schema=False, route_class=PageRoute)


@router.get("/open")
async def open_portal(deps: Deps, ticket: Annotated[str, Query()] = "") -> Response:
    """Has the browser remember the visit; the link itself is left out of its address from now."""
    links, now = HostedLinks.of(deps.settings), machine_now()
    found = ticket_in_link(links, ticket)
    if found is None:
        return page(notices.UNKNOWN)
    if found.ends_at <= now:
        return page(notices.link_expired(return_url=found.return_url))
    answer = redirect(links.portal)
    remember(answer, links, found.opened(now))
    return answer


@router.post("/leave")
async def leave_portal(visitor: VisitorOf, token: Annotated[str, Form()] = "") -> Response:
    """Nobody looks into the portal from this browser any more."""
    visitor.check(token, "leave")
    answer = page(notices.portal_left(return_url=visitor.ticket.return_url))
    forget(answer, visitor.links)
    return answer
