"""The webhook endpoint that connects the simulator to our API.

Owns its registration over Stripe's API and the keeping of its secret. An endpoint of an earlier
start is moved to today's address, because its secret also signs the links already sent out.
"""

from typing import Any

import httpx

from local.process import ProcessError
from local.state import State

_SECRET = "stripe_webhook_secret"  # noqa: S105 - a name
_SECONDS = 10
PATH = "/v1/webhooks/stripe"


def register(state: State, *, simulator_url: str, api_key: str, api_url: str) -> str:
    """The signing secret of the endpoint that points at our API, made or moved as needed."""
    address = f"{api_url}{PATH}"
    with httpx.Client(
        base_url=simulator_url,
        headers={"authorization": f"Bearer {api_key}"},
        timeout=_SECONDS,
        trust_env=False,
    ) as stripe:
        secret = state.known_secret(_SECRET)
        known = _json(stripe.get("/v1/webhook_endpoints"))["data"]
        if secret is not None and known:
            endpoint = known[0]
            if endpoint["url"] != address:
                _json(stripe.post(f"/v1/webhook_endpoints/{endpoint['id']}", data={"url": address}))
            return secret
        for endpoint in known:
            _json(stripe.delete(f"/v1/webhook_endpoints/{endpoint['id']}"))
        made = _json(
            stripe.post("/v1/webhook_endpoints", data={"url": address, "enabled_events[0]": "*"})
        )
    state.set_secret(_SECRET, made["secret"])
    return str(made["secret"])


def is_registered(*, simulator_url: str, api_key: str, api_url: str) -> bool:
    """Whether an enabled endpoint points at our API."""
    answer = httpx.get(
        f"{simulator_url}/v1/webhook_endpoints",
        headers={"authorization": f"Bearer {api_key}"},
        timeout=_SECONDS,
        trust_env=False,
    )
    return any(
        endpoint["url"] == f"{api_url}{PATH}" and endpoint["status"] == "enabled"
        for endpoint in _json(answer)["data"]
    )


def _json(answer: httpx.Response) -> Any:  # noqa: ANN401 - Stripe's JSON, read by key above
    if not answer.is_success:
        raise ProcessError(f"the simulator answered {answer.status_code}: {answer.text}")
    return answer.json()
