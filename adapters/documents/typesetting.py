"""Sheets as PDF, set by typst with the fonts that it brings along.

Owns the one compiler of a process. The same sheet and date give the same bytes, whatever fonts the
machine has. Does not own what a sheet says (`adapters.documents.sheet`).
"""

from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Final

import typst

from adapters.documents.sheet import Sheet

_TEMPLATE: Final = Path(__file__).with_name("sheet.typ")


class Typesetter:
    """Sets one sheet after another; safe to be called from several threads."""

    def __init__(self) -> None:
        fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)
        self._compiler = typst.Compiler(
            _TEMPLATE, root=_TEMPLATE.parent, font_paths=fonts, ignore_system_fonts=True
        )
        self._turn = Lock()

    def pdf(self, sheet: Sheet, *, dated: datetime) -> bytes:
        """The PDF; `dated` is the moment that it says it was made at."""
        with self._turn:
            made = self._compiler.compile(
                format="pdf",
                sys_inputs={"sheet": sheet.model_dump_json()},
                timestamp=dated.replace(microsecond=0),  # typst takes whole seconds alone
            )
        if not isinstance(made, bytes):
            raise TypeError("a sheet is one document")
        return made
