"""The API's server, as its callers' connections see it."""

import socket

from fastapi import FastAPI

from api.server import listening, serving

_IDLE_SECONDS_OF_A_LOAD_BALANCER = 60


def test_answers_are_not_kept_back_until_the_client_acknowledges_their_head() -> None:
    with (
        listening("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
    ):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_an_idle_connection_is_never_closed_before_its_caller_would() -> None:
    server = serving(FastAPI())
    assert server.config.timeout_keep_alive > _IDLE_SECONDS_OF_A_LOAD_BALANCER
