"""Portal sessions: links that open a customer's portal.

Owns the making of a link. It is all there is of a session: nothing is stored. Does not own the
portal (`api.hosted.portal`).
"""

from datetime import datetime, timedelta
from typing import Annotated, Final, Self

from fastapi import APIRouter
from pydantic import BaseModel, Field

from adapters.db.engine import reading
from adapters.db.queries import customers
from adapters.hosted_link import HostedLinks
from api.dependencies import Deps
from api.fields import Body, CustomerId, WebAddress, example
from api.hosted.portal.ticket import LINK_VALID_FOR, Ticket
from api.idempotency import Ids
from api.present import machine_now
from api.route import ApiRoute
from billing.errors import InvalidInput

router = APIRouter(prefix="/v1/portal_sessions", tags=["portal_sessions"], route_class=ApiRoute)

_SHORTEST_SECONDS: Final = 60
_LONGEST_SECONDS: Final = 86_400


class PortalSessionInput(Body):
    """A customer who is to look after their subscriptions."""

    model_config = example(
        {"customer": "cus_4a1b9c0d2e3f4a1b9c0d2e3f", "return_url": "https://example.com/account"}
    )

    customer: CustomerId
    return_url: WebAddress | None = Field(
        default=None, description="Where the portal leads back to, and where a new link is had"
    )
    expires_in_seconds: Annotated[
        int, Field(strict=True, ge=_SHORTEST_SECONDS, le=_LONGEST_SECONDS)
    ] = Field(
        default=int(LINK_VALID_FOR.total_seconds()), description="How long the link can be opened"
    )


class PortalSessionView(BaseModel):
    """A link, for the customer's browser alone: whoever opens it acts as the customer."""

    customer: str
    url: str = Field(
        description="Send the customer's browser here; do not show it to anybody else",
        examples=["https://billing.example.com/hosted/portal/open?ticket=eyJ2aXNpdF9pZCI6"],
    )
    expires_at: datetime = Field(description="In real time, also for customers on test clocks")

    @classmethod
    def of(cls, ticket: Ticket, links: HostedLinks) -> Self:
        """The ticket as a link."""
        return cls(customer=ticket.customer_id, url=ticket.link(links), expires_at=ticket.ends_at)


@router.post(
    "",
    status_code=201,
    operation_id="create_portal_session",
    summary="Open the portal for a customer",
)
async def create_portal_session(
    body: PortalSessionInput, deps: Deps, ids: Ids
) -> PortalSessionView:
    """A link that opens the portal until it expires, and in that browser for an hour then."""
    async with reading(deps.engine) as connection:
        customer = await customers.get(connection, body.customer)
    if customer is None:
        raise InvalidInput("customer_not_found", f"no customer {body.customer}")
    ticket = Ticket(
        visit_id=ids.new("visit"),
        customer_id=customer.id,
        ends_at=machine_now() + timedelta(seconds=body.expires_in_seconds),
        return_url=body.return_url,
    )
    return PortalSessionView.of(ticket, HostedLinks.of(deps.settings))
