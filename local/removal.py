"""`make clean`: removes what a checkout has made for itself.

Owns the list of it: the virtual environment, the tools' caches and the state of the local system,
its database included. Refuses while the system runs. Imports the standard library alone, because
the virtual environment may be broken or gone.
"""

from __future__ import annotations

import fcntl
import shutil
import sys
from pathlib import Path

_MADE = (
    ".venv",
    ".venv.lock",
    ".venv.unfinished",
    ".perennial",
    ".hypothesis",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".import_linter_cache",
)


def remove(root: Path) -> list[Path]:
    """Remove what was made in `root` and return it; `BlockingIOError` while the system runs."""
    lock = root / ".perennial" / "parts.lock"
    if lock.exists():
        with lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    # Where PostgreSQL could not run inside the checkout, its files lie where this link leads.
    elsewhere = root / ".perennial" / "postgres" / "elsewhere"
    places = [elsewhere.resolve()] if elsewhere.is_symlink() else []
    places += [root / name for name in _MADE]
    removed = [place for place in places if place.exists()]
    for place in removed:
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink()
    return removed


def main() -> int:
    """Remove, and say what; 1 while the system runs."""
    try:
        removed = remove(Path(__file__).resolve().parents[1])
    except BlockingIOError:
        sys.stderr.write("make: the system is running; stop it first\n")
        return 1
    for place in removed:
        sys.stdout.write(f"removed {place}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
