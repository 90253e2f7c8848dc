"""Where the demo finds the system, and what it says where there is none."""

from dataclasses import replace
from pathlib import Path

import pytest

from cli.demo.errors import NothingToPlayOn
from cli.demo.target import find_target
from local.state import Links, State

_VARIABLES = {
    "PERENNIAL_URL": "http://api.test/",
    "PERENNIAL_API_KEY": "pk_1",
    "STRIPE_API_BASE": "http://stripe.test",
    "STRIPE_API_KEY": "sk_test_1",
}
_LINKS = Links(
    api_url="http://127.0.0.1:1",
    api_key="pk_2",
    temporal_address="127.0.0.1:2",
    temporal_ui_url="http://127.0.0.1:3",
    simulator_url="http://127.0.0.1:4",
    worker_health_url="http://127.0.0.1:5",
    database_url="postgresql://127.0.0.1:6",
)


def test_the_environment_names_the_system(tmp_path: Path) -> None:
    target = find_target(tmp_path, _VARIABLES)
    assert (target.api_url, target.api_key) == ("http://api.test", "pk_1")
    assert (target.stripe_url, target.stripe_key) == ("http://stripe.test", "sk_test_1")
    assert target.subscription_link("sub_1") == "subscription/sub_1"


@pytest.mark.parametrize("missing", ["PERENNIAL_API_KEY", "STRIPE_API_BASE", "STRIPE_API_KEY"])
def test_a_variable_that_is_missing_is_named(tmp_path: Path, missing: str) -> None:
    with pytest.raises(NothingToPlayOn, match=missing):
        find_target(tmp_path, {**_VARIABLES, missing: ""})


def test_the_system_of_the_checkout_is_found_by_its_state(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.make_folder()
    state.set_secret("stripe_api_key", "sk_test_2")
    state.write_links(_LINKS)

    target = find_target(tmp_path, {})

    assert (target.api_url, target.stripe_key) == (_LINKS.api_url, "sk_test_2")
    assert target.subscription_link("sub_1") == (
        "http://127.0.0.1:3/namespaces/default/workflows/subscription%2Fsub_1"
    )


def test_a_system_that_was_never_started_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(NothingToPlayOn, match="make dev"):
        find_target(tmp_path, {})
    assert list(tmp_path.iterdir()) == []


def test_real_stripe_is_refused(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.make_folder()
    state.write_links(replace(_LINKS, simulator_url=None))
    with pytest.raises(NothingToPlayOn, match="real Stripe"):
        find_target(tmp_path, {})
