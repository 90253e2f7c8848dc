"""The variables that the parts of the local system are started with.

Owns the reading of `.env` beside the process environment, and which variable replaces which part.
Does not own the names of settings (`adapters.settings`).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values


@dataclass(frozen=True, slots=True)
class Environment:
    """Variables that have a value; an empty one counts as unset."""

    variables: Mapping[str, str]

    def get(self, name: str) -> str | None:
        """The value of `name`, if it is set."""
        return self.variables.get(name)

    def without_prefix(self, prefix: str) -> dict[str, str]:
        """The variables whose names do not begin with `prefix`."""
        return {
            name: value for name, value in self.variables.items() if not name.startswith(prefix)
        }


def read_environment(root: Path) -> Environment:
    """The process environment over what `.env` in `root` says."""
    merged = {**dotenv_values(root / ".env", interpolate=False), **os.environ}
    return Environment({name: value for name, value in merged.items() if value})
