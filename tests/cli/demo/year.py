"""A customer's year for the tests of the demo's audit, and what both APIs say when all is right.

Owns the answers, as JSON that tests can spoil.
"""

import json
from typing import Any

import httpx

from cli.demo.answers import Amount, CreditNote, Dispute, Invoice, Subscription
from cli.demo.client import Client
from cli.demo.life import at
from cli.demo.patience import Patience
from cli.demo.played import Played
from cli.demo.story import Ending, Story, given_back, paid, transferred, usd, void

Year = dict[str, Any]
Json = Any


async def _never_played(_: object) -> None:
    raise AssertionError("the year of the tests is on record already")


STORY = Story(
    name="Zoe",
    plot="Pays in two ways, is declined, gets money back in two ways, and disputes a payment",
    begins_at=at("2026-04-01T00:00"),
    play=_never_played,
    ending=Ending(status="canceled", price="team", quantity=10, end_reason="dispute_lost"),
    invoices=(
        paid("2026-04-01T00:00", usd(160_00), "declined"),
        void("2026-04-16T00:00", usd(80_00), "declined"),
        paid("2026-05-01T00:00", usd(160_00), balance=usd(40_00)),
        transferred("2026-05-05T00:00", usd(30_00)),
    ),
    given_back=(
        given_back("2026-04-20T00:00", to_card=usd(20_00), to_balance=usd(50_00)),
        given_back("2026-05-02T00:00", to_card=usd(5_00)),
    ),
    balance={"USD": 10_00},
    lost={"USD": 120_00},
)


def right_year() -> Year:
    """Everything as it must be: $310.00 came in, $20.00 and $120.00 went, $5.00 is on its way."""
    return {
        "subscription": {
            "id": "sub_1",
            "status": "canceled",
            "price": "team",
            "quantity": 10,
            "end_reason": "dispute_lost",
            "ended_at": "2026-05-10T00:00:00Z",
            "change": None,
            "pending_change": None,
            "open_invoices": [],
        },
        "invoices": [
            _invoice("1", "2026-04-01", [160_00], card=160_00, outcomes=["declined", "paid"]),
            _invoice("2", "2026-04-16", [-80_00, 160_00], status="void", outcomes=["declined"]),
            _invoice("3", "2026-05-01", [160_00], card=120_00, balance=40_00, outcomes=["paid"]),
            _invoice("4", "2026-05-05", [30_00], transfer=30_00, outcomes=[]),
        ],
        "credit_notes": [
            _credit_note("1", "2026-04-20", to_card=20_00, to_balance=50_00, state="succeeded"),
            _credit_note("2", "2026-05-02", to_card=5_00, to_balance=0, state="succeeded"),
        ],
        "disputes": [
            {
                "id": "du_1",
                "state": "lost",
                "amount": _usd(120_00),
                "reason": "fraudulent",
                "opened_at": "2026-05-03T00:00:00Z",
            }
        ],
        "balances": [_usd(10_00)],
        "ledger": {
            "balanced": True,
            "trial_balance": [
                _account("receivable", 430_00, 430_00),
                _account("cash", 280_00, 145_00),
                _account("deferred_revenue", 155_00, 430_00),
                _account("customer_balance", 40_00, 50_00),
                _account("refunds_payable", 25_00, 25_00),
                _account("disputes", 120_00, 120_00),
                _account("dispute_losses", 120_00, 0),
                _account("bank", 30_00, 0),
            ],
        },
        "charges": [
            _charge("1", 0, status="failed"),
            _charge("1", 160_00, refunded=25_00),
            _charge("3", 120_00, disputed=True),
        ],
        "movements": [{"amount": -120_00}],
    }


def played(year: Year) -> Played:
    """The year as the demo has read it."""
    return Played(
        story=STORY,
        customer_id="cus_1",
        email="zoe@example.com",
        subscription=Subscription.model_validate_json(json.dumps(year["subscription"])),
        invoices=tuple(Invoice.model_validate_json(json.dumps(i)) for i in year["invoices"]),
        credit_notes=tuple(
            CreditNote.model_validate_json(json.dumps(note)) for note in year["credit_notes"]
        ),
        disputes=tuple(Dispute.model_validate_json(json.dumps(d)) for d in year["disputes"]),
        balances=tuple(Amount.model_validate(amount) for amount in year["balances"]),
    )


def client_of(year: Year) -> Client:
    """Answers like both APIs; lists of charges two at a time, as a cursor asks for them."""

    def answer(request: httpx.Request) -> httpx.Response:
        match request.url.path:
            case "/v1/reports/ledger":
                found = year["ledger"]
            case "/v1/customers":
                found = {"data": [{"id": "cus_stripe"}]}
            case "/v1/charges":
                found = _page(year["charges"], request.url.params.get("starting_after"))
            case "/v1/disputes":
                dispute = {"id": "du_1", "status": "lost"}
                found = {"data": [dispute | {"balance_transactions": year["movements"]}]}
            case path:
                raise AssertionError(f"nobody should ask for {path}")
        return httpx.Response(200, json=found)

    http = httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://both.test")
    return Client(http, Patience(lambda _: None, seconds=0))


def _page(charges: list[Json], after: str | None) -> Json:
    ids = [charge["id"] for charge in charges]
    first = 0 if after is None else ids.index(after) + 1
    return {"data": charges[first : first + 2], "has_more": first + 2 < len(charges)}


def _usd(amount_minor: int) -> Json:
    return {"amount_minor": amount_minor, "currency": "USD"}


def _account(account: str, debits_minor: int, credits_minor: int) -> Json:
    return {
        "account": account,
        "currency": "USD",
        "debits_minor": debits_minor,
        "credits_minor": credits_minor,
    }


def _invoice(
    number: str,
    day: str,
    lines: list[int],
    *,
    outcomes: list[str],
    status: str = "paid",
    card: int = 0,
    balance: int = 0,
    transfer: int = 0,
) -> Json:
    amounts = [_usd(amount) for amount in lines]
    return {
        "id": f"in_{number}",
        "number": f"PN-{number}",
        "status": status,
        "customer": "cus_1",
        "period": {"start": f"{day}T00:00:00Z", "end": "2026-06-01T00:00:00Z"},
        "change": None,
        "total": _usd(sum(lines)),
        "from_balance": _usd(balance),
        "amount_paid": _usd(card + transfer),
        "amount_due": _usd(0),
        "pay_url": None,
        "due_at": f"{day}T00:00:00Z",
        "lines": [_line(amount) for amount in amounts],
        "received_payments": [
            {"id": f"rcv_{number}", "amount": _usd(amount), "applied": _usd(amount)}
            for amount in [transfer]
            if amount
        ],
        "attempts": [
            {
                "number": place,
                "amount": _usd(card or sum(lines)),
                "payment": f"pi_{number}",
                "outcome": outcome,
                "decline": "generic_decline" if outcome == "declined" else None,
            }
            for place, outcome in enumerate(outcomes, start=1)
        ],
    }


def _line(amount: Json) -> Json:
    """A line that is neither discounted nor taxed."""
    return {"description": "Team, 10 seats", "amount": amount, "discounts": [], "tax": None}


def _credit_note(number: str, day: str, *, to_card: int, to_balance: int, state: str) -> Json:
    return {
        "id": f"cn_{number}",
        "number": f"CN-{number}",
        "invoice": "in_1",
        "total": _usd(to_card + to_balance),
        "tax": _usd(0),
        "to_card": _usd(to_card),
        "to_balance": _usd(to_balance),
        "issued_at": f"{day}T00:00:00Z",
        "lines": [{"description": "", "amount": _usd(to_card + to_balance)}],
        "refund": {
            "id": f"re_{number}",
            "state": state,
            "amount": _usd(to_card),
            "is_external": False,
        },
    }


def _charge(
    number: str,
    captured: int,
    *,
    refunded: int = 0,
    disputed: bool = False,
    status: str = "succeeded",
) -> Json:
    return {
        "id": f"ch_{number}_{status}",
        "payment_intent": f"pi_{number}",
        "amount_captured": captured,
        "amount_refunded": refunded,
        "currency": "usd",
        "disputed": disputed,
        "status": status,
    }
