"""Making `.venv`: run by `make` with whatever Python the machine has, before anything is installed.

Owns the virtual environment of a checkout: made from the hash-locked file, made again when that
changes, healed when its making was interrupted. Imports the standard library alone, and keeps to
syntax that older Pythons read, so that they can say which one is needed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_OLDEST_PYTHON = (3, 11)
_PIP = (
    *("-m", "pip", "--require-virtualenv", "--disable-pip-version-check", "--no-input"),
    # Pip compiles on one processor, and after everything else.
    *("install", "--quiet", "--no-compile"),
)


class Unprepared(Exception):
    """The machine lacks something; the message says what to install."""


class Checkout:
    """A checkout and its virtual environment."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.venv = root / ".venv"
        self.lock_file = root / "requirements-dev.lock"
        self.python = self.venv / "bin" / "python"
        self._stamp = self.venv / "bootstrap.json"
        # Beside the environment: making that anew empties it.
        self._unfinished = root / ".venv.unfinished"

    def prepare(self) -> None:
        """Bring the virtual environment to what the checkout asks for; quick when it is there."""
        wanted = self._wanted()
        if self._made() == wanted:
            return
        require_tools()
        with self._alone():
            made = self._made()
            if made == wanted:
                return
            is_sound = self._is_sound() and made.get("place") in (None, wanted["place"])
            self._unfinished.touch()
            if not is_sound:
                _say(f"making {self.venv}")
                self._run(sys.executable, "-m", "venv", "--clear", str(self.venv))
            self._stamp.unlink(missing_ok=True)
            if made.get("lock") != wanted["lock"]:
                _say(f"installing what {self.lock_file.name} names")
            # The lock file has what each package needs: nothing is left to be worked out.
            self._run(
                *(str(self.python), *_PIP, "--require-hashes", "--no-deps"),
                *("--requirement", str(self.lock_file)),
            )
            self._compile()
            self._run(
                str(self.python),
                *_PIP,
                *("--no-deps", "--no-build-isolation", "--editable", str(self.root)),
            )
            self._stamp.write_text(json.dumps(wanted), encoding="utf-8")
            self._unfinished.unlink()

    def _wanted(self) -> dict[str, str]:
        return {
            "lock": _digest(self.lock_file),
            "project": _digest(self.root / "pyproject.toml"),
            # Scripts name their interpreter by its full path: a moved checkout needs new ones.
            "place": str(self.venv),
        }

    def _made(self) -> dict[str, str]:
        if self._unfinished.exists() or not self.python.exists():
            return {}
        try:
            made: dict[str, str] = json.loads(self._stamp.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return made

    def _is_sound(self) -> bool:
        """Whether packages can be installed into what is there."""
        if self._unfinished.exists() or not self.python.exists():
            return False
        # Half an environment answers for the machine's Python, which must stay as it is.
        question = (
            "import os, pip, sys; "
            f"sys.exit(sys.version_info < {_OLDEST_PYTHON} "
            f"or not os.path.samefile(sys.prefix, {str(self.venv)!r}))"
        )
        asked = subprocess.run([self.python, "-c", question], capture_output=True, check=False)
        return asked.returncode == 0

    def _compile(self) -> None:
        """Compile what is installed, on every processor; what cannot be is not imported."""
        command = (str(self.python), "-m", "compileall", "-qq", "-j", "0", str(self.venv / "lib"))
        subprocess.run(command, cwd=self.root, env=_environment(), check=False)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Wait for another `make` that is at it."""
        try:
            file = (self.root / ".venv.lock").open("w")
        except OSError as error:
            raise Unprepared(f"cannot write to {self.root}: {error.strerror}") from None
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _run(self, *command: str) -> None:
        ended = subprocess.run(command, cwd=self.root, env=_environment(), check=False)
        if ended.returncode != 0:
            raise Unprepared(
                f"`{' '.join(command)}` ended with code {ended.returncode} (see above)"
            )


def require_tools() -> None:
    """Raise `Unprepared` unless this Python can make a virtual environment with pip."""
    if sys.version_info < _OLDEST_PYTHON:
        present = ".".join(map(str, sys.version_info[:3]))
        raise Unprepared(
            f"Python 3.11 or newer is needed, and {sys.executable} is {present}; install it "
            "(Debian: apt-get install python3.11 python3.11-venv), then `make PYTHON=python3.11 …`"
        )
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        raise Unprepared(
            f"{sys.executable} lacks {' and '.join(missing)}; install them (Debian and Ubuntu: "
            "apt-get install python3-venv)"
        )


def main() -> int:
    """Prepare the checkout that this file lies in; 1 with a sentence when that cannot be done."""
    try:
        Checkout(Path(__file__).resolve().parents[1]).prepare()
    except Unprepared as error:
        sys.stderr.write(f"make: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _environment() -> dict[str, str]:
    """Ours without what would lead Python elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
