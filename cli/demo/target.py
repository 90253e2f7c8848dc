"""The system that the demo plays on.

Owns finding it: named by the environment, else the one that `make dev` started in this checkout.
Does not own starting it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from cli.demo.errors import NothingToPlayOn
from local.process import ProcessError
from local.state import State
from workflows.messages import subscription_workflow_id

_NAMESPACE = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where the API and the Stripe simulator answer, and the keys to them."""

    api_url: str
    api_key: str
    stripe_url: str
    stripe_key: str
    temporal_ui_url: str | None

    def subscription_link(self, subscription_id: str) -> str:
        """The subscription in the Temporal UI, or its workflow's id where no UI is known."""
        workflow_id = subscription_workflow_id(subscription_id)
        if self.temporal_ui_url is None:
            return workflow_id
        base = f"{self.temporal_ui_url}/namespaces/{_NAMESPACE}/workflows"
        return f"{base}/{quote(workflow_id, safe='')}"


def find_target(root: Path, environment: Mapping[str, str]) -> Target:
    """The system that `PERENNIAL_URL` names, else the one of the checkout in `root`.

    Raises `NothingToPlayOn` where there is none, or real Stripe behind it: its hosted page takes
    no card from a program.
    """
    if environment.get("PERENNIAL_URL"):
        return Target(
            api_url=environment["PERENNIAL_URL"].rstrip("/"),
            api_key=_required(environment, "PERENNIAL_API_KEY"),
            stripe_url=_required(environment, "STRIPE_API_BASE").rstrip("/"),
            stripe_key=_required(environment, "STRIPE_API_KEY"),
            temporal_ui_url=environment.get("TEMPORAL_UI_URL"),
        )
    state = State(root)
    try:
        links = state.read_links()
        stripe_key = state.known_secret("stripe_api_key")
    except ProcessError as error:
        raise NothingToPlayOn(str(error)) from None
    if links is None:
        raise NothingToPlayOn(
            "no system was started here yet; start it in another terminal: make dev"
        )
    if links.simulator_url is None or stripe_key is None:
        raise NothingToPlayOn(
            "the system takes payments from real Stripe, whose checkout page takes no card from a "
            "program; start it without STRIPE_API_KEY to play the demo"
        )
    return Target(
        api_url=links.api_url,
        api_key=links.api_key,
        stripe_url=links.simulator_url,
        stripe_key=stripe_key,
        temporal_ui_url=links.temporal_ui_url,
    )


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name)
    if not value:
        raise NothingToPlayOn(f"PERENNIAL_URL is set, and {name} is not; set both or neither")
    return value
