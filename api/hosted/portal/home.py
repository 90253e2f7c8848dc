"""The portal's first page, and the list of all invoices.

Owns what stands on them and in which order. Does not own what can be done from there (`ending`,
`change`, `card`).
"""

from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Query
from starlette.responses import Response

from adapters.db.engine import snapshot
from adapters.db.queries import invoices
from adapters.db.queries.invoices import Invoice
from adapters.locale_format import LocaleFormat
from api.dependencies import Deps
from api.hosted.method_words import expiry, named
from api.hosted.page import Destination, document
from api.hosted.page_route import PageRoute
from api.hosted.portal.account import Account, currency_of, read_account
from api.hosted.portal.choice import is_a_choice, read_on_sale
from api.hosted.portal.session import Visitor, VisitorOf
from api.hosted.portal.subscription_facts import SubscriptionFacts, facts_of
from api.hosted.refusals import in_words
from billing.invoice import InvoiceRecord, InvoiceStatus

router = APIRouter(prefix="/hosted/portal", include_in_schema=False, route_class=PageRoute)

LATEST: Final = 6
_PER_PAGE: Final = 20
_DONE: Final = {
    "canceled": "Your subscription is canceled.",
    "card": "Your new card is saved. Later payments use it.",
    "change_undone": "The change is undone. Everything stays as it is.",
    "ended": "Your subscription has ended.",
    "kept": "Your subscription goes on.",
}
_STATUSES: Final = {
    InvoiceStatus.OPEN: "To pay",
    InvoiceStatus.PAID: "Paid",
    InvoiceStatus.VOID: "Not owed",
    InvoiceStatus.UNCOLLECTIBLE: "Not paid",
}

Text = Annotated[str, Query()]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRow:
    """One invoice in a list."""

    number: str
    url: str
    day: str
    amount: str
    left: str | None
    """What is still to pay, where a part is paid."""
    status: str
    is_open: bool

    @classmethod
    def of(cls, invoice: Invoice, visitor: Visitor) -> "InvoiceRow":
        """It leads to the invoice's own page."""
        record, written = invoice.record, LocaleFormat(visitor.customer.locale)
        return cls(
            number=record.number,
            url=visitor.links.invoice(record.id),
            day=written.day(invoice.finalized_at),
            amount=written.money(record.total),
            left=written.money(record.amount_due) if _is_partly_paid(record) else None,
            status=_STATUSES[record.status],
            is_open=record.status is InvoiceStatus.OPEN,
        )


def _is_partly_paid(record: InvoiceRecord) -> bool:
    return record.status is InvoiceStatus.OPEN and record.paid.amount_minor > 0


@router.get("")
async def show_portal(
    visitor: VisitorOf, deps: Deps, done: Text = "", refused: Text = ""
) -> Response:
    """Everything of the customer's on one page."""
    written = LocaleFormat(visitor.customer.locale)
    account = await read_account(deps, visitor.customer, latest=LATEST)
    on_sale = await read_on_sale(deps)
    facts = [facts_of(holding, visitor.links) for holding in account.holdings]
    changeable = {
        holding.state.subscription_id
        for holding in account.holdings
        if is_a_choice(on_sale.options(visitor.customer, holding))
    }
    return document(
        "portal.html",
        frame(visitor)
        | {
            "subscriptions": facts,
            "changeable": changeable,
            "undo_tokens": _undo_tokens(visitor, facts),
            "method": _method(visitor, account),
            "card_token": visitor.token("card"),
            "may_replace_card": currency_of(visitor.customer, account) is not None,
            "invoices": [InvoiceRow.of(each, visitor) for each in account.invoices.items],
            "has_more_invoices": account.invoices.next_cursor is not None,
            "balances": [written.money(balance) for balance in account.balances],
            "done": _DONE.get(done),
            "refused": in_words(refused) if refused else None,
        },
    )


@router.get("/invoices")
async def list_invoices(visitor: VisitorOf, deps: Deps, cursor: Text = "") -> Response:
    """All invoices, the latest first."""
    async with snapshot(deps.engine) as connection:
        page = await invoices.page_of(
            connection, customer_id=visitor.customer.id, cursor=cursor or None, limit=_PER_PAGE
        )
    return document(
        "portal_invoices.html",
        frame(visitor)
        | {
            "invoices": [InvoiceRow.of(each, visitor) for each in page.items],
            "next_cursor": page.next_cursor,
        },
    )


def frame(visitor: Visitor) -> dict[str, object]:
    """What stands on every page of the portal."""
    return {
        "portal_url": visitor.links.portal,
        "customer": visitor.customer.name or visitor.customer.email,
        "back": _back(visitor.ticket.return_url),
        "leave_token": visitor.token("leave"),
    }


def _back(return_url: str | None) -> Destination | None:
    if return_url is None:
        return None
    return Destination(label=f"Back to {urlsplit(return_url).hostname}", url=return_url)


def _undo_tokens(visitor: Visitor, facts: list[SubscriptionFacts]) -> dict[str, str]:
    return {
        each.id: visitor.token(each.undo.action, each.id) for each in facts if each.undo is not None
    }


def _method(visitor: Visitor, account: Account) -> tuple[str, str | None] | None:
    """The card on file, and until when it is good."""
    if visitor.customer.default_payment_method_id is None:
        return None
    return named(account.method), expiry(account.method, account.now)
