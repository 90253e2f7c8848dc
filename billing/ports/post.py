"""What the billing system needs to reach people."""

from typing import Protocol

from billing.message import Message
from billing.ports.customers import CustomerRecord


class Post(Protocol):
    """Delivers messages; may raise `OSError` where the other side is out of reach."""

    async def deliver(self, message: Message, *, to: CustomerRecord) -> None:
        """Hands the message over; a repeated delivery of one key is the caller's to avoid."""
        ...
