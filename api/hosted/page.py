"""How a hosted page is sent.

Owns the headers that keep pages private and unframed, what their policy lets them load and post to,
and the page that says one thing. Pages work without a script. Does not own what pages say
(`api.hosted.notices`, `templates/`) nor when which is shown.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urlsplit, urlunsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.hosted.script import Script

REFRESH_SECONDS: Final = 3

_TEMPLATES: Final = Path(__file__).with_name("templates")
_ENVIRONMENT: Final = Environment(
    loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined
)
_STYLE: Final = (_TEMPLATES / "page.css").read_text(encoding="utf-8")
_STYLE_HASH: Final = b64encode(sha256(_STYLE.encode()).digest()).decode()
_PRIVATE: Final = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex, nofollow",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A link or a button: what it says and where it leads."""

    label: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One page. `button` is a form that is posted; `link` is followed."""

    title: str
    text: tuple[str, ...]
    status: HTTPStatus = HTTPStatus.OK
    is_problem: bool = False
    button: Destination | None = None
    button_leads_to: str | None = None
    """The address that the button's answer redirects to; its origin must be allowed by name."""
    link: Destination | None = None
    refresh_seconds: int | None = None
    leads_on_to: str | None = None
    """Where the browser goes by itself, at once. A form's answer may lead to the gateway or to a
    bank only like this: `form-action` would have to name them before they are known."""

    @property
    def refresh(self) -> str | None:
        """As HTML's `refresh` wants it."""
        if self.leads_on_to is not None:
            return f"0; url={self.leads_on_to}"
        return None if self.refresh_seconds is None else str(self.refresh_seconds)


class ShownInstead(Exception):
    """The page that was asked for is not shown, but this notice."""

    def __init__(self, notice: Notice) -> None:
        super().__init__(notice.title)
        self.notice = notice


def page(notice: Notice) -> Response:
    """The notice as HTML."""
    targets = [] if notice.button is None else ["'self'"]
    if notice.button_leads_to is not None:
        origin = origin_of(notice.button_leads_to)
        targets += [] if origin is None else [origin]
    return _sent("notice.html", {"notice": notice}, status=notice.status, form_targets=targets)


def document(
    template: str,
    facts: Mapping[str, object],
    *,
    status: HTTPStatus = HTTPStatus.OK,
    script: Script | None = None,
) -> Response:
    """A page made of a template; its forms are answered by our own pages."""
    return _sent(template, facts, status=status, form_targets=["'self'"], script=script)


def redirect(url: str) -> Response:
    """To another page by GET, without telling it where the browser came from."""
    return RedirectResponse(url, HTTPStatus.SEE_OTHER, _PRIVATE)


def _sent(
    template: str,
    facts: Mapping[str, object],
    *,
    status: HTTPStatus,
    form_targets: Sequence[str],
    script: Script | None = None,
) -> Response:
    html = _ENVIRONMENT.get_template(template).render(
        facts,
        style=Markup(_STYLE),  # noqa: S704 - our own file
        script=script,
    )
    headers = {**_PRIVATE, "content-security-policy": _policy(form_targets, script)}
    return HTMLResponse(html, status, headers)


def origin_of(url: str) -> str | None:
    """`https://host:port` of a web address; None for anything else."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        return None
    host = parts.hostname
    if parts.scheme not in ("http", "https") or not host:
        return None
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def with_parameter(url: str, name: str, value: str) -> str:
    """The address with one more query parameter; what it has stays byte for byte as it is."""
    parts = urlsplit(url)
    query = "&".join(part for part in (parts.query, urlencode({name: value})) if part)
    return urlunsplit(parts._replace(query=query))


def _policy(form_targets: Sequence[str], script: Script | None) -> str:
    """Browsers apply `form-action` to the redirect that answers a form as well."""
    targets = " ".join(form_targets) or "'none'"
    scripts = "" if script is None else f" script-src '{script.integrity}'; connect-src 'self';"
    return (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}';{scripts} base-uri 'none';"
        f" frame-ancestors 'none'; form-action {targets}"
    )
