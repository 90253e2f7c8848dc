"""Payment methods of the in-memory gateway: made from documented names, attached and detached.

Owns who may use a method. Does not own how each behaves (`methods`) nor charging it (`payments`).
"""

from collections.abc import Callable
from datetime import datetime

from adapters.memory.methods import BEHAVIOURS, Behaviour
from adapters.memory.shelf import Shelf
from billing.errors import GatewayRefused
from billing.ports.gateway import PaymentMethod
from billing.value import Value


class Method(Value):
    """A payment method; `name` finds its behaviour, `is_spent` forbids every further use."""

    shown: PaymentMethod
    name: str
    is_spent: bool = False

    @property
    def behaviour(self) -> Behaviour:
        """What Stripe documents of it."""
        return BEHAVIOURS[self.name]

    def check_usable(self, gateway_customer_id: str) -> None:
        """Raises `GatewayRefused` for a method that is spent or somebody else's."""
        owner = self.shown.gateway_customer_id
        if self.is_spent or owner not in (None, gateway_customer_id):
            raise GatewayRefused(
                "payment_method_unusable", "the payment method cannot be used here"
            )


class Wallet:
    """Every payment method."""

    def __init__(self, *, new_id: Callable[[str, str], str], clock: Callable[[], datetime]) -> None:
        self._new_id = new_id
        self._clock = clock
        self._methods: Shelf[Method] = Shelf()

    def resolve(self, payment_method: str) -> Method:
        """The method of that id; a documented name makes a new one each time, as at Stripe."""
        behaviour = BEHAVIOURS.get(payment_method)
        if behaviour is None:
            return self._methods.get(payment_method)
        is_card = behaviour.type == "card"
        shown = PaymentMethod(
            id=self._new_id("pm", payment_method),
            type=behaviour.type,
            gateway_customer_id=None,
            fingerprint=f"card of {payment_method}",
            brand=behaviour.brand,
            last4=behaviour.last4,
            exp_month=12 if is_card else None,
            exp_year=self._clock().year + 5 if is_card else None,
        )
        return self._put(Method(shown=shown, name=payment_method))

    def attach(self, payment_method: str, gateway_customer_id: str) -> PaymentMethod:
        """Saved to that customer; raises `GatewayRefused` (`card_declined`)."""
        method = self.resolve(payment_method)
        method.check_usable(gateway_customer_id)
        if not method.behaviour.attaches and method.behaviour.decline is not None:
            raise GatewayRefused(
                "card_declined",
                "the card was declined",
                decline_code=method.behaviour.decline.decline_code,
            )
        shown = method.shown.model_copy(update={"gateway_customer_id": gateway_customer_id})
        return self._put(method.model_copy(update={"shown": shown})).shown

    def detach(self, payment_method_id: str) -> None:
        """Never to be used again."""
        method = self._methods.get(payment_method_id)
        shown = method.shown.model_copy(update={"gateway_customer_id": None})
        self._put(method.model_copy(update={"shown": shown, "is_spent": True}))

    def _put(self, method: Method) -> Method:
        self._methods.put(method.shown.id, method)
        return method
