"""What came of trying to collect an invoice.

Owns the outcomes as values. An outage is not among them: it is an exception (policy P19).
"""

from typing import Annotated, Literal

from pydantic import Field

from billing.decline import Decline
from billing.money import Money
from billing.value import Instant, Value


class Paid(Value):
    """The money is in, all of it."""

    kind: Literal["paid"] = "paid"
    amount: Money
    paid_at: Instant


class Declined(Value):
    """A definite no from the payment method."""

    kind: Literal["declined"] = "declined"
    decline: Decline


class ActionRequired(Value):
    """The customer must authenticate at `url` before the payment goes on."""

    kind: Literal["action_required"] = "action_required"
    url: str


class NotAuthenticated(Value):
    """The customer did not authenticate in time: the payment can no longer succeed."""

    kind: Literal["not_authenticated"] = "not_authenticated"


class Processing(Value):
    """The money is on its way and may still fail (policy P21)."""

    kind: Literal["processing"] = "processing"


class NoPaymentMethod(Value):
    """There is nothing to charge."""

    kind: Literal["no_payment_method"] = "no_payment_method"


class AlreadyClosed(Value):
    """The invoice was voided before it could be collected: nothing was charged."""

    kind: Literal["already_closed"] = "already_closed"


class Superseded(Value):
    """Another subscription of the family went live meanwhile: nothing was charged (P16)."""

    kind: Literal["superseded"] = "superseded"


CollectionOutcome = Annotated[
    Paid
    | Declined
    | ActionRequired
    | NotAuthenticated
    | Processing
    | NoPaymentMethod
    | AlreadyClosed
    | Superseded,
    Field(discriminator="kind"),
]
