"""Tables to read, copy from and search in.

Owns their form: columns of text side by side, never cut, whatever the terminal's width.
"""

from collections.abc import Iterable, Sequence

import typer


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A line per row; every column but the last is as wide as its longest cell."""
    lines = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())
