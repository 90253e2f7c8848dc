"""A browser that runs no scripts: it remembers cookies, reads pages and sends their forms.

Owns what a page's links and forms are. Follows redirects within our pages, and none beyond.
"""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final, Self
from urllib.parse import urljoin

import httpx

_MOST_REDIRECTS: Final = 5


@dataclass(frozen=True, slots=True)
class Form:
    """Where it goes, how, and what it would send as it is."""

    action: str
    method: str
    fields: dict[str, str]
    button: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page as its reader sees it."""

    url: str
    status: int
    headers: httpx.Headers
    html: str
    text: str
    links: dict[str, str]
    forms: tuple[Form, ...]
    refresh: str | None

    @classmethod
    def of(cls, answer: httpx.Response) -> Self:
        reader = _Reader(str(answer.url))
        reader.feed(answer.text)
        return cls(
            url=str(answer.url),
            status=answer.status_code,
            headers=answer.headers,
            html=answer.text,
            text=" ".join(" ".join(reader.words).split()),
            links=reader.links,
            forms=tuple(reader.forms),
            refresh=reader.refresh,
        )

    def form(self, button: str) -> Form:
        """The one form with that button."""
        [found] = [form for form in self.forms if form.button == button]
        return found

    @property
    def buttons(self) -> list[str]:
        return [form.button for form in self.forms]


class _Reader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self._skipping = False
        self._link: str | None = None
        self._label: list[str] = []
        self._form: Form | None = None
        self.words: list[str] = []
        self.links: dict[str, str] = {}
        self.forms: list[Form] = []
        self.refresh: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        match tag:
            case "style" | "script" | "title":
                self._skipping = True
            case "meta" if given.get("http-equiv") == "refresh":
                self.refresh = given["content"]
            case "a":
                self._link, self._label = urljoin(self._url, given["href"]), []
            case "form":
                action = urljoin(self._url, given["action"])
                self._form = Form(action, given["method"], {}, "")
            case "button":
                self._label = []
            case "input" if self._form is not None:
                is_chosen = given.get("type") != "radio" or "checked" in given
                if is_chosen:
                    self._form.fields[given["name"]] = given.get("value", "")
            case _:
                pass

    def handle_endtag(self, tag: str) -> None:
        label = " ".join(" ".join(self._label).split())
        match tag:
            case "style" | "script" | "title":
                self._skipping = False
            case "a" if self._link is not None:
                self.links[label] = self._link
                self._link = None
            case "button" if self._form is not None:
                form = self._form
                self.forms.append(Form(form.action, form.method, form.fields, label))
            case "form":
                self._form = None
            case _:
                pass

    def handle_data(self, data: str) -> None:
        if not self._skipping:
            self.words.append(data)
            self._label.append(data)


@dataclass(frozen=True, slots=True)
class PlainBrowser:
    """One customer's browser."""

    client: httpx.AsyncClient
    passed: list[str] = field(default_factory=list)
    """Every address that redirects led through."""

    async def open(self, url: str) -> Sheet:
        return await self._followed(await self.client.get(url))

    async def send(self, form: Form, **changed: str) -> Sheet:
        """Sends the form, with some fields filled in otherwise."""
        return await self._followed(await self.answer_to(form, **changed))

    async def answer_to(self, form: Form, **changed: str) -> httpx.Response:
        """The first answer to the form, wherever that leads."""
        fields = form.fields | changed
        if form.method == "get":
            return await self.client.get(form.action, params=fields)
        return await self.client.post(form.action, data=fields)

    async def press(self, sheet: Sheet, button: str, **changed: str) -> Sheet:
        return await self.send(sheet.form(button), **changed)

    async def follow(self, sheet: Sheet, link: str) -> Sheet:
        return await self.open(sheet.links[link])

    async def _followed(self, answer: httpx.Response) -> Sheet:
        for _ in range(_MOST_REDIRECTS):
            if not answer.is_redirect:
                return Sheet.of(answer)
            target = urljoin(str(answer.url), answer.headers["location"])
            self.passed.append(target)
            assert httpx.URL(target).host == answer.url.host, f"led away to {target}"
            answer = await self.client.get(target)
        raise AssertionError(f"redirects in circles: {self.passed}")
