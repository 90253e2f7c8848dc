"""A small company that sells the example catalog, told about through the HTTP API alone.

Owns the steps of the stories. Everything is real: PostgreSQL, Temporal, the worker, the API's whole
application, and the Stripe simulator with its hosted page. What the API cannot do, because no
caller may (stopping the workers, an operator's hand on a workflow), is said here by name.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowHandle, WorkflowHistory

from adapters.db.clock_book import SqlClockBook
from adapters.db.engine import unit_of_work
from adapters.hosted_link import HostedLinks
from adapters.temporal.clock_driver import TemporalClockDriver
from adapters.temporal.subscription_telling import TemporalTelling
from billing.subscription import Clock
from cli.demo.browser import MERCHANT_URL, VISA, Browser, Card
from cli.demo.patience import Patience
from simulator.control import SimulatorControl
from tests.api.shop import Mailbox, Shop
from worker.process import WorkerParts, create_worker
from workflows.messages import (
    SUBSCRIPTION_WORKFLOW,
    SubscriptionReport,
    SubscriptionStart,
    subscription_workflow_id,
)

SUCCESS_URL = f"{MERCHANT_URL}welcome"
CANCEL_URL = f"{MERCHANT_URL}pricing"
EMAIL = "ada@example.com"
Json = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """What stories do and look at."""

    shop: Shop
    mailbox: Mailbox
    stripe: SimulatorControl
    browser: Browser

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Workers poll for as long as the block lasts."""
        deps, links = self.shop.deps, HostedLinks.of(self.shop.deps.settings)
        parts = WorkerParts(
            open_transaction=unit_of_work(deps.engine),
            gateway=deps.gateway,
            post=self.mailbox,
            telling=TemporalTelling(deps.temporal),
            clock_driver=TemporalClockDriver(deps.temporal, SqlClockBook(deps.engine)),
            return_url=links.payment_return,
            payment_page=links.invoice,
            taxes=deps.tax_rates,
        )
        async with create_worker(deps.temporal, parts, task_queue=deps.task_queue):
            yield

    async def customer(self, present: str, *, card: str | None = None) -> "Customer":
        """A customer on a clock of their own."""
        clock = await self.shop.clock(present)
        return Customer(
            company=self, id=await self.shop.customer(card=card, clock=clock), clock_id=clock
        )

    async def captured(self, currency: str = "usd") -> int:
        """What Stripe took, in minor units."""
        totals = await self.stripe.totals()
        return totals[currency].captured_minor if currency in totals else 0

    async def books_balance(self) -> bool:
        """As the ledger report says, and with the money that Stripe holds, fees aside."""
        report = await self.shop.read("/v1/reports/ledger")
        totals = await self.stripe.totals()
        cash = {entry["currency"]: entry["ledger_minor"] for entry in report["cash"]}
        held = {currency.upper(): total.balance_minor for currency, total in totals.items()}
        return bool(report["balanced"]) and cash == held

    def messages(self) -> list[str]:
        """The kinds of the messages that were written, in their order."""
        return [message.kind.value for message in self.mailbox.messages]


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """One customer, on a test clock."""

    company: Company
    id: str
    clock_id: str

    async def save_card(self, payment_method: str) -> None:
        """The method becomes the one that later charges use."""
        await self.company.shop.made(
            f"/v1/customers/{self.id}/payment_methods",
            {"payment_method": payment_method, "make_default": True},
        )

    async def subscribe(self, price: str, *, seats: int = 1, trial: bool | None = None) -> str:
        """The id of a subscription that begins with what is on file."""
        body = {"customer": self.id, "price": price, "quantity": seats, "trial": trial}
        return str((await self.company.shop.made("/v1/subscriptions", body))["id"])

    async def open_checkout(
        self,
        price: str,
        *,
        seats: int = 1,
        trial: bool | None = None,
        currency: str | None = None,
        key: str | None = None,
    ) -> Json:
        """A hosted page and the subscription that it completes."""
        body = {
            "customer": self.id,
            "price": price,
            "quantity": seats,
            "trial": trial,
            "currency": currency,
            "success_url": SUCCESS_URL,
            "cancel_url": CANCEL_URL,
        }
        return await self.company.shop.made("/v1/checkout/sessions", body, key=key)

    async def pay(self, checkout: Json, *cards: Card) -> None:
        """Goes through the hosted page until the merchant's page is reached."""
        await self.company.browser.check_out(checkout["url"], email=EMAIL, cards=cards or (VISA,))

    async def check_out(
        self,
        price: str,
        *,
        seats: int = 1,
        trial: bool | None = None,
        currency: str | None = None,
    ) -> str:
        """The id of a subscription that was bought on the hosted page."""
        checkout = await self.open_checkout(price, seats=seats, trial=trial, currency=currency)
        await self.pay(checkout)
        return str(checkout["subscription"])

    async def live_until(self, instant: str) -> None:
        """Moves the clock; what falls due on the way happens."""
        await self.company.shop.advance(self.clock_id, instant)

    async def subscription(self, subscription_id: str) -> Json:
        """As the API shows it."""
        return await self.company.shop.read(f"/v1/subscriptions/{subscription_id}")

    async def included(self) -> dict[str, int | None]:
        """What the customer may do now, and how much of it."""
        path = f"/v1/customers/{self.id}/entitlements"
        found = (await self.company.shop.read(path))["entitlements"]
        return {each["feature"]: each["limit"] for each in found}

    async def becomes(self, subscription_id: str, status: str) -> None:
        """Waits until the subscription has this status."""
        await self.company.shop.until(f"/v1/subscriptions/{subscription_id}", "status", status)

    async def invoices(self) -> list[Json]:
        """Every invoice, the earliest first."""
        page = await self.company.shop.read("/v1/invoices", customer=self.id, limit=100)
        assert not page["has_more"]
        return sorted(page["data"], key=lambda invoice: invoice["period"]["start"])

    async def billed(self) -> list[tuple[str, str, str]]:
        """Start of the period, total and status of every invoice, the earliest first."""
        return [
            (invoice["period"]["start"], invoice["total"]["text"], invoice["status"])
            for invoice in await self.invoices()
        ]

    async def cancel(
        self, subscription_id: str, mode: str = "at_period_end", *, key: str | None = None
    ) -> httpx.Response:
        """The API's answer."""
        return await self.company.shop.post(
            f"/v1/subscriptions/{subscription_id}/cancel",
            {"mode": mode, "reason": "asked for"},
            key=key,
        )

    async def undo_cancel(self, subscription_id: str) -> None:
        """Stays after all."""
        path = f"/v1/subscriptions/{subscription_id}/undo_cancel"
        await self.company.shop.made(path, {"reason": "stays"})

    async def command(self, subscription_id: str, name: str, **body: Json) -> httpx.Response:
        """The API's answer to any command."""
        return await self.company.shop.post(f"/v1/subscriptions/{subscription_id}/{name}", body)

    async def preview(self, subscription_id: str, **wanted: Json) -> Json:
        """What a change would cost, and the quote to have it at that."""
        return await self._done(subscription_id, "change/preview", **wanted)

    async def change(self, subscription_id: str, **wanted: Json) -> Json:
        """What became of a change, which must be accepted."""
        return await self._done(subscription_id, "change", **wanted)

    async def undo_change(self, subscription_id: str) -> None:
        """Keeps what there is."""
        await self._done(subscription_id, "undo_change")

    async def pause(self, subscription_id: str, until: str | None = None) -> None:
        """Rests until then, or as long as the product allows it."""
        await self._done(subscription_id, "pause", resumes_at=until)

    async def resume(self, subscription_id: str) -> None:
        """Goes on now."""
        await self._done(subscription_id, "resume")

    async def cancel_now(self, subscription_id: str, unused: str) -> None:
        """Ends it, with `credit` or `refund` of what is not used."""
        await self._done(subscription_id, "cancel", mode="now", unused=unused)

    async def extend_grace(self, subscription_id: str, until: str) -> None:
        """An operator lets dunning go on."""
        await self._done(subscription_id, "extend_grace", until=until, reason="asked for time")

    async def waive(self, subscription_id: str, invoice_id: str) -> None:
        """An operator forgives an invoice."""
        await self._done(subscription_id, "waive", invoice=invoice_id, reason="our mistake")

    async def _done(self, subscription_id: str, name: str, **body: Json) -> Json:
        answer = await self.command(subscription_id, name, **body)
        assert answer.is_success, answer.text
        return answer.json()

    async def history(self, subscription_id: str) -> WorkflowHistory:
        """What the subscription's workflow went through."""
        return await self._workflow(subscription_id).fetch_history()

    async def reset_to_the_beginning(self, subscription_id: str) -> None:
        """What an operator's "reset to the first workflow task" does in Temporal's UI."""
        history = await self.history(subscription_id)
        first_task = next(
            event.event_id
            for event in history.events
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
        )
        temporal = self.company.shop.deps.temporal
        await temporal.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=temporal.namespace,
                workflow_execution=WorkflowExecution(
                    workflow_id=subscription_workflow_id(subscription_id)
                ),
                workflow_task_finish_event_id=first_task,
                request_id=f"reset-{subscription_id}",
                reason="an operator's experiment",
            )
        )

    async def sleep_through(self, subscription_id: str, until: datetime) -> None:
        """Time passes while no worker runs: no timer is seen to fire, and then it is later.

        The server does not skip time past a timer that nobody handles, so the workflow's sleep is
        replaced: the same state runs on, and all that is new is how late it is.
        """
        shop = self.company.shop
        handle = self._workflow(subscription_id)
        report: SubscriptionReport = await handle.query("status", result_type=SubscriptionReport)
        await handle.terminate("the story goes on later")
        async with shop.transactions() as tx:
            await tx.test_clocks.begin_advance(self.clock_id, to=until)
            await tx.test_clocks.finish_advance(self.clock_id, at=until)
        clock = Clock(offset=until - datetime.now(UTC), frozen_at=until)
        await shop.deps.temporal.start_workflow(
            SUBSCRIPTION_WORKFLOW,
            SubscriptionStart.of(report.state.model_copy(update={"clock": clock})),
            id=handle.id,
            task_queue=shop.deps.task_queue,
        )

    async def settled(self, subscription_id: str) -> None:
        """Waits until nothing of the subscription is under way."""
        handle = self._workflow(subscription_id)
        async with asyncio.timeout(60):
            while True:
                report: SubscriptionReport = await handle.query(
                    "status", result_type=SubscriptionReport
                )
                if report.is_idle:
                    return
                await asyncio.sleep(0.05)

    def _workflow(self, subscription_id: str) -> WorkflowHandle[Any, Any]:
        return self.company.shop.deps.temporal.get_workflow_handle(
            subscription_workflow_id(subscription_id)
        )


def patience() -> Patience:
    """Of a customer: a page that does not answer within seconds is broken."""
    return Patience(lambda _: None, seconds=30)
