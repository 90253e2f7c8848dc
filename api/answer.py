"""How an operation's answer is written: its body, its status, and the version it shows.

Owns the head of an answer, and the condition that a later command puts on it: `ETag` and `If-Match`
name the version of a subscription (policy P16). Does not own when an answer is stored and replayed
(`api.idempotency`).
"""

import re
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel

from api.problems import Malformed

_ACCEPTED: Final = 202
_ANY: Final = "*"
_TAG: Final = re.compile(r'"([0-9]{1,18})"', re.ASCII)


class Answer(BaseModel):
    """An answer with more than a body."""

    @property
    def shown_version(self) -> int | None:
        """The version of the subscription that it shows, if it shows one."""
        return None

    @property
    def is_pending(self) -> bool:
        """Whether what it shows is accepted and not done yet: the answer to a POST is 202 then."""
        return False


SHOWN_VERSION: Final[dict[str, Any]] = {
    "headers": {
        "ETag": {
            "description": "The version that the answer shows; pass it as `If-Match`",
            "schema": {"type": "string"},
            "example": '"7"',
        }
    }
}
"""How the OpenAPI document describes the head of an `Answer`."""


def respond(answer: BaseModel | Response, status: int) -> Response:
    """The answer as it is sent; what is no JSON comes as it is."""
    if isinstance(answer, Response):
        return answer
    headers = {}
    if isinstance(answer, Answer) and answer.shown_version is not None:
        headers["ETag"] = f'"{answer.shown_version}"'
    return Response(
        answer.model_dump_json(by_alias=True),
        status_code=status,
        headers=headers,
        media_type="application/json",
    )


def respond_to_post(answer: BaseModel | Response, status: int) -> Response:
    """The same to a request to do something, which may be under way only."""
    is_pending = isinstance(answer, Answer) and answer.is_pending
    return respond(answer, _ACCEPTED if is_pending else status)


async def expected_version(
    request: Request,
    if_match: Annotated[
        str | None,
        Header(
            alias="If-Match",
            description="The `ETag` of what the command is based on; if the subscription has"
            " changed since, the command is refused (`stale_version`). `*` or none: whatever it is"
            " now.",
            examples=['"7"'],
        ),
    ] = None,
) -> int | None:
    """The version that the caller has seen. Raises `Malformed` (`if_match_invalid`)."""
    if if_match is None or if_match == _ANY:
        return None
    tag = _TAG.fullmatch(if_match)
    if tag is None or len(request.headers.getlist("if-match")) > 1:
        raise Malformed("if_match_invalid", 'write If-Match as one ETag of ours, for instance "7"')
    return int(tag.group(1))


ExpectedVersion = Annotated[int | None, Depends(expected_version)]
