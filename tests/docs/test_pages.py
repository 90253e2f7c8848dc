"""What the pages say must be so: links, commands, settings, rules and names."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

import pytest
import typer.main
from typer.core import TyperGroup

from adapters.settings import Settings
from adapters.stripe.client import API_VERSION
from billing.subscription import SubscriptionStatus
from cli.main import app
from tests.docs.pages import ROOT, Page, dead_links, pages, project_files
from worker import gateway_events
from workflows.search_attributes import SEARCH_ATTRIBUTES

README: Final = Page("README.md")
POLICY: Final = Page("docs/policy.md")
ARCHITECTURE: Final = Page("docs/architecture.md")

_RULE: Final = re.compile(r"^- \*\*(P\d+), (?:holds|partly|not yet)\.\*\*", re.MULTILINE)
_CITED: Final = re.compile(r"\bP\d{1,2}\b")
_SETTING: Final = re.compile(r"`([A-Z][A-Z0-9]*_[A-Z0-9_]+)`")
_EVENT: Final = re.compile(r"`([a-z_]+(?:\.[a-z_]+)+)`")
_PYTHON_PATH: Final = re.compile(r"`((?:[a-z_]+/)+[a-z0-9_]*(?:\.py)?)`")
_PLACE: Final = re.compile(r"(?<![\w./-])/(?:home|root|Users|work|tmp)/[\w.-]+")

_ELSEWHERE: Final = frozenset(
    {
        "TEMPORAL_ADDRESS",
        "TEMPORAL_API_KEY",
        "TEMPORAL_NAMESPACE",
        "TEMPORAL_TLS_CLIENT_CERT_PATH",
        "TEMPORAL_TLS_CLIENT_KEY_PATH",
        "STRIPE_TEST_KEY",
    }
)
"""Read by temporalio itself, and by the contract tests."""


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Page) -> None:
    assert list(dead_links(page)) == []


def test_a_link_to_nowhere_is_noticed(tmp_path: Path) -> None:
    missing = tmp_path / "page.md"
    missing.write_text("[a](nowhere.md) [b](#no-such-heading) [c](https://example.com)\n# A\n")
    page = Page(str(missing))
    assert next(iter(dead_links(page))) == "nowhere.md"


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_make_target_named_exists(page: Page) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    assert page.make_targets <= targets


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_command_named_exists(page: Page) -> None:
    assert [words for words in page.commands if not _is_command(words)] == []


def test_a_command_that_does_not_exist_is_noticed() -> None:
    assert _is_command(("migrate", "before"))
    assert _is_command(("api-keys", "create"))
    assert not _is_command(("upgrade",))
    assert not _is_command(("api-keys", "steal"))


def test_the_readme_names_the_commands_that_a_stranger_needs() -> None:
    assert {"dev", "test", "demo", "doctor"} <= README.make_targets
    assert ("api-keys", "create") in README.commands
    assert ("migrate",) in README.commands


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_setting_named_is_read_by_somebody(page: Page) -> None:
    known = {str(field.alias) for field in Settings.model_fields.values()} | _ELSEWHERE
    assert set(_SETTING.findall(page.text)) <= known


def test_the_readme_names_every_required_setting() -> None:
    required = {str(field.alias) for field in Settings.model_fields.values() if field.is_required()}
    assert required <= set(_SETTING.findall(README.text))


def test_the_readme_asks_for_the_webhooks_that_are_followed() -> None:
    source = Path(gateway_events.__file__).read_text(encoding="utf-8")
    followed = set(re.findall(r'^ +"([a-z_]+\.[a-z_.]+)": [a-z_.]+', source, re.MULTILINE))
    assert followed
    paragraph = README.text.partition("- **Stripe.**")[2].partition("\n- **")[0]
    assert set(_EVENT.findall(paragraph)) == followed
    assert f"`{API_VERSION}`" in README.text


def test_every_policy_number_has_a_rule_that_says_whether_it_holds() -> None:
    assert _RULE.findall(POLICY.text) == [f"P{number}" for number in range(1, 35)]


def test_every_policy_number_cited_is_a_rule() -> None:
    rules = set(_RULE.findall(POLICY.text))
    cited = {
        (name, number)
        for name in project_files(".py", ".md", ".yaml", ".yml", ".toml")
        for number in _CITED.findall((ROOT / name).read_text(encoding="utf-8"))
    }
    assert cited
    assert sorted((name, number) for name, number in cited if number not in rules) == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_file_and_folder_named_exists(page: Page) -> None:
    named = {name for name in _PYTHON_PATH.findall(page.text) if "{" not in name}
    roots = {path.name for path in ROOT.iterdir()}
    ours = {name for name in named if name.split("/")[0] in roots}
    assert [name for name in sorted(ours) if not (ROOT / name).exists()] == []


def test_the_glossary_names_every_status() -> None:
    glossary = Page("docs/glossary.md").text
    assert [status for status in SubscriptionStatus if f"`{status}`" not in glossary] == []


def test_the_architecture_names_every_search_attribute() -> None:
    assert [name for name in SEARCH_ATTRIBUTES if f"`{name}`" not in ARCHITECTURE.text] == []


def test_decisions_are_numbered_without_gaps_and_say_all_three_things() -> None:
    decisions = [page for page in pages() if page.name.startswith("docs/adr/")]
    numbers = [int(Path(page.name).name[:4]) for page in decisions]
    assert numbers == list(range(1, len(decisions) + 1))
    for page in decisions:
        headings = re.findall(r"^## (\w+)$", page.text, re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences"], page.name


def test_pictures_are_readable_without_the_network_and_in_the_dark() -> None:
    picture = (ROOT / "docs/pictures/system.svg").read_text(encoding="utf-8")
    ET.fromstring(picture)  # noqa: S314 - our own file
    assert "prefers-color-scheme: dark" in picture
    assert "href" not in picture
    screenshot = (ROOT / "docs/pictures/operators-past-due.png").read_bytes()
    assert screenshot.startswith(b"\x89PNG")


def test_no_file_names_a_place_of_one_machine() -> None:
    found = {
        (name, place)
        for name in project_files()
        for place in _machine_places((ROOT / name).read_bytes().decode(errors="replace"))
    }
    assert sorted(found) == []


@pytest.mark.parametrize("folder", ["home", "root", "tmp", "Users", "work"])
def test_a_place_of_one_machine_is_noticed(folder: str) -> None:
    assert list(_machine_places(f"it lies in /{folder}/ada/notes.txt")) == [f"/{folder}/ada"]


@pytest.mark.parametrize("text", ["https://example.com/home/ada", "api/work/x.py", "/data"])
def test_an_address_or_a_relative_path_is_no_place_of_a_machine(text: str) -> None:
    assert list(_machine_places(text)) == []


def _is_command(words: tuple[str, ...]) -> bool:
    """Whether the words lead to a command; what follows one is its argument."""
    command: object = typer.main.get_command(app)
    for word in words:
        if not isinstance(command, TyperGroup):
            return True
        if word not in command.commands:
            return False
        command = command.commands[word]
    return True


def _machine_places(text: str) -> Iterator[str]:
    if str(ROOT) in text:
        yield str(ROOT)
    yield from _PLACE.findall(text)
