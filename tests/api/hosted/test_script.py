"""The one script: pinned, with its licence, and run only where its hash is named."""

from base64 import b64encode
from hashlib import sha256

from api.hosted.script import FILE
from tests.api.hosted.guest import Guest

_PINNED = "sha256-1v3HXyBOa976mbab8ebUrGm4o2T3eSn0XBNHa0AA9xc="


def _hash(content: bytes) -> str:
    return f"sha256-{b64encode(sha256(content).digest()).decode()}"


def test_the_file_is_the_release_that_was_pinned() -> None:
    assert _hash(FILE.read_bytes()) == _PINNED
    assert b'version:"2.0.11"' in FILE.read_bytes()


def test_its_licence_stands_beside_it() -> None:
    licence = FILE.with_name("htmx.LICENSE.txt").read_text(encoding="utf-8")
    assert licence.startswith("Zero-Clause BSD")


async def test_the_page_names_the_hash_of_what_is_served(guest: Guest) -> None:
    await guest.portal()
    sheet = await guest.page("change")
    served = await guest.browser.client.get(f"/hosted/assets/{FILE.name}")
    assert served.headers["content-type"].startswith("text/javascript")
    assert "immutable" in served.headers["cache-control"]
    expected = _hash(served.content)
    assert f"script-src '{expected}'" in sheet.headers["content-security-policy"]
    assert f'integrity="{expected}"' in sheet.html
