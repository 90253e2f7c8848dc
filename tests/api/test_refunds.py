"""Refunds over the API: what is given back, what is refused, and where it can be read."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from temporalio.client import Client

from billing.dispute import Dispute, DisputeState
from billing.money import Money
from local.temporal import Server
from simulator.control import SimulatorControl
from tests.api.shop import Shop, problem
from tests.conftest import StripeSimulator

REASON = "One seat was not used"


async def paid(shop: Shop, *, card: str = "pm_card_visa") -> Any:  # noqa: ANN401 - JSON
    """An invoice of $80.00 that a card has paid; needs a worker."""
    customer = await shop.customer(card=card)
    body = {"customer": customer, "price": "team_monthly", "quantity": 5, "trial": False}
    made = await shop.made("/v1/subscriptions", body)
    assert made["status"] == "active"
    return await shop.read(f"/v1/invoices/{made['latest_invoice']}")


async def refunded_minor(control: SimulatorControl) -> int:
    return (await control.totals())["usd"].refunded_minor


async def test_a_part_of_an_invoice_goes_back_to_the_card(
    shop: Shop, simulator: StripeSimulator
) -> None:
    invoice = await paid(shop)
    note = await shop.made(
        f"/v1/invoices/{invoice['id']}/refund", {"amount_minor": 1600, "reason": REASON}
    )
    assert note["number"] == "CN-000001"
    assert (note["total"]["text"], note["to_card"]["text"]) == ("USD 16.00", "USD 16.00")
    assert note["to_balance"]["amount_minor"] == 0
    assert [line["amount"]["amount_minor"] for line in note["lines"]] == [1600]
    assert (note["reason"], note["invoice"]) == ("requested", invoice["id"])

    await shop.until(f"/v1/refunds/{note['refund']['id']}", "state", "succeeded")
    assert await refunded_minor(simulator.control) == 1600
    assert (await shop.read("/v1/reports/ledger"))["balanced"]


async def test_without_an_amount_all_that_is_left_goes_back(shop: Shop) -> None:
    invoice = await paid(shop)
    path = f"/v1/invoices/{invoice['id']}/refund"
    await shop.made(path, {"amount_minor": 1600, "reason": REASON})
    assert (await shop.made(path, {"reason": REASON}))["total"]["amount_minor"] == 6400
    problem(await shop.post(path, {"reason": REASON}), 409, "nothing_to_refund")


async def test_what_goes_to_the_balance_is_the_customer_s(shop: Shop) -> None:
    invoice = await paid(shop)
    note = await shop.made(
        f"/v1/invoices/{invoice['id']}/refund",
        {"amount_minor": 1600, "to": "balance", "reason": REASON},
    )
    assert (note["to_balance"]["amount_minor"], note["refund"]) == (1600, None)
    path = f"/v1/customers/{invoice['customer']}/balance"
    assert [each["text"] for each in (await shop.read(path))["balances"]] == ["USD 16.00"]
    [movement] = (await shop.read(f"{path}/movements"))["data"]
    assert (movement["cause"], movement["credit_note"]) == ("credit_note", note["id"])
    assert movement["amount"]["amount_minor"] == 1600


async def test_the_same_request_refunds_once(shop: Shop, simulator: StripeSimulator) -> None:
    invoice = await paid(shop)
    path, body = f"/v1/invoices/{invoice['id']}/refund", {"amount_minor": 1600, "reason": REASON}
    first = await shop.made(path, body, key="refund-1")
    assert await shop.made(path, body, key="refund-1") == first
    await shop.forget_answers()
    assert (await shop.made(path, body, key="refund-1"))["id"] == first["id"]
    await shop.until(f"/v1/refunds/{first['refund']['id']}", "state", "succeeded")
    await shop.forget_answers()
    assert (await shop.made(path, body, key="refund-1"))["id"] == first["id"]
    assert len((await shop.read("/v1/credit_notes"))["data"]) == 1
    assert await refunded_minor(simulator.control) == 1600


async def test_refunds_at_the_same_time_never_exceed_what_was_paid(
    shop: Shop, simulator: StripeSimulator
) -> None:
    invoice = await paid(shop)
    path, body = f"/v1/invoices/{invoice['id']}/refund", {"amount_minor": 3000, "reason": REASON}
    answers = await asyncio.gather(*(shop.post(path, body) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 422, 422]
    for note in (await shop.read("/v1/credit_notes", invoice=invoice["id"]))["data"]:
        await shop.until(f"/v1/refunds/{note['refund']['id']}", "state", "succeeded")
    assert await refunded_minor(simulator.control) == 6000


async def test_who_asked_and_why_is_kept(shop: Shop) -> None:
    invoice = await paid(shop)
    await shop.made(f"/v1/invoices/{invoice['id']}/refund", {"reason": REASON})
    async with shop.deps.engine.connect() as connection:
        query = text(
            "SELECT actor_kind, reason, subject FROM audit_log WHERE command = 'refund_invoice'"
        )
        [entry] = (await connection.execute(query)).all()
    assert tuple(entry) == ("api_key", REASON, invoice["id"])


async def test_more_than_is_left_is_refused(shop: Shop) -> None:
    invoice = await paid(shop)
    path = f"/v1/invoices/{invoice['id']}/refund"
    answer = await shop.post(path, {"amount_minor": 8001, "reason": REASON})
    assert problem(answer, 422, "amount_too_large")["largest_minor"] == 8000


async def test_an_invoice_that_is_not_paid_is_refused(shop: Shop) -> None:
    customer = await shop.customer(card="pm_card_chargeCustomerFail")
    body = {"customer": customer, "price": "team_monthly", "trial": False}
    made = await shop.made("/v1/subscriptions", body)
    path = f"/v1/invoices/{made['latest_invoice']}/refund"
    problem(await shop.post(path, {"reason": REASON}), 409, "invoice_not_paid")


@pytest.mark.parametrize("to", ["source", "balance"])
async def test_a_disputed_payment_is_refused(shop: Shop, to: str) -> None:
    invoice = await paid(shop)
    dispute = await disputed(shop, invoice)
    path = f"/v1/invoices/{invoice['id']}/refund"
    problem(await shop.post(path, {"to": to, "reason": REASON}), 409, "charge_disputed")

    shown = await shop.read(f"/v1/disputes/{dispute.id}")
    assert (shown["state"], shown["invoice"]) == ("open", invoice["id"])
    found = (await shop.read("/v1/disputes", customer=invoice["customer"]))["data"]
    assert found == [shown]
    assert (await shop.read("/v1/disputes", state="won"))["data"] == []


async def test_bad_input_is_named(idle_shop: Shop, subtests: pytest.Subtests) -> None:
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({}, "field_missing"),
        ({"reason": REASON, "amount_minor": 0}, "number_out_of_range"),
        ({"reason": REASON, "amount_minor": -5}, "number_out_of_range"),
        ({"reason": REASON, "amount_minor": 1.5}, "wrong_type"),
        ({"reason": REASON, "amount_minor": "5"}, "wrong_type"),
        ({"reason": REASON, "amount_minor": 10**30}, "number_out_of_range"),
        ({"reason": REASON, "to": "card"}, "unknown_value"),
        ({"reason": " "}, "text_length_out_of_range"),
        ({"reason": REASON, "amount": 5}, "field_unknown"),
    )
    for body, code in cases:
        with subtests.test(body=body, code=code):
            answer = await idle_shop.post("/v1/invoices/in_1/refund", body)
            problem(answer, 422, code)


async def test_what_does_not_exist_is_not_found(idle_shop: Shop) -> None:
    answer = await idle_shop.post("/v1/invoices/in_unknown/refund", {"reason": REASON})
    problem(answer, 404, "invoice_not_found")
    for path, code in (
        ("/v1/credit_notes/cn_unknown", "credit_note_not_found"),
        ("/v1/refunds/re_unknown", "refund_not_found"),
        ("/v1/refunds/%20", "refund_not_found"),
        ("/v1/disputes/du_unknown", "dispute_not_found"),
        ("/v1/customers/cus_unknown/balance", "customer_not_found"),
        ("/v1/customers/cus_unknown/balance/movements", "customer_not_found"),
    ):
        problem(await idle_shop.client.get(path), 404, code)


async def test_lists_are_filtered(shop: Shop) -> None:
    first, second = await paid(shop), await paid(shop)
    for invoice in (first, second):
        await shop.made(f"/v1/invoices/{invoice['id']}/refund", {"reason": REASON})
    for path in ("/v1/refunds", "/v1/credit_notes"):
        assert len((await shop.read(path))["data"]) == 2
        for name in ("customer", "subscription"):
            [found] = (await shop.read(path, **{name: first[name]}))["data"]
            assert found["invoice"] == first["id"]
        [found] = (await shop.read(path, invoice=second["id"]))["data"]
        assert found["customer"] == second["customer"]
    page = await shop.read("/v1/refunds", limit=1)
    [other] = (await shop.read("/v1/refunds", limit=1, cursor=page["next_cursor"]))["data"]
    assert other["invoice"] == first["id"]
    assert (await shop.read("/v1/refunds", state="failed"))["data"] == []


async def test_what_temporal_cannot_be_told_is_recorded_and_carried_out_later(
    shop: Shop, simulator: StripeSimulator, temporal_server: Server
) -> None:
    invoice = await paid(shop)
    path, body = f"/v1/invoices/{invoice['id']}/refund", {"amount_minor": 1600, "reason": REASON}
    async with forwarding_to(temporal_server.address) as address:
        cut_off = await Client.connect(
            address, data_converter=shop.deps.temporal.data_converter, identity="cut off"
        )
    shop.app.state.dependencies = replace(
        shop.deps, temporal=cut_off, caller_patience=timedelta(seconds=0.5)
    )
    note = await shop.made(path, body, key="refund-1")
    assert note["refund"]["state"] == "pending"
    assert await refunded_minor(simulator.control) == 0

    shop.app.state.dependencies = shop.deps
    await shop.forget_answers()
    await shop.made(path, body, key="refund-1")
    await shop.until(f"/v1/refunds/{note['refund']['id']}", "state", "succeeded")


@asynccontextmanager
async def forwarding_to(address: str) -> AsyncIterator[str]:
    """An address that leads to another one for as long as the block lasts."""
    host, _, port = address.rpartition(":")
    writers: list[asyncio.StreamWriter] = []
    pipes: list[asyncio.Task[None]] = []

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while sent := await reader.read(65536):
            writer.write(sent)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        writers.extend((writer, far_writer))
        pipes.append(asyncio.create_task(pipe(reader, far_writer)))
        pipes.append(asyncio.create_task(pipe(far_reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    listening = server.sockets[0].getsockname()
    yield f"127.0.0.1:{listening[1]}"
    server.close()
    for writer in writers:
        writer.close()
    for task in pipes:
        task.cancel()
    await asyncio.gather(*pipes, return_exceptions=True)


async def disputed(shop: Shop, invoice: Any) -> Dispute:  # noqa: ANN401 - JSON
    """The bank has withdrawn what the invoice's payment brought."""
    [attempt] = invoice["attempts"]
    dispute = Dispute(
        id="du_1",
        payment_id=attempt["payment"],
        invoice_id=invoice["id"],
        customer_id=invoice["customer"],
        subscription_id=invoice["subscription"],
        amount=Money(amount_minor=8000, currency="USD"),
        state=DisputeState.OPEN,
        reason="fraudulent",
        opened_at=invoice["paid_at"],
    )
    async with shop.transactions() as tx:
        await tx.disputes.put(dispute)
    return dispute
