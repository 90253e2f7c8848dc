"""What the demo waits for, and what it takes as an answer."""

import httpx
import pytest

from cli.demo.errors import OutOfReach
from cli.demo.patience import Patience

_REQUEST = httpx.Request("POST", "http://api.test/v1/customers")


class Server:
    """Answers one thing after another, the last one for ever."""

    def __init__(self, *answers: httpx.Response | httpx.TransportError) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def send(self) -> httpx.Response:
        self.asked += 1
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, httpx.TransportError):
            raise answer
        return answer


def answer(status: int, code: str | None = None) -> httpx.Response:
    return httpx.Response(status, json={"code": code}, request=_REQUEST)


@pytest.mark.parametrize(
    "passing",
    [
        httpx.ConnectError("refused"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("closed"),
        answer(503, "temporarily_unavailable"),
        answer(429),
        answer(409, "idempotency_key_in_use"),
        answer(409, "test_clock_advancing"),
    ],
)
async def test_what_passes_by_itself_is_waited_for_and_told(
    passing: httpx.Response | httpx.TransportError,
) -> None:
    told: list[str] = []
    server = Server(passing, answer(201))
    assert (await Patience(told.append).answered(server.send)).status_code == 201
    assert server.asked == 2
    assert len(told) == 1


@pytest.mark.parametrize(("status", "code"), [(409, "family_taken"), (422, "x"), (500, "y")])
async def test_a_refusal_is_an_answer(status: int, code: str) -> None:
    server = Server(answer(status, code), answer(200))
    patience = Patience(lambda _: None)
    assert (await patience.answered(server.send)).status_code == status
    assert server.asked == 1


async def test_patience_ends_with_what_was_waited_for() -> None:
    patience = Patience(lambda _: None, seconds=0)
    with pytest.raises(OutOfReach, match="an answer: no connection"):
        await patience.answered(Server(httpx.ConnectError("refused")).send)
