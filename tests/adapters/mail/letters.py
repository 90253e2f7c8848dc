"""A message and a customer to write to."""

from datetime import UTC, datetime

from billing.message import Message, MessageKind
from billing.money import Money
from billing.ports.customers import CustomerRecord

AT = datetime(2026, 1, 28, 9, 30, tzinfo=UTC)
TRIAL_END = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)

ADA = CustomerRecord(
    id="cus_ada",
    email="ada@example.com",
    name="Ada Lovelace",
    gateway_customer_id=None,
    default_payment_method_id=None,
)


def message(
    kind: MessageKind = MessageKind.TRIAL_WILL_END, *, key: str = "message.trial_will_end:sub_1"
) -> Message:
    return Message(
        key=key,
        kind=kind,
        customer_id=ADA.id,
        subscription_id="sub_1",
        product_name="Team",
        at=AT,
        effective_at=TRIAL_END,
        amount=Money(amount_minor=8000, currency="USD"),
        url="https://billing.example.com/pay/1",
    )
