"""Who may look into the portal, and until when.

Owns the ticket that opens it, as a link, and that keeps it open, as a cookie: signed text, so that
nothing is stored and every process knows it. A ticket of one kind is none of the other. Does not
own who gives links out (`api.portal_sessions`) nor how cookies travel (`session`).
"""

from datetime import datetime, timedelta
from typing import Final

from pydantic import ValidationError

from adapters.hosted_link import HostedLinks, HostedPage
from billing.value import Instant, Value

LINK_VALID_FOR: Final = timedelta(hours=1)
"""How long a link opens the portal, unless its maker says otherwise."""

SESSION_VALID_FOR: Final = timedelta(hours=1)
"""How long the portal stays open after a link opened it."""


class Ticket(Value):
    """One visit; every opening of the same link is the same visit."""

    visit_id: str
    customer_id: str
    ends_at: Instant
    return_url: str | None = None
    """Where the customer came from, and gets another link."""

    def link(self, links: HostedLinks) -> str:
        """What opens the portal until the ticket ends."""
        return links.portal_entrance(links.sealed(HostedPage.PORTAL, self.model_dump_json()))

    def opened(self, now: datetime) -> "Ticket":
        """The same visit, as the browser remembers it."""
        return self.model_copy(update={"ends_at": now + SESSION_VALID_FOR})

    def cookie(self, links: HostedLinks) -> str:
        """What the browser remembers."""
        return links.sealed(HostedPage.PORTAL_SESSION, self.model_dump_json())


def ticket_in_link(links: HostedLinks, sealed: str) -> Ticket | None:
    """The ticket of a link of ours, be it over or not."""
    return _ticket(links.opened(HostedPage.PORTAL, sealed))


def ticket_in_cookie(links: HostedLinks, sealed: str) -> Ticket | None:
    """The ticket of a cookie of ours, be it over or not."""
    return _ticket(links.opened(HostedPage.PORTAL_SESSION, sealed))


def _ticket(said: str | None) -> Ticket | None:
    if said is None:
        return None
    try:
        return Ticket.model_validate_json(said)
    except ValidationError:  # of another version of ours
        return None
