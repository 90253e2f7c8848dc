"""What a page does while a part of the system is out of reach: say so, and ask again.

Owns which failures count as that. Defects of ours are not among them.
"""

from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response
from temporalio.service import RPCError

from api.hosted.page import Notice, page
from billing.errors import Conflict, GatewayError

OUTAGES: Final = (Conflict, GatewayError, OSError, RPCError, SQLAlchemyError, TimeoutError)
"""`Conflict` is a page whose making is not recorded yet; a refusal of the gateway's is our
mistake, told to operators and not to customers."""

log = structlog.get_logger(__name__)


def told(error: Exception, notice: Notice) -> Response:
    """The notice; the log knows why."""
    log.error("hosted_page.failed", error=type(error).__name__, code=getattr(error, "code", None))
    return page(notice)
