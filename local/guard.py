"""The guard: a small process that stands between a supervisor and one program it started.

Owns the promise that nothing is left behind: however the supervisor ends (also by `kill -9`), the
guard sees its lifeline close, stops the program gracefully, then kills what is left of its process
group, and removes the folders it was told to remove. Also owns the change of account that a program
refusing to run as root needs. Does not own restarts, readiness or logs (`local/process.py`).

It runs as a script under `python -I -S`, so it imports the standard library alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1
EXIT_CANNOT_START = 125


class Switch(StrEnum):
    """How a program gets an account other than the supervisor's."""

    NONE = "none"
    NAMESPACE = "namespace"
    """In a user namespace of its own: another uid inside, the supervisor's own outside."""
    SETUID = "setuid"
    """By giving up the uid for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The uid and gid that a program sees as its own."""

    switch: Switch
    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What the guard is told, as JSON in its only argument."""

    command: tuple[str, ...]
    lifeline: int | str
    """A descriptor, or the path of a FIFO; when its last writer is gone, the program is stopped."""
    account: Account
    stop_signal: int
    grace_seconds: float
    held: tuple[int, ...] = ()
    """Descriptors that stay open in the program and all its children: locks."""
    removed: tuple[str, ...] = ()
    """Folders to delete after the program has ended."""

    def to_json(self) -> str:
        """These orders as the guard's argument."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Orders:
        """The orders behind `to_json`."""
        fields = json.loads(text)
        account = fields.pop("account")
        orders = cls(account=Account(**account), **fields)
        return replace(
            orders,
            command=tuple(orders.command),
            held=tuple(orders.held),
            removed=tuple(orders.removed),
            account=replace(orders.account, switch=Switch(orders.account.switch)),
        )


def main() -> int:
    """Start the program, outlive it, and answer with its exit code."""
    orders = Orders.from_json(sys.argv[1])
    wakeup = _wake_on_signals()
    lifeline = _open_lifeline(orders.lifeline)
    try:
        program = subprocess.Popen(
            orders.command,
            process_group=0,
            pass_fds=orders.held,
            preexec_fn=_preparation(orders),  # noqa: PLW1509 - the guard has a single thread
        )
    except (OSError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"{orders.command[0]}: cannot be started: {error}\n")
        return EXIT_CANNOT_START
    try:
        _wait(program, lifeline, wakeup)
        _stop(program, orders, wakeup)
    finally:
        _kill_group(program.pid)
        for folder in orders.removed:
            shutil.rmtree(folder, ignore_errors=True)
    code = program.returncode
    return 128 - code if code < 0 else code


def _wake_on_signals() -> int:
    """A descriptor that becomes readable when a child ends or the guard itself is told to stop."""
    readable, writable = os.pipe()
    os.set_blocking(readable, False)
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _noted)
    return readable


def _noted(_number: int, _frame: object) -> None:
    """Leave the signal's number in the wake-up pipe, where `_wait` reads it."""


def _open_lifeline(lifeline: int | str) -> int:
    if isinstance(lifeline, int):
        os.set_inheritable(lifeline, False)
        os.set_blocking(lifeline, False)
        return lifeline
    # Without O_NONBLOCK a FIFO whose writer is already gone would block for ever.
    return os.open(lifeline, os.O_RDONLY | os.O_NONBLOCK)


def _is_cut(lifeline: int) -> bool:
    try:
        return not os.read(lifeline, 512)
    except BlockingIOError:
        return False


def _preparation(orders: Orders) -> Callable[[], None]:
    def prepare() -> None:
        account = orders.account
        match account.switch:
            case Switch.NONE:
                pass
            case Switch.NAMESPACE:
                _enter_user_namespace(account)
            case Switch.SETUID:
                os.setgroups([])
                os.setresgid(account.gid, account.gid, account.gid)
                os.setresuid(account.uid, account.uid, account.uid)
        # The kernel forgets this setting at a change of account, so it comes last.
        if sys.platform == "linux":
            _call_libc("prctl", _PR_SET_PDEATHSIG, orders.stop_signal)

    return prepare


def _enter_user_namespace(account: Account) -> None:
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    _call_libc("unshare", _CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{account.uid} {outer_uid} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{account.gid} {outer_gid} 1", encoding="ascii")


def _call_libc(function: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, function)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")


def _wait(program: subprocess.Popen[bytes], lifeline: int, wakeup: int) -> None:
    """Return when the program has ended, the lifeline is closed or the guard is told to stop."""
    poller = select.poll()
    poller.register(lifeline, select.POLLIN | select.POLLHUP)
    poller.register(wakeup, select.POLLIN)
    # Asked before polling too: a FIFO that had lost its last writer when opened never wakes us.
    while program.poll() is None and not _is_cut(lifeline):
        ready = {descriptor for descriptor, _ in poller.poll()}
        if wakeup in ready and set(os.read(wakeup, 512)) - {signal.SIGCHLD}:
            return


def _stop(program: subprocess.Popen[bytes], orders: Orders, wakeup: int) -> None:
    """Ask the program to end, and kill it when it has not within its grace."""
    deadline = time.monotonic() + orders.grace_seconds
    if program.poll() is None:
        program.send_signal(orders.stop_signal)
    while program.poll() is None:
        left = deadline - time.monotonic()
        if left <= 0:
            _kill_group(program.pid)
            program.wait()
            return
        if select.select([wakeup], [], [], left)[0]:
            os.read(wakeup, 512)


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
