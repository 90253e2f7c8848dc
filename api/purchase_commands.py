"""Commands to a purchase: paying it, giving it more time, giving it up.

Owns their operations. A command goes to the purchase's workflow, which checks it and records it
with its actor and reason. Does not own selling and reading (`api.purchases`).
"""

from fastapi import APIRouter

from api.commanding import Commanded, CommandedPurchase, require
from api.fields import Body, Reason, example
from api.purchase_view import PurchaseView
from api.route import ApiRoute, problem_responses
from api.subscription_commands import ExtendGraceInput, PayInput, ReasonInput
from billing.errors import Conflict
from workflows.messages import (
    AnyCommand,
    Cancel,
    CancelMode,
    ExtendGrace,
    MarkUncollectible,
    WaiveInvoice,
)

router = APIRouter(prefix="/v1/purchases/{purchase_id}", tags=["purchases"], route_class=ApiRoute)


class GivenUpInput(Body):
    """Why what is open is not to be paid any more."""

    model_config = example({"reason": "The session was canceled"})

    reason: Reason


@router.post(
    "/pay",
    operation_id="pay_purchase",
    summary="Pay a purchase now",
    responses=problem_responses(402),
)
async def pay_purchase(body: PayInput, purchase: CommandedPurchase) -> PurchaseView:
    """Tries its invoice once, whatever is planned for it.

    A refused payment is a problem (402, `payment_declined`). What waits for the customer's
    authentication, or for a bank, is in `open_invoices`.
    """
    await purchase.pay(body.reason, customer_present=body.customer_present)
    return await _seen(purchase)


@router.post(
    "/extend_grace",
    operation_id="extend_purchase_grace",
    summary="Extend the grace of a purchase",
)
async def extend_purchase_grace(
    body: ExtendGraceInput, purchase: CommandedPurchase
) -> PurchaseView:
    """Puts off the final action of dunning; one more attempt is made at the end of the grace."""
    command = ExtendGrace(**purchase.signature(body.reason), until=body.until)
    return await _obeyed(purchase, command)


@router.post("/waive", operation_id="waive_purchase", summary="Forgive what is owed")
async def waive_purchase(body: GivenUpInput, purchase: CommandedPurchase) -> PurchaseView:
    """Voids its open invoice. The purchase is completed: the customer keeps what they bought."""
    return await _obeyed(
        purchase,
        WaiveInvoice(**purchase.signature(body.reason), invoice_id=await _open_invoice(purchase)),
    )


@router.post(
    "/mark_uncollectible",
    operation_id="mark_purchase_uncollectible",
    summary="Write off what is owed for a purchase as a bad debt",
)
async def mark_purchase_uncollectible(
    body: GivenUpInput, purchase: CommandedPurchase
) -> PurchaseView:
    """Its invoice stays owed, nothing more is tried, and the ledger has the loss."""
    return await _obeyed(
        purchase,
        MarkUncollectible(
            **purchase.signature(body.reason), invoice_id=await _open_invoice(purchase)
        ),
    )


@router.post("/cancel", operation_id="cancel_purchase", summary="Call a purchase off")
async def cancel_purchase(body: ReasonInput, purchase: CommandedPurchase) -> PurchaseView:
    """Voids what is not paid, or ends the checkout; what is paid is refunded, and not canceled.

    What a bank pays for it all the same goes to the customer's balance.
    """
    command = Cancel(**purchase.signature(body.reason), mode=CancelMode.NOW)
    return await _obeyed(purchase, command)


async def _obeyed(purchase: Commanded, command: AnyCommand) -> PurchaseView:
    await purchase.give(command)
    return await _seen(purchase)


async def _seen(purchase: Commanded) -> PurchaseView:
    found = await require(purchase.deps, purchase.id)
    return PurchaseView.of(found.state, test_clock_id=found.test_clock_id)


async def _open_invoice(purchase: Commanded) -> str:
    """Its only one, whatever has become of it: the command finds out.

    Raises `Conflict` (`invoice_not_open`) where it was never made.
    """
    state = (await require(purchase.deps, purchase.id)).state
    if state.last_invoice_id is None:
        raise Conflict("invoice_not_open", "the purchase has no invoice yet")
    return state.last_invoice_id
