"""A shop that sells the example catalog, whose plans replace one another."""

from pathlib import Path

import pytest

from adapters.catalog_file import read_catalog
from billing.catalog import Catalog

_EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "catalog.yaml"


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """Plans with every rule that a product can have."""
    return read_catalog(_EXAMPLE)
