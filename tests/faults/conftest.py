"""A running system for the tests that kill parts of it.

Owns the fixture. Its machinery is `tests.faults.installation`.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.installation import Installation, installed


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    """One system for all tests of a module: each run of the demo is a company of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="perennial-faults-") as folder,
        installed(Path(folder).resolve()) as installation,
    ):
        yield installation
