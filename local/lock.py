"""Locks on folders, held by programs rather than by whoever started them.

Owns the answer to "is somebody still using this?". A lock is a property of an open file: handed to
a program (`Program.held`) it lasts until the program and all its children have ended, so it cannot
go stale, whoever was killed.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

_POLL_SECONDS = 0.03


class InUse(Exception):
    """Another process holds the lock; the message is for the user."""


@contextlib.contextmanager
def locked(path: Path, *, what: str, patience_seconds: float) -> Iterator[int]:
    """The descriptor that holds the lock of `path`, closed on our side at the end.

    Waits for a predecessor that is about to end; raises `InUse` when it has not after
    `patience_seconds`.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock(descriptor, path, what=what, patience_seconds=patience_seconds)
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path, *, what: str, patience_seconds: float) -> None:
    deadline = time.monotonic() + patience_seconds
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        if time.monotonic() > deadline:
            raise InUse(f"{what} in {path.parent} is in use by another process; stop that first")
        time.sleep(_POLL_SECONDS)
