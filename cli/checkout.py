"""Which folder the command works on.

Owns the search for it: the checkout that the package is installed from, else the present folder.
"""

from pathlib import Path


def find_root() -> Path:
    """The folder with `.env` and the state of the local system."""
    checkout = Path(__file__).resolve().parents[1]
    return checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()
