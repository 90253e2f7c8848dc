"""The project's pages: what they link to and what they name.

Owns reading them. Does not own what must be true of it (`test_pages`).
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]

_LINK: Final = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_CODE: Final = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
_MAKE: Final = re.compile(r"\bmake ([a-z][a-z-]*)")
_COMMAND: Final = re.compile(r"(?:\bperennial|-m cli) ([a-z][a-z-]*(?: [a-z][a-z-]*)?)")
_SUBCOMMAND: Final = re.compile(r"`(api-keys [a-z]+)`")
_HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Page:
    """One Markdown file; its name is its path from the root."""

    name: str

    @property
    def path(self) -> Path:
        """Where it lies."""
        return ROOT / self.name

    @property
    def text(self) -> str:
        """Everything it says."""
        return self.path.read_text(encoding="utf-8")

    @property
    def code(self) -> str:
        """What it shows as code: commands, paths, names."""
        return "\n".join(_CODE.findall(self.text))

    @property
    def links(self) -> tuple[str, ...]:
        """Targets of its links and pictures, as written."""
        return tuple(_LINK.findall(_CODE.sub("", self.text)))

    @property
    def anchors(self) -> frozenset[str]:
        """What `#…` may lead to, as GitHub makes it from headings."""
        return frozenset(_anchor(heading) for heading in _HEADING.findall(self.text))

    @property
    def make_targets(self) -> frozenset[str]:
        """Targets of `make` that it tells the reader to use."""
        return frozenset(_MAKE.findall(self.code))

    @property
    def commands(self) -> frozenset[tuple[str, ...]]:
        """Subcommands of `perennial` that it names, a word or two each."""
        named = _COMMAND.findall(self.code) + _SUBCOMMAND.findall(self.code)
        return frozenset(tuple(words.split()) for words in named)


def project_files(*endings: str) -> tuple[str, ...]:
    """Every file of the project, or those whose names end so; nothing that running it makes."""
    names: list[str] = []
    for folder, inside, files in os.walk(ROOT):
        inside[:] = sorted(name for name in inside if _is_ours(name))
        names += [str((Path(folder) / name).relative_to(ROOT)) for name in sorted(files)]
    made = (".env", ".git")  # in a linked worktree of git, `.git` is a file
    return tuple(name for name in names if name not in made and name.endswith(endings or ""))


def _is_ours(folder: str) -> bool:
    hidden = folder.startswith(".") and folder != ".ci"
    return not hidden and folder != "__pycache__" and not folder.endswith(".egg-info")


def pages() -> tuple[Page, ...]:
    """The README and everything below `docs/`."""
    names = ["README.md", *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/**/*.md"))]
    return tuple(Page(name) for name in names)


def dead_links(page: Page) -> Iterator[str]:
    """Relative links of a page that lead nowhere."""
    for link in page.links:
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        path = page.path if not target else page.path.parent / target
        is_there = path.exists() and path.resolve().is_relative_to(ROOT)
        if not is_there or (anchor and anchor not in _page_at(path).anchors):
            yield link


def _page_at(path: Path) -> Page:
    return Page(str(path.resolve().relative_to(ROOT)))


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
