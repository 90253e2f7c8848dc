"""What operators and whoever is on call at night are told to type exists, and is understood."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
import typer.main
from fastapi import FastAPI
from temporalio.client import Client
from typer.core import TyperGroup

from api.app import ROUTERS
from billing.subscription import SubscriptionStatus
from billing.task import TaskKind
from cli.main import app
from tests.docs.pages import ROOT, Page, pages
from tests.workflows.situations import SITUATIONS
from workflows.description import details_of
from workflows.messages import UPDATES, Retry
from workflows.search_attributes import SEARCH_ATTRIBUTES

OPERATORS: Final = Page("docs/operators.md")
RUNBOOKS: Final = tuple(page for page in pages() if page.name.startswith("docs/runbooks/"))
GUIDES: Final = (OPERATORS, *RUNBOOKS)

_LARGEST_PICTURE: Final = 200_000
_QUERY: Final = re.compile(r"`((?:[A-Z][A-Za-z]+) (?:=|<|>|<=|>=|IN) [^`\n]+)`")
_SQL: Final = re.compile(r'psql "\$DATABASE_URL" -c "(.+?)"\n', re.DOTALL)
_REQUEST: Final = re.compile(r'"\$API(/v1/[^"?]+)(?:\?([^"]+))?"((?:[^\n\\]|\\\n)*)')
_NAMED_REQUEST: Final = re.compile(r"`(GET|POST) (/v1/[^`]+)`")
_PICTURE: Final = re.compile(r"!\[[^\]]+\]\((pictures/[^)]+)\)")
_PARTS: Final = ("Look", "Decide", "Act", "Check", "Escalate")


def commands(page: Page) -> Iterator[list[str]]:
    """What the reader is told to type after `perennial`, word by word."""
    for line in re.findall(r"(?:^|`)perennial ([^`\n]+)", page.code, re.MULTILINE):
        yield shlex.split(line)


def unknown_options(words: list[str]) -> list[str]:
    """Options that the command does not have; those of a command that does not exist."""
    command: object = typer.main.get_command(app)
    while isinstance(command, TyperGroup) and words and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    known = {"--help"} | {option for p in getattr(command, "params", ()) for option in p.opts}
    return [word for word in words if word.startswith("--") and word not in known]


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_every_option_named_exists(page: Page) -> None:
    typed = list(commands(page))
    assert typed
    assert [words for words in typed if unknown_options(words)] == []


def test_an_option_that_does_not_exist_is_noticed() -> None:
    assert unknown_options(["subscriptions", "pay", "sub_1", "--twice"]) == ["--twice"]
    assert unknown_options(["subscriptions", "steal", "--reason", "x"]) == ["--reason"]
    assert unknown_options(["subscriptions", "pay", "sub_1", "--reason", "x"]) == []


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
async def test_every_query_is_understood_by_the_server(page: Page, temporal_client: Client) -> None:
    for query in _QUERY.findall(page.code):
        names = set(re.findall(r"\b([A-Z][A-Za-z]+) (?:=|<|>|IN)", query))
        assert names & set(SEARCH_ATTRIBUTES) or names == {"WorkflowId"}, query
        found = await temporal_client.count_workflows(query)
        assert found.count >= 0


def test_operators_can_search_by_every_attribute() -> None:
    asked = " ".join(_QUERY.findall(OPERATORS.code))
    assert [name for name in SEARCH_ATTRIBUTES if name not in asked] == []


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.name)
def test_every_statement_is_understood_by_the_database(page: Page, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        for statements in _SQL.findall(page.text):
            for statement in statements.split(";"):
                connection.execute(f"EXPLAIN {statement}")


def test_the_runbooks_ask_the_database() -> None:
    assert sum(len(_SQL.findall(page.text)) for page in RUNBOOKS) >= 4


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_every_request_is_one_of_the_api(page: Page) -> None:
    assert [request for request in requests(page) if not is_answered(*request)] == []


def test_a_request_that_nobody_answers_is_noticed() -> None:
    assert is_answered("GET", "/v1/invoices", frozenset({"subscription"}))
    assert not is_answered("GET", "/v1/invoices", frozenset({"moon"}))
    assert not is_answered("GET", "/v1/invoice", frozenset())
    assert not is_answered("POST", "/v1/reports/ledger", frozenset())
    assert sum(len(list(requests(page))) for page in GUIDES) >= 8


def requests(page: Page) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Method, path and query parameters of what the reader is told to ask the API."""
    for path, query, rest in _REQUEST.findall(page.code):
        parameters = frozenset(pair.partition("=")[0] for pair in query.split("&") if pair)
        yield "POST" if " -d " in rest else "GET", path, parameters
    for method, path in _NAMED_REQUEST.findall(page.code):
        yield method, path, frozenset()


def is_answered(method: str, path: str, parameters: frozenset[str]) -> bool:
    """Whether an operation of that path, with any ids, takes such a request."""
    for template, operations in _paths().items():
        pattern = re.sub(r"\{[^}]+\}", "[^/]+", template)
        operation = operations.get(method.lower())
        if operation is not None and re.fullmatch(pattern, path):
            taken = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"}
            return parameters <= taken
    return False


@cache
def _paths() -> dict[str, Any]:
    api = FastAPI()
    for router in ROUTERS:
        api.include_router(router)
    paths: dict[str, Any] = api.openapi()["paths"]
    return paths


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.name)
def test_every_runbook_leads_from_the_symptom_to_the_check(page: Page) -> None:
    assert "\n**Symptom.** " in page.text
    assert re.findall(r"^## (\w+)$", page.text, re.MULTILINE) == list(_PARTS)


def test_the_operators_page_leads_to_every_runbook_and_each_page_names_one_that_exists() -> None:
    names = {Path(page.name).name for page in RUNBOOKS}
    assert names <= {Path(link).name for link in OPERATORS.links}
    named = {
        name
        for make in SITUATIONS.values()
        for problem in (None, "message.x was not delivered: no", "something (resource_missing)")
        for name in re.findall(r"Runbook: `([^`]+)`", details_of(make(), problem=problem))
    }
    assert named
    assert named <= names


def test_what_is_to_be_pasted_is_understood() -> None:
    pasted = re.findall(r"```json\n(.*?)```", OPERATORS.text, re.DOTALL)
    assert [Retry.model_validate_json(text).actor.kind for text in pasted] == ["operator"]


def test_every_update_status_and_task_is_explained() -> None:
    rows = re.findall(r"^\| (`[^|]+) \|", OPERATORS.text, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}
    assert set(UPDATES.values()) <= named
    assert set(SubscriptionStatus) <= named
    assert set(TaskKind) <= named


def test_pictures_are_there_and_light() -> None:
    pictures = _PICTURE.findall(OPERATORS.text)
    assert {Path(name).stem for name in pictures} >= {
        f"operators-{status}" for status in ("trial", "active", "past-due", "canceled")
    }
    for name in pictures:
        content = (ROOT / "docs" / name).read_bytes()
        assert content.startswith(b"\x89PNG")
        assert len(content) <= _LARGEST_PICTURE, name
