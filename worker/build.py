"""Which code a worker runs, as Temporal is told.

Owns the build id. Temporal's own default hashes the byte code of every module of the process, which
takes a second of each start and changes with modules that decide nothing.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

_DECIDING: Final = ("activities", "adapters", "billing", "worker", "workflows")
_ROOT: Final = Path(__file__).parent.parent


@cache
def build_id() -> str:
    """The same for the same source files of what decides; shown with each workflow task."""
    digest = hashlib.sha256()
    for package in _DECIDING:
        for source in sorted((_ROOT / package).rglob("*.py")):
            digest.update(str(source.relative_to(_ROOT)).encode())
            digest.update(source.read_bytes())
    return digest.hexdigest()[:16]
