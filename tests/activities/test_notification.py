"""A message is delivered once per key."""

from datetime import datetime
from decimal import Decimal

import pytest

from activities.notification import Notification
from adapters.db.engine import unit_of_work
from billing.balance import BalanceCause, BalanceMovement
from billing.errors import InvalidInput
from billing.message import Message, MessageKind
from billing.money import Money
from billing.ports.customers import CustomerRecord
from billing.ports.tax import TaxRates, TaxStanding
from billing.subscription import Cancellation
from billing.tax import Taxation, TaxTreatment
from tests.activities.till import Till
from tests.adapters.db.company import PERIOD, START, subscribe, subscription
from tests.workflows.company import Mailbox


class BrokenMailbox(Mailbox):
    """Out of order until it is mended."""

    is_broken = True

    async def deliver(self, message: Message, *, to: CustomerRecord) -> None:
        if self.is_broken:
            raise ConnectionError("no mail server")
        await super().deliver(message, to=to)


def message(kind: MessageKind = MessageKind.SUBSCRIPTION_PAUSED) -> Message:
    return Message(
        key=f"{kind}:sub_1",
        kind=kind,
        customer_id="cus_1",
        subscription_id="sub_1",
        product_name="Team",
        at=START,
    )


async def test_a_message_that_was_delivered_is_not_delivered_again(till: Till) -> None:
    await subscribe(till.engine)
    mailbox = Mailbox()
    notification = Notification(open_transaction=unit_of_work(till.engine), post=mailbox)

    await notification.notify(message())
    await notification.notify(message())

    assert mailbox.messages == [message()]


async def test_a_message_that_was_not_delivered_is_tried_again(till: Till) -> None:
    await subscribe(till.engine)
    mailbox = BrokenMailbox()
    notification = Notification(open_transaction=unit_of_work(till.engine), post=mailbox)
    with pytest.raises(ConnectionError):
        await notification.notify(message())
    mailbox.is_broken = False

    await notification.notify(message())

    assert mailbox.messages == [message()]


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        (MessageKind.PAYMENT_FAILED, None, "https://billing.test/in_1"),
        (MessageKind.SUBSCRIPTION_UNPAID, None, "https://billing.test/in_1"),
        (MessageKind.PAYMENT_ACTION_REQUIRED, "https://bank.test/", "https://bank.test/"),
        (MessageKind.PLAN_CHANGED, None, None),
    ],
)
async def test_a_message_about_something_owed_leads_to_where_it_is_paid(
    kind: MessageKind, given: str | None, expected: str | None, till: Till
) -> None:
    await subscribe(till.engine)
    mailbox = Mailbox()
    notification = Notification(
        open_transaction=unit_of_work(till.engine),
        post=mailbox,
        payment_page=lambda invoice_id: f"https://billing.test/{invoice_id}",
    )
    told = message(kind).model_copy(update={"invoice_id": "in_1", "url": given})

    await notification.notify(told)

    [delivered] = mailbox.messages
    assert delivered == told.model_copy(update={"url": expected})


class TenPercent:
    """A tax office that knows one rate, and customers whose address says too little."""

    def __init__(self, *, knows: bool = True) -> None:
        self._knows = knows

    async def taxation(
        self, customer_id: str, at: datetime, *, standing: TaxStanding | None = None
    ) -> Taxation:
        del standing
        if not self._knows:
            raise InvalidInput("tax_location_invalid", f"where is {customer_id} at {at}?")
        rate = TaxTreatment(jurisdiction="US-NY", rate=Decimal(10))
        return Taxation(otherwise=rate)


async def _announced(till: Till, taxes: TaxRates) -> int | None:
    mailbox = Mailbox()
    notification = Notification(
        open_transaction=unit_of_work(till.engine), post=mailbox, taxes=taxes
    )
    await notification.notify(message(MessageKind.CANCELLATION_UNDONE))
    [delivered] = mailbox.messages
    return None if delivered.amount is None else delivered.amount.amount_minor


async def test_a_charge_is_announced_with_tax_and_less_what_the_balance_pays(till: Till) -> None:
    await subscribe(till.engine)
    gift = BalanceMovement(
        source_key="gift",
        customer_id="cus_1",
        cause=BalanceCause.CREDIT_NOTE,
        amount=Money(amount_minor=600, currency="USD"),
        at=START,
    )
    async with unit_of_work(till.engine)() as tx:
        await tx.balances.move(gift)
    assert await _announced(till, TenPercent()) == 8_000 + 800 - 600


async def test_where_nothing_will_be_charged_no_amount_is_announced(till: Till) -> None:
    at_end = Cancellation(at=PERIOD.end, requested_at=START)
    await subscribe(till.engine, subscription().model_copy(update={"cancellation": at_end}))
    assert await _announced(till, TenPercent()) is None


async def test_where_nobody_knows_the_tax_the_customer_is_told_without_an_amount(
    till: Till,
) -> None:
    await subscribe(till.engine)
    assert await _announced(till, TenPercent(knows=False)) is None
