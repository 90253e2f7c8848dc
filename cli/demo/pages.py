"""What a page offers to a browser without scripts: its forms, its links, and where it leads on to.

Owns the reading of HTML. Forms are known by a field and links by where they lead, so that words on
pages can change. Does not own visiting pages (`cli.demo.browser`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx


@dataclass(frozen=True, slots=True)
class Form:
    """Where a form is sent, how, and what with as it stands."""

    url: str
    method: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was shown."""

    url: str
    forms: tuple[Form, ...] = ()
    links: tuple[str, ...] = ()
    leads_on_to: str | None = None
    """Where the browser goes by itself, at once."""

    @classmethod
    def of(cls, answer: httpx.Response) -> Self:
        """The page that an answer holds."""
        reader = _Reader(str(answer.url))
        reader.feed(answer.text)
        return cls(
            url=str(answer.url),
            forms=tuple(reader.forms),
            links=tuple(reader.links),
            leads_on_to=reader.leads_on_to,
        )

    def form(self, field_name: str) -> Form | None:
        """The first form with that field."""
        return next((form for form in self.forms if field_name in form.fields), None)

    def form_to(self, path_end: str) -> Form | None:
        """The first form that is sent to a path that ends like that."""
        return next((f for f in self.forms if urlsplit(f.url).path.endswith(path_end)), None)

    def link(self, path_end: str) -> str | None:
        """The first link whose path ends like that."""
        return next((link for link in self.links if urlsplit(link).path.endswith(path_end)), None)


class _Reader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.leads_on_to: str | None = None
        self._url = url
        self._fields: dict[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        match tag:
            case "form":
                self._fields = {}
                url = urljoin(self._url, given.get("action", ""))
                self.forms.append(Form(url, given.get("method", "get"), self._fields))
            case "input" | "button" if self._fields is not None and "name" in given:
                self._fill(self._fields, given)
            case "a" if "href" in given:
                self.links.append(urljoin(self._url, given["href"]))
            case "meta" if given.get("http-equiv") == "refresh":
                self._lead_on(given.get("content", ""))
            case _:
                pass

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._fields = None

    @staticmethod
    def _fill(fields: dict[str, str], given: Mapping[str, str]) -> None:
        """Of radio buttons the chosen one counts, of buttons with a name the first."""
        if given.get("type") != "radio" or "checked" in given:
            fields.setdefault(given["name"], given.get("value", ""))

    def _lead_on(self, content: str) -> None:
        seconds, _, url = content.partition(";")
        if seconds.strip() == "0" and url.strip().startswith("url="):
            self.leads_on_to = urljoin(self._url, url.strip().removeprefix("url="))
