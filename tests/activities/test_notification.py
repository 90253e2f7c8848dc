"""A message is delivered once per key."""

import pytest

from activities.notification import Notification
from adapters.db.engine import unit_of_work
from billing.message import Message, MessageKind
from billing.ports.storage import CustomerRecord
from tests.activities.till import Till
from tests.adapters.db.company import START, subscribe
from tests.workflows.company import Mailbox


class BrokenMailbox(Mailbox):
    """Out of order until it is mended."""

    is_broken = True

    async def deliver(self, message: Message, *, to: CustomerRecord) -> None:
        if self.is_broken:
            raise ConnectionError("no mail server")
        await super().deliver(message, to=to)


def message(kind: MessageKind = MessageKind.TRIAL_WILL_END) -> Message:
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
