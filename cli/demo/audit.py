"""Holding a played year against what it must have come to.

Owns the list of comparisons. Does not own the two kinds: a story against its telling
(`cli.demo.telling`) and the books against documents and Stripe (`cli.demo.books`).
"""

import asyncio
from collections.abc import Sequence

from cli.demo.answers import LedgerReport
from cli.demo.books import books_findings
from cli.demo.client import Client
from cli.demo.finding import Finding
from cli.demo.played import Played
from cli.demo.telling import story_finding
from cli.demo.till import read_till


async def examine(year: Sequence[Played], *, api: Client, stripe: Client) -> tuple[Finding, ...]:
    """Every comparison, the failed ones included."""
    customer_ids = [played.customer_id for played in year]
    ledger, till = await asyncio.gather(
        api.read(LedgerReport, "/v1/reports/ledger", {"customer": customer_ids}),
        read_till(stripe, [played.email for played in year]),
    )
    stories = (story_finding(played) for played in year)
    return (*stories, *books_findings(year, ledger, till))
