"""What every page of an invoice and of the portal has in common: failures are told as pages.

Owns which failure becomes which notice. Does not own what is an outage (`api.hosted.outage`);
defects of ours are not caught.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi import Request, Response
from fastapi.routing import APIRoute

from api.authentication import READ_METHODS
from api.hosted import notices
from api.hosted.outage import OUTAGES, told
from api.hosted.page import ShownInstead, page
from api.problems import Unavailable
from billing.errors import InvalidInput, NotFound

_OUTAGES: Final = (*OUTAGES, Unavailable)


class PageRoute(APIRoute):
    """A page for people, also where it fails."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Answers with a page whatever is refused or out of reach."""
        handle = super().get_route_handler()

        async def handle_for_browser(request: Request) -> Response:
            try:
                return await handle(request)
            except ShownInstead as instead:
                return page(instead.notice)
            except (InvalidInput, NotFound):
                return page(notices.UNKNOWN)
            except _OUTAGES as error:
                is_look = request.method in READ_METHODS
                return told(error, notices.UNAVAILABLE if is_look else notices.UNANSWERED)

        return handle_for_browser
