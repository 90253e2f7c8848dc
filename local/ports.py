"""TCP ports on the loopback interface: which are free.

Owns the choice of a port. A port is not reserved by being chosen: whoever binds it may still lose
a race, and has to say so.
"""

import socket
from collections.abc import Collection

LOOPBACK = "127.0.0.1"
_HIGHEST = 65535
_STEP = 10


def find_free_port() -> int:
    """A port that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def find_free_port_near(wanted: int, *, avoided: Collection[int] = ()) -> int:
    """The first free port at `wanted` or in steps of ten above it.

    Such a port lies where the system does not take ports for outgoing connections, so it is likely
    to be free tomorrow too. Falls back to any free port.
    """
    for port in range(wanted, _HIGHEST + 1, _STEP):
        if port not in avoided and is_free(port):
            return port
    return find_free_port()


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` now; connections that linger do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def is_answering(host: str, port: int) -> bool:
    """Whether something accepts connections on `host` and `port`."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
