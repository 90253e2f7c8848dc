"""The one script that pages may load: htmx, pinned and vendored (https://htmx.org, 0BSD).

Owns the file, its hash and how it is served. Pages work without it: it shows the price of a change
while the customer chooses, which a button does as well. Does not own where it is used.
"""

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from starlette.responses import FileResponse

from adapters.hosted_link import HostedLinks

router = APIRouter(prefix="/hosted/assets", include_in_schema=False)

FILE: Final = Path(__file__).with_name("assets") / "htmx-2.0.11.min.js"
_INTEGRITY: Final = f"sha256-{b64encode(sha256(FILE.read_bytes()).digest()).decode()}"
_A_YEAR: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Where a page loads the script from, and the hash without which no browser runs it."""

    url: str
    integrity: str


def script_of(links: HostedLinks) -> Script:
    """The script, for pages under the links' public address."""
    return Script(url=links.asset(FILE.name), integrity=_INTEGRITY)


@router.get(f"/{FILE.name}")
async def serve_script() -> FileResponse:
    """The file; its name changes with its content."""
    headers = {"cache-control": _A_YEAR, "x-content-type-options": "nosniff"}
    return FileResponse(FILE, media_type="text/javascript", headers=headers)
