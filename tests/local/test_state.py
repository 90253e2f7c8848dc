"""What a checkout remembers between runs."""

import socket
import stat
from pathlib import Path

import pytest

from local.process import ProcessError
from local.state import Links, State


@pytest.fixture
def state(tmp_path: Path) -> State:
    state = State(tmp_path)
    state.make_folder()
    return state


def test_a_secret_is_generated_once_and_kept(state: State) -> None:
    secret = state.secret("stripe_api_key", prefix="sk_test_")
    assert secret.startswith("sk_test_")
    assert len(secret) > 40
    assert State(state.root).secret("stripe_api_key") == secret
    assert state.secret("other") != secret
    mode = (state.folder / "secrets.json").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_a_port_is_kept_while_it_is_free(state: State) -> None:
    first, _ = state.choose_port("api")
    assert state.choose_port("api") == (first, None)


def test_a_taken_port_is_replaced_by_one_that_no_other_part_has(state: State) -> None:
    with socket.socket() as taken:
        wanted, _ = state.choose_port("api")
        taken.bind(("127.0.0.1", wanted))
        taken.listen()
        other, replaced = state.choose_port("api")
        assert replaced == wanted
        assert other != wanted
        assert state.choose_port("api") == (other, None)
    parts = ("postgres", "temporal", "temporal_ui", "simulator", "worker", "api")
    chosen = [state.choose_port(part)[0] for part in parts]
    assert len(set(chosen)) == len(parts)


def test_a_damaged_file_is_named_instead_of_being_replaced(state: State) -> None:
    (state.folder / "secrets.json").write_text('{"half')
    with pytest.raises(ProcessError, match=r"cannot read .*secrets\.json"):
        state.secret("anything")
    assert (state.folder / "secrets.json").read_text() == '{"half'


def test_links_are_read_as_they_were_written(state: State) -> None:
    assert state.read_links() is None
    links = Links(
        api_url="http://127.0.0.1:1",
        api_key="pk_x",
        temporal_address="127.0.0.1:2",
        worker_health_url="http://127.0.0.1:3",
        database_url="postgresql://x",
    )
    state.write_links(links)
    assert State(state.root).read_links() == links


def test_looking_at_a_checkout_makes_nothing(tmp_path: Path) -> None:
    assert State(tmp_path).read_links() is None
    assert State(tmp_path).known_secret("api_key") is None
    assert list(tmp_path.iterdir()) == []
