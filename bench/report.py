"""How figures are shown: as a table for people, and as JSON for whoever compares runs.

Owns both shapes. Does not own what is measured.
"""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.figures import Figure, Spread

_WIDTH = 150


def show(part: str, figures: Sequence[Figure]) -> None:
    """A table of one part."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH)
    table = Table(title=part, title_justify="left", box=None, pad_edge=False)
    for heading in ("", "ours", "baseline", "ratio", "target", ""):
        table.add_column(heading, justify="left" if not heading else "right")
    for figure in figures:
        table.add_row(
            f"{figure.name} [{figure.unit}]".replace("[", r"\["),
            _text(figure.ours),
            _text(figure.baseline),
            _text(figure.ratio),
            _target(figure),
            _verdict(figure),
        )
    console.print(table)
    console.print()


def save(path: Path, parts: Mapping[str, Sequence[Figure]], *, measured_at: datetime) -> None:
    """Replaces the file."""
    content = {
        "measured_at": measured_at.isoformat(),
        "processors": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "figures": {
            part: [
                figure.model_dump(mode="json") | {"is_reached": figure.is_reached}
                for figure in figures
            ]
            for part, figures in parts.items()
        },
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _text(spread: Spread | None) -> str:
    if spread is None:
        return ""
    if spread.lowest == spread.highest:
        return _number(spread.middle)
    return f"{_number(spread.middle)} ({_number(spread.lowest)} to {_number(spread.highest)})"


def _number(number: float) -> str:
    if number == int(number):
        return f"{number:,.0f}"
    return f"{number:,.2f}" if abs(number) < 10 else f"{number:,.1f}"  # noqa: PLR2004 - three digits


def _target(figure: Figure) -> str:
    if figure.at_least is not None:
        return f"at least {figure.at_least:g}"
    if figure.at_most is not None:
        return f"at most {figure.at_most:g}"
    return ""


def _verdict(figure: Figure) -> Text:
    match figure.is_reached:
        case None:
            return Text("")
        case True:
            return Text("reached", "green")
        case False:
            return Text("missed", "bold red")
