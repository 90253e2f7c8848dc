"""What the company's people do, and what banks do to them: terms, transfers, refunds, grace.

Owns the steps of stories that no customer takes. What people do in Stripe's dashboard is asked of
Stripe, and comes to us by its webhooks.
"""

from cli.demo.answers import Created, Invoice
from cli.demo.client import Json
from cli.demo.customer import DemoCustomer
from cli.demo.errors import Refused
from cli.demo.life import at


async def give_back(
    customer: DemoCustomer, due: str, *, to: str = "source", amount_minor: int | None = None
) -> None:
    """A refund of the invoice that was due then, whole or in part."""
    body = {"to": to, "amount_minor": amount_minor, "reason": "the service was down"}
    path = f"/v1/invoices/{(await _invoice(customer, due)).id}/refund"
    await customer.life.post(Created, path, body, step=customer.life.now("refund"))
    await has_arrived(customer)


async def has_arrived(customer: DemoCustomer) -> None:
    """Waits until every refund of the customer has reached its card."""

    async def is_there() -> bool:
        notes = await customer.records.credit_notes()
        return all(note.refund is None or note.refund.state == "succeeded" for note in notes)

    await customer.life.until(is_there, "to have their money back")
    await customer.show()


async def refund_in_dashboard(customer: DemoCustomer, due: str, *, amount_minor: int) -> None:
    """Somebody gives a part of a payment back at Stripe, and we hear of it."""
    invoice = await _invoice(customer, due)
    await customer.life.world.stripe.post_form(
        Created,
        "/v1/refunds",
        {"payment_intent": invoice.attempts[-1].payment or "", "amount": amount_minor},
        key=customer.life.key(customer.life.now("dashboard")),
    )

    async def is_heard_of() -> bool:
        notes = await customer.records.credit_notes()
        return any(note.invoice == invoice.id for note in notes)

    await customer.life.until(is_heard_of, "to be refunded")
    await customer.show()


async def lose_dispute(customer: DemoCustomer) -> None:
    """The cardholder disputed the payment; nobody says anything against it, and it is lost."""

    async def is_disputed() -> bool:
        return bool(await customer.records.disputes())

    await customer.life.until(is_disputed, "to dispute a payment")
    [dispute] = await customer.records.disputes()
    await customer.life.world.stripe.post_form(
        Created,
        f"/v1/disputes/{dispute.id}/close",
        {},
        key=customer.life.key(customer.life.now("dispute")),
    )
    await customer.becomes("canceled")


async def extend_grace(customer: DemoCustomer, until: str) -> None:
    """An operator gives a customer who cannot pay yet some more time."""
    reason = "waits for a purchase order"
    await customer.command("extend_grace", until=at(until).isoformat(), reason=reason)


async def grant_net_terms(customer: DemoCustomer, net_days: int) -> None:
    """From now on the customer is sent invoices, and has so many days to pay them."""
    body: Json = {"net_days": net_days, "reason": "framework contract"}
    path = f"/v1/customers/{customer.customer_id}/net_terms"
    await customer.life.world.api.put(Created, path, body)


async def receive(customer: DemoCustomer, due: str, *, amount_minor: int) -> None:
    """Money for the invoice that is due then stands on the bank statement of today."""
    invoice, present = await _invoice(customer, due), customer.life.present
    body: Json = {
        "amount_minor": amount_minor,
        "currency": invoice.total.currency,
        "received_at": present.isoformat(),
        "method": "bank_transfer",
        "reference": f"{customer.life.name} {present:%Y-%m-%d}",
        "reason": "on the bank statement",
    }
    path = f"/v1/invoices/{invoice.id}/payments"
    await customer.life.post(Created, path, body, step=customer.life.now("transfer"))
    await customer.show()


async def _invoice(customer: DemoCustomer, due: str) -> Invoice:
    """The invoice that was due at an instant."""
    found = [each for each in await customer.records.invoices() if each.due_at == at(due)]
    if len(found) != 1:
        raise Refused(f"{len(found)} invoices were due on {due}, should be one")
    return found[0]
