"""What customers see of money that came by transfer: so far, and still to pay."""

from typing import Any

from adapters.hosted_link import HostedLinks
from tests.api.hosted.guest import DECLINED, Guest


async def _transfer(guest: Guest, minor: int, reference: str) -> dict[str, Any]:
    """For the latest invoice; its id."""
    [invoice, *_] = await guest.invoices()
    facts = {
        "amount_minor": minor,
        "currency": "USD",
        "received_at": "2026-05-01T00:00:00Z",
        "method": "bank_transfer",
        "reference": reference,
    }
    await guest.shop.made(f"/v1/invoices/{invoice['id']}/payments", facts)
    return invoice


async def test_a_customer_sees_what_was_received_and_pays_the_rest(guest: Guest) -> None:
    await guest.prefers(DECLINED)
    await guest.advance("2026-05-01T00:05:00Z")
    invoice = await _transfer(guest, 3000, "R-1")
    link = HostedLinks.of(guest.shop.deps.settings).invoice(invoice["id"])

    sheet = await guest.browser.open(link)
    for said in (
        "$50.00 to pay",
        "We could not collect $80.00: your bank declined it.",
        "Received on May 1, 2026 by bank transfer -$30.00",
        "Still to pay $50.00",
    ):
        assert said in sheet.text, sheet.text
    portal = await guest.portal()
    assert "We could not collect $50.00" in portal.text
    assert "We have received $30.00 of the invoice so far." in portal.text
    assert "$50.00 to pay" in portal.text
    await guest.prefers("pm_card_visa")
    await guest.advance("2026-05-01T00:10:00Z")
    paid = await guest.browser.open(link)
    for said in ("$80.00 paid", "Paid -$50.00", "Still to pay $0.00"):
        assert said in paid.text, paid.text

    refund = {"reason": "It did not work"}
    note = await guest.shop.made(f"/v1/invoices/{invoice['id']}/refund", refund)
    assert (note["to_card"]["text"], note["to_balance"]["text"]) == ("USD 50.00", "USD 30.00")
    assert (await guest.shop.read("/v1/reports/ledger"))["balanced"]


async def test_what_no_card_can_pay_is_not_asked_of_one(guest: Guest) -> None:
    await guest.prefers(DECLINED)
    await guest.advance("2026-05-01T00:05:00Z")
    invoice = await _transfer(guest, 7951, "R-1")

    sheet = await guest.browser.open(
        HostedLinks.of(guest.shop.deps.settings).invoice(invoice["id"])
    )
    assert "It is too little to be paid by card." in sheet.text
    assert sheet.forms == ()
    assert "$0.49 are left to pay." in (await guest.portal()).text
    assert (await guest.now())["status"] == "active"
    await guest.advance("2026-06-01T00:05:00Z")
    assert (await guest.now())["status"] == "past_due"
