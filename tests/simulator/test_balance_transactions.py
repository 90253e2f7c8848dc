"""The account's balance follows every movement of money."""

from contextlib import suppress
from dataclasses import dataclass

import pytest
import stripe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator import dispute_responses, disputes, refunds
from simulator.balance_transactions import BalanceTransaction
from simulator.cards import DisputeKind
from simulator.charges import Charge
from simulator.disputes import Dispute
from simulator.document import JsonObject
from simulator.errors import InvalidRequest
from simulator.operation import Operation
from simulator.payment_confirmation import create as create_payment
from simulator.payment_intents import CreateParameters as PaymentParameters
from simulator.refunds import Refund
from simulator.store import Store
from tests.simulator.conftest import Simulator

_FORM: JsonObject = {
    "amount": 1000,
    "currency": "usd",
    "payment_method": "pm_card_pendingRefund",
    "allowed_payment_method_types": ["card"],
    "confirm": True,
}


async def test_a_payment_and_its_refund_are_listed(simulator: Simulator) -> None:
    paid = await simulator.paid(amount=1000)
    refund = await simulator.v1.refunds.create_async(
        {"payment_intent": paid.id, "amount": 400, "expand": ["balance_transaction"]}
    )
    page = await simulator.v1.balance_transactions.list_async()
    assert [(each.type, each.amount, each.source) for each in page.data] == [
        ("refund", -400, refund.id),
        ("charge", 1000, paid.latest_charge),
    ]
    assert refund.balance_transaction == page.data[0]
    of_charge = await simulator.v1.balance_transactions.list_async(
        {"source": str(paid.latest_charge), "currency": "usd", "type": "charge"}
    )
    [transaction] = of_charge.data
    read = await simulator.v1.balance_transactions.retrieve_async(transaction.id)
    assert read == transaction
    charge = await simulator.v1.charges.retrieve_async(
        str(paid.latest_charge), {"expand": ["balance_transaction"]}
    )
    assert charge.balance_transaction == transaction
    assert (await simulator.control.totals())["usd"].balance_minor == 600


async def test_an_unknown_transaction_is_missing(simulator: Simulator) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such balance transaction"):
        await simulator.v1.balance_transactions.retrieve_async("txn_unknown")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that may happen to a charge: what, and how much or which of several."""

    kind: str
    number: int


_KINDS = ("refund", "succeed", "fail", "cancel", "dispute", "ask", "escalate", "win", "lose")
_STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from(_KINDS),
        st.integers(1, 700),
    ),
    max_size=14,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(_STEPS)
def test_the_balance_is_what_was_neither_refunded_nor_withdrawn(steps: list[Step]) -> None:
    operation = Operation(Store(None), 1_800_000_000, False, "http://localhost", None)
    create_payment(operation, "", PaymentParameters.model_validate(_FORM))
    for step in steps:
        with suppress(InvalidRequest), operation.store.transaction():
            _happen(operation, step)  # what is refused must leave the balance as it was
        [charge] = operation.store.all_where(Charge, {})
        withdrawn = sum(
            dispute.amount
            for dispute in operation.store.all_where(Dispute, {})
            if dispute.status in ("needs_response", "under_review", "lost")
        )
        assert 0 <= charge.amount_refunded <= charge.amount_captured
        balance = charge.amount_captured - charge.amount_refunded - withdrawn
        assert operation.store.balances(BalanceTransaction) == {"usd": balance}
    operation.store.close()


def _happen(operation: Operation, step: Step) -> None:
    [charge] = operation.store.all_where(Charge, {})
    made = [each.id for each in operation.store.all_where(Refund, {})]
    opened = [each.id for each in operation.store.all_where(Dispute, {})]
    refund = made[step.number % len(made)] if made else "re_none"
    dispute = opened[-1] if opened else "du_none"
    match step.kind:
        case "refund":
            parameters = refunds.CreateParameters(charge=charge.id, amount=step.number)
            refunds.create(operation, "", parameters)
        case "succeed":
            refunds.settle(operation, refund, failure=None)
        case "fail":
            refunds.settle(operation, refund, failure="unknown")
        case "cancel":
            refunds.cancel(operation, refund)
        case "dispute":
            disputes.open_dispute(operation, charge, DisputeKind.FRAUDULENT)
        case "ask":
            disputes.open_dispute(operation, charge, DisputeKind.INQUIRY)
        case "win":
            dispute_responses.decide(operation, dispute, won=True)
        case "lose":
            dispute_responses.decide(operation, dispute, won=False)
        case _:
            dispute_responses.escalate(operation, dispute)
