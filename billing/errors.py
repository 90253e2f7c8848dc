"""The exceptions of the billing rules and of the ports they are given.

    PerennialError            every expected failure; `code` is stable and public
    ├── InvalidInput          the request can never succeed as written
    ├── NotFound              what the request names does not exist for this caller
    ├── Conflict              the state of things forbids it now
    ├── Overtaken             a run before a reset has recorded what this one does not know
    ├── GatewayError          the payment gateway did not do what was asked
    │   ├── GatewayRefused        it understood and refused: our mistake, an operator must look
    │   └── GatewayUnavailable    an outage: try again, it is not a decline (policy P19)
    │       ├── GatewayBusy           429 or 409: nothing happened
    │       ├── GatewayFailed         5xx: the answer is saved under its idempotency key
    │       └── GatewayUnreachable    no answer: the outcome is unknown
    └── BooksBroken           an invariant of the ledger or an invoice does not hold: a defect

Owns meanings and codes. Does not own HTTP status codes (`api/`) or retry policies (`workflows/`).
"""


class PerennialError(Exception):
    """An expected failure with a stable `code` for programs and a `message` for people."""

    def __init__(self, code: str, message: str, /, **details: str | int | None) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message
        self.details = details


class InvalidInput(PerennialError):
    """The request can never succeed as written."""


class NotFound(PerennialError):
    """What the request names does not exist for this caller."""


class Conflict(PerennialError):
    """The state of things forbids the request now; another state may allow it."""


class Overtaken(PerennialError):
    """A run before a reset has recorded what the present one does not know (ADR 0008)."""


class GatewayError(PerennialError):
    """The payment gateway did not do what was asked."""


class GatewayRefused(GatewayError):
    """The gateway understood and refused: repeating the same request cannot help."""


class GatewayUnavailable(GatewayError):
    """An outage, never a decline (policy P19). The same effect may be tried again."""


class GatewayBusy(GatewayUnavailable):
    """Rate limited, or the same key is in use: nothing happened."""


class GatewayFailed(GatewayUnavailable):
    """The gateway answered 5xx, and will answer the same to the same idempotency key for a day.

    Stripe saves the first result of a key, errors included; the effect needs a fresh key after
    its object was read (https://docs.stripe.com/api/idempotent_requests).
    """


class GatewayUnreachable(GatewayUnavailable):
    """No answer arrived: whether the effect happened is unknown until it is looked up."""


class BooksBroken(PerennialError):
    """An invariant of the ledger or of an invoice does not hold: a defect of ours."""
