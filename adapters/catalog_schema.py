"""The published JSON Schema of catalog files, for editors.

Made of the same forms that read the files (`adapters.catalog_forms`). It says what can be said of
one file alone; what holds between files and beyond a form, the reader says.
"""

import json
from typing import Final

from adapters.catalog_file import CATALOG
from adapters.yaml_forms.form import Schema

_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"


def catalog_schema() -> Schema:
    """The schema of one file."""
    return {"$schema": _DRAFT, "title": "Perennial catalog", **CATALOG.schema()}


def catalog_schema_text() -> str:
    """The schema as it is published."""
    return json.dumps(catalog_schema(), indent=2, ensure_ascii=False) + "\n"
