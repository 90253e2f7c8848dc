"""`perennial dev`: the whole system in one terminal.

Owns the reaction to signals and the screen of links. Does not own the parts (`local.system`).
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from local import system
from local.console import Console
from local.process import ProcessError
from local.state import Links
from local.system import ApiKeyIssuer
from workflows.search_attributes import SEARCH_ATTRIBUTES

_WATCH_SECONDS = 0.2
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """The user or the machine asked the system to end."""


def run(root: Path, *, issue_api_key: ApiKeyIssuer, with_parent: bool = False) -> int:
    """Run the system of `root` until a signal ends it; 0 then, 1 when a part does not work.

    `with_parent` ends it with the process that started it, however that ended: `make dev` must not
    leave the system behind when `make` is killed.
    """
    parent = os.getppid()
    console = Console()
    began = time.monotonic()
    with _signals_as_interruption():
        try:
            with system.opened(
                root, console, search_attributes=SEARCH_ATTRIBUTES, issue_api_key=issue_api_key
            ) as opened:
                try:
                    links = opened.start()
                    console.show(_screen(links, console, seconds=time.monotonic() - began))
                    while not with_parent or os.getppid() == parent:
                        opened.keep_running()
                        time.sleep(_WATCH_SECONDS)
                finally:
                    _ignore_signals()
                    console.say("stopping")
        except Interrupted:
            pass
        except ProcessError as error:
            console.say(str(error))
            return 1
    console.say("stopped")
    return 0


@contextmanager
def _signals_as_interruption() -> Iterator[None]:
    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise Interrupted

    before = {number: signal.signal(number, interrupt) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore_signals() -> None:
    """A second Ctrl-C must not interrupt the orderly end; the guards would finish it anyway."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _screen(links: Links, console: Console, *, seconds: float) -> str:
    places = {
        "API": f"{links.api_url}/docs",
        "Temporal UI": links.temporal_ui_url or f"(server at {links.temporal_address})",
        "Stripe": links.simulator_url or "https://dashboard.stripe.com/test",
        "API key": links.api_key,
    }
    rows = "\n".join(f"  {name:<14}{place}" for name, place in places.items())
    title = console.emphasised(f"Perennial is running ({seconds:.1f} s)")
    return (
        f"\n{title}\n\n{rows}\n\n"
        "  Your first customer:\n\n"
        f"    curl -s {links.api_url}/v1/customers \\\n"
        f"      -H 'Authorization: Bearer {links.api_key}' \\\n"
        "      -H 'Idempotency-Key: first-customer' \\\n"
        "      -H 'Content-Type: application/json' \\\n"
        '      -d \'{"email": "ada@example.com", "name": "Ada Lovelace"}\'\n\n'
        "  A year of subscriptions: make demo (in a second terminal). Stop: Ctrl-C.\n"
    )
