"""The pages a customer sees: checkout and the 3D Secure challenge.

Owns the forms, their texts and redirects. Does not own sessions or intents. The pages work without
scripts, with a keyboard and a screen reader, and answer a plain form POST just as well.
"""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from simulator import (
    checkout_progress,
    payment_confirmation,
    payment_intents,
    setup_intents,
)
from simulator.account import Account
from simulator.checkout_sessions import Session
from simulator.errors import CardDeclined, StripeFailure
from simulator.intents import with_query
from simulator.operation import Operation
from simulator.parameters import is_email
from simulator.payment_method_sources import card_method
from simulator.payment_methods import PaymentMethod

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
)
_EXPIRY_LENGTHS = {(1, 2), (2, 2), (1, 4), (2, 4)}
_ZERO_DECIMAL = {"jpy"}
_FIELD_OF_CODE = {
    "incorrect_number": "number",
    "invalid_expiry_month": "expiry",
    "invalid_expiry_year": "expiry",
    "invalid_cvc": "cvc",
    "incorrect_cvc": "cvc",
    "expired_card": "expiry",
}


@dataclass(frozen=True, slots=True)
class CardEntry:
    """What a customer typed; the number and code are never sent back to the page."""

    email: str
    number: str
    expiry: str
    cvc: str

    def expiry_date(self) -> tuple[int, int]:
        """Month and four-digit year; zeros, which no card has, for anything unreadable."""
        month, _, year = self.expiry.replace(" ", "").replace("-", "/").partition("/")
        if not (month.isascii() and month.isdigit() and year.isascii() and year.isdigit()):
            return 0, 0
        if (len(month), len(year)) not in _EXPIRY_LENGTHS:
            return 0, 0
        return int(month), int(year if len(year) == len("2034") else f"20{year}")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the page is shown again, and which field it is about."""

    message: str
    field: str | None


class HostedPages:
    """The pages of one account."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> list[Route]:
        """Where the pages stand."""
        return [
            Route("/c/pay/{session}", self.checkout, methods=["GET"]),
            Route("/c/pay/{session}", self.pay, methods=["POST"]),
            Route("/c/pay/{session}/return", self.come_back, methods=["GET"]),
            Route("/3d_secure/{intent}", self.challenge, methods=["GET"]),
            Route("/3d_secure/{intent}", self.authenticate, methods=["POST"]),
        ]

    async def checkout(self, request: Request) -> Response:
        """The form; a finished session leads on, an expired one says so."""
        session = self._session(request)
        if session is None:
            return _message("This checkout page does not exist", 404)
        return _leads_on(session) or _form(session, None, "", 200)

    async def pay(self, request: Request) -> Response:
        """Take the card. A second submission finds the session finished and leads on."""
        fields = parse_qs((await request.body()).decode("utf-8", "replace"))
        entry = CardEntry(
            email=_first(fields, "email"),
            number=_first(fields, "number"),
            expiry=_first(fields, "expiry"),
            cvc=_first(fields, "cvc"),
        )
        session = self._session(request)
        if session is None:
            return _message("This checkout page does not exist", 404)
        ended = _leads_on(session)
        if ended is not None:
            return ended
        if entry.email and not is_email(entry.email):
            return _form(session, Problem("Your email is incomplete.", "email"), entry.email, 402)
        return self._submitted(request, session, entry)

    async def come_back(self, request: Request) -> Response:
        """The way back from 3D Secure."""
        session = self._session(request)
        if session is None:
            return _message("This checkout page does not exist", 404)
        with self._account.work(_host(request)) as operation:
            session = checkout_progress.finish(operation, session.id)
        problem = Problem(setup_intents.AUTHENTICATION_FAILURE.message, None)
        return _leads_on(session) or _form(session, problem, "", 402)

    async def challenge(self, request: Request) -> Response:
        """The bank's page, played by the simulator."""
        if not self._may_authenticate(request):
            return _message("There is nothing to authenticate here", 404)
        return HTMLResponse(_TEMPLATES.get_template("challenge.html").render())

    async def authenticate(self, request: Request) -> Response:
        """Pass or fail the challenge and go back to where the customer came from."""
        if not self._may_authenticate(request):
            return _message("There is nothing to authenticate here", 404)
        fields = parse_qs((await request.body()).decode("utf-8", "replace"))
        intent = request.path_params["intent"]
        passed = _first(fields, "outcome") == "complete"
        with self._account.work(_host(request)) as operation:
            succeeded = _complete(operation, intent, passed=passed)
        return_url = request.query_params.get("return_url", "")
        if not return_url:
            return _message(
                "Authentication complete" if succeeded else "Authentication failed", 200
            )
        noun = "setup_intent" if intent.startswith("seti_") else "payment_intent"
        query = {
            noun: intent,
            f"{noun}_client_secret": request.query_params["client_secret"],
            "redirect_status": "succeeded" if succeeded else "failed",
        }
        return RedirectResponse(with_query(return_url, query), 303)

    def _session(self, request: Request) -> Session | None:
        return self._account.store.find(Session, request.path_params["session"])

    def _submitted(self, request: Request, session: Session, entry: CardEntry) -> Response:
        with self._account.work(_host(request)) as operation:
            try:
                method = _card(operation, session, entry)
                session = checkout_progress.submit(
                    operation, session, method, email=entry.email or None
                )
            except CardDeclined as refusal:
                code = refusal.code or ""
                problem = Problem(refusal.message, _FIELD_OF_CODE.get(code, "number"))
                return _form(session, problem, entry.email, 402)
            destination = checkout_progress.pending_challenge(operation, session)
        if destination is not None:
            return RedirectResponse(destination, 303)
        problem = Problem("This payment could not be completed.", None)
        return _leads_on(session) or _form(session, problem, entry.email, 402)

    def _may_authenticate(self, request: Request) -> bool:
        intent = request.path_params["intent"]
        store = self._account.store
        found = store.find(setup_intents.SetupIntent, intent) or store.find(
            payment_intents.PaymentIntent, intent
        )
        return (
            found is not None
            and found.status == "requires_action"
            and found.client_secret == request.query_params.get("client_secret")
        )


async def refusal_page(_: Request, error: Exception) -> Response:
    """What a customer sees when Stripe refuses what a page asked of it."""
    if not isinstance(error, StripeFailure):
        raise error
    return _message(error.message, error.http_status)


def _complete(operation: Operation, intent: str, *, passed: bool) -> bool:
    complete = (
        setup_intents.complete_challenge
        if intent.startswith("seti_")
        else payment_confirmation.complete_challenge
    )
    try:
        return complete(operation, intent, passed=passed).status == "succeeded"
    except CardDeclined:
        return False


def _card(operation: Operation, session: Session, entry: CardEntry) -> PaymentMethod:
    month, year = entry.expiry_date()
    made = card_method(
        operation, number=entry.number, exp_month=month, exp_year=year, cvc=entry.cvc
    )
    known = session.customer_details
    email = entry.email or (None if known is None else known.email)
    method = made.changed(billing_details=made.billing_details.changed(email=email or None))
    operation.create(method, None)
    return method


def _leads_on(session: Session) -> Response | None:
    match session.status:
        case "complete":
            return RedirectResponse(session.destination(), 303)
        case "expired":
            return _message("This checkout page has expired", 410)
        case "open":
            return None


def _form(session: Session, problem: Problem | None, email: str, status: int) -> Response:
    known = session.customer_details
    page = _TEMPLATES.get_template("checkout.html").render(
        title="Save a card" if session.mode == "setup" else "Pay",
        button="Save card" if session.mode == "setup" else f"Pay {_amount(session)}",
        lines=[
            (line.name, line.quantity, _money(line.unit_amount * line.quantity, session.currency))
            for line in session.simulated.lines
        ],
        total=_amount(session) if session.mode == "payment" else None,
        known_email=None if known is None else known.email,
        email=email,
        problem=problem,
        cancel_url=session.cancel_url,
    )
    return HTMLResponse(page, status)


def _amount(session: Session) -> str:
    return _money(session.amount_total or 0, session.currency)


def _money(amount_minor: int, currency: str | None) -> str:
    name = currency or ""
    if name in _ZERO_DECIMAL:
        return f"{amount_minor} {name.upper()}"
    whole, part = divmod(amount_minor, 100)
    return f"{whole}.{part:02d} {name.upper()}"


def _message(text: str, status: int) -> Response:
    return HTMLResponse(_TEMPLATES.get_template("message.html").render(text=text), status)


def _first(fields: dict[str, list[str]], name: str) -> str:
    return fields.get(name, [""])[0].strip()


def _host(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"
