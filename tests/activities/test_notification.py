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


def message() -> Message:
    return Message(
        key="trial_will_end:sub_1",
        kind=MessageKind.TRIAL_WILL_END,
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
