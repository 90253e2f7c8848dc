"""Instants as they are written on a command line."""

from datetime import UTC, datetime

import typer


def instant_of(text: str) -> datetime:
    """`2026-07-01`, `2026-07-01T09:30Z` or with an offset; UTC where none is given.

    Raises `typer.BadParameter`.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no instant: write 2026-07-01T09:30Z") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
