"""TCP ports on the loopback interface: which are free.

Owns the choice of a port. A port is not reserved by being chosen: whoever binds it may still lose
a race, and has to say so.
"""

import socket

LOOPBACK = "127.0.0.1"


def find_free_port() -> int:
    """A port that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


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
