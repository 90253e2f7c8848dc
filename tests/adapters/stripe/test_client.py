import socket

import pytest
import stripe

from adapters.stripe.client import API_VERSION, connect_stripe
from adapters.stripe.gateway import StripeGateway
from billing.errors import GatewayUnreachable


def test_the_pinned_version_is_the_one_that_the_package_was_generated_for() -> None:
    assert stripe.api_version == API_VERSION


async def test_an_address_where_nobody_listens_is_unreachable() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        async with connect_stripe(
            api_key="sk_test_nobody", api_base=f"http://127.0.0.1:{port}/"
        ) as client:
            with pytest.raises(GatewayUnreachable) as unreachable:
                await StripeGateway(client).read_payment("pi_1")
    assert unreachable.value.code == "gateway_unreachable"
    assert unreachable.value.__cause__ is None
