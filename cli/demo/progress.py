"""What is seen of the year while it is played.

Owns the live table of a terminal, and one line for each customer and month where there is none.
"""

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from cli.demo.customer import Standing
from cli.demo.story import Story

_SECONDS_BETWEEN_NOTICES: Final = 10.0


class Progress:
    """Shows standings as they come; a context manager."""

    def __init__(self, console: Console, stories: Sequence[Story]) -> None:
        self._stories = stories
        self._console = console
        self._standings: dict[str, Standing] = {}
        self._live = Live(console=console, refresh_per_second=8) if console.is_terminal else None
        self._noticed_at = -_SECONDS_BETWEEN_NOTICES

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
            self._live.update(self._table())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def watch(self, standing: Standing) -> None:
        """Shows where a customer stands now."""
        self._standings[standing.name] = standing
        if self._live is not None:
            self._live.update(self._table())
            return
        self._console.print(
            f"{standing.present:%Y-%m-%d}  {standing.name:<5} {standing.subscription.status:<10} "
            f"invoices {len(standing.invoices):>2}  {_paid(standing)}".rstrip()
        )

    def notice(self, text: str) -> None:
        """Says, every now and then, that the system is waited for."""
        now = time.monotonic()
        if now - self._noticed_at >= _SECONDS_BETWEEN_NOTICES:
            self._noticed_at = now
            self._console.print(text)

    def _table(self) -> Table:
        table = Table("customer", "story", "today", "status", "invoices", "paid", box=None)
        for story in self._stories:
            table.add_row(story.name, story.plot, *_cells(self._standings.get(story.name)))
        return table


def _cells(standing: Standing | None) -> tuple[str, str, str, str]:
    if standing is None:
        return ("", "", "", "")
    status = standing.subscription.status
    return (f"{standing.present:%Y-%m-%d}", status, str(len(standing.invoices)), _paid(standing))


def _paid(standing: Standing) -> str:
    amounts = [invoice.amount_paid.money for invoice in standing.invoices]
    if not amounts:
        return ""
    return str(sum(amounts[1:], start=amounts[0]))
