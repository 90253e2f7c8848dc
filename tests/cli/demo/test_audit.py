"""The demo's verdict: a year that is wrong anywhere is not called well."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import httpx
import pytest

from cli.demo.answers import Invoice, Subscription
from cli.demo.audit import Finding, Played, examine
from cli.demo.client import Client
from cli.demo.patience import Patience
from cli.demo.stories import STORIES

_FAY = next(story for story in STORIES if story.name == "Fay")
_AMOUNT = {"amount_minor": 1650, "currency": "JPY"}
Year = dict[str, Any]


@pytest.fixture
def year() -> Year:
    """What our API and Stripe say after Fay's year, when all is right."""
    starts = [invoice.start for invoice in _FAY.invoices]
    sums = [
        {"account": account, "currency": "JPY", "debits_minor": debits, "credits_minor": credits_}
        for account, debits, credits_ in (
            ("cash", 6600, 0),
            ("deferred_revenue", 0, 6600),
            ("receivable", 6600, 6600),
        )
    ]
    return {
        "subscription": {
            "id": "sub_1",
            "status": "canceled",
            "end_reason": "requested",
            "ended_at": "2026-05-05T08:00:00Z",
        },
        "invoices": [
            {
                "id": f"in_{number}",
                "number": f"PN-{number:06}",
                "status": "paid",
                "customer": "cus_1",
                "period": {"start": start.isoformat(), "end": start.isoformat()},
                "total": _AMOUNT,
                "amount_paid": _AMOUNT,
                "due_at": start.isoformat(),
                "attempts": [
                    {"number": 1, "payment": f"pi_{number}", "outcome": "paid", "decline": None}
                ],
            }
            for number, start in enumerate(starts, start=1)
        ],
        "ledger": {"balanced": True, "trial_balance": sums, "cash": []},
        "charges": [
            {
                "id": f"ch_{number}",
                "amount_captured": 1650,
                "amount_refunded": 0,
                "currency": "jpy",
                "status": "succeeded",
            }
            for number, _ in enumerate(starts, start=1)
        ],
    }


async def examined(year: Year) -> list[Finding]:
    """What the audit finds."""

    def answer(request: httpx.Request) -> httpx.Response:
        answers = {
            "/v1/reports/ledger": year["ledger"],
            "/v1/customers": {"data": [{"id": "cus_stripe"}]},
            "/v1/charges": _page(year["charges"], request.url.params.get("starting_after")),
        }
        return httpx.Response(200, json=answers[request.url.path])

    played = Played(
        story=_FAY,
        customer_id="cus_1",
        email="fay@example.com",
        subscription=Subscription.model_validate(year["subscription"]),
        invoices=tuple(Invoice.model_validate_json(json.dumps(i)) for i in year["invoices"]),
    )
    transport = httpx.MockTransport(answer)
    async with httpx.AsyncClient(transport=transport, base_url="http://both.test") as http:
        client = Client(http, Patience(lambda _: None, seconds=0))
        return [
            finding
            for finding in await examine([played], api=client, stripe=client)
            if not finding.is_well
        ]


def _page(charges: list[Any], after: str | None) -> Any:  # noqa: ANN401 - JSON
    """Three at a time, as a cursor asks for them."""
    ids = [charge["id"] for charge in charges]
    first = 0 if after is None else ids.index(after) + 1
    return {"data": charges[first : first + 3], "has_more": first + 3 < len(charges)}


async def test_a_right_year_is_well(year: Year) -> None:
    assert await examined(year) == []


def without_an_invoice(year: Year) -> None:
    del year["invoices"][2]


def with_an_invoice_twice(year: Year) -> None:
    year["invoices"].append(deepcopy(year["invoices"][0]))


def with_a_surplus_invoice(year: Year) -> None:
    surplus = deepcopy(year["invoices"][0])
    surplus["period"]["start"] = "2026-05-31T18:00:00Z"
    year["invoices"].append(surplus)


def with_another_amount(year: Year) -> None:
    year["invoices"][1]["total"] = {"amount_minor": 1651, "currency": "JPY"}


def with_an_unpaid_invoice(year: Year) -> None:
    year["invoices"][1] |= {"status": "open", "amount_paid": {"amount_minor": 0, "currency": "JPY"}}


def with_another_attempt(year: Year) -> None:
    year["invoices"][1]["attempts"].insert(
        0, {"number": 1, "payment": "pi_0", "outcome": "declined", "decline": "generic_decline"}
    )


def with_another_status(year: Year) -> None:
    year["subscription"]["status"] = "active"


def with_another_end(year: Year) -> None:
    year["subscription"]["end_reason"] = "payment_failed"


@pytest.mark.parametrize(
    "spoil",
    [
        without_an_invoice,
        with_an_invoice_twice,
        with_a_surplus_invoice,
        with_another_amount,
        with_an_unpaid_invoice,
        with_another_status,
        with_another_attempt,
        with_another_end,
    ],
)
async def test_a_story_that_went_otherwise_is_found(
    year: Year, spoil: Callable[[Year], None]
) -> None:
    spoil(year)
    assert "Fay's story" in [finding.subject for finding in await examined(year)]


async def test_books_that_do_not_balance_are_found(year: Year) -> None:
    year["ledger"]["trial_balance"][0]["debits_minor"] += 1
    found = {finding.subject for finding in await examined(year)}
    assert found == {"The ledger balances", "Cash in the ledger is what Stripe captured"}


async def test_a_report_that_says_so_itself_is_believed(year: Year) -> None:
    year["ledger"]["balanced"] = False
    assert [finding.subject for finding in await examined(year)] == ["The ledger balances"]


async def test_an_empty_ledger_does_not_balance(year: Year) -> None:
    year["ledger"]["trial_balance"] = []
    assert "The ledger balances" in [finding.subject for finding in await examined(year)]


async def test_a_charge_too_many_is_found(year: Year) -> None:
    year["charges"].append({**year["charges"][0], "id": "ch_twice"})
    found = {finding.subject for finding in await examined(year)}
    assert found == {"Cash in the ledger is what Stripe captured", "Every payment is one charge"}


async def test_refunded_money_is_not_cash(year: Year) -> None:
    year["charges"][0]["amount_refunded"] = 1650
    assert [finding.subject for finding in await examined(year)] == [
        "Cash in the ledger is what Stripe captured"
    ]
