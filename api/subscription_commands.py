"""Commands to a subscription: its end, its trial, its pause, its debts, its discounts.

Owns their operations. A command goes to the subscription's workflow, which checks it and records it
with its actor and reason; what is answered is read from the database. Does not own changes of what
is sold (`api.subscription_changes`).
"""

from typing import Self

from fastapi import APIRouter
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from api.commanding import CommandedSubscription
from api.discounts import CouponId
from api.fields import Body, Flag, InvoiceId, Reason, Timestamp, example
from api.route import ApiRoute, problem_responses
from api.subscription_view import SubscriptionView
from billing.credit_note import UnusedPart
from workflows.messages import (
    Cancel,
    CancelMode,
    ExtendGrace,
    ExtendTrial,
    MarkUncollectible,
    PauseSubscription,
    RedeemCoupon,
    ResumeSubscription,
    UndoCancel,
    WaiveInvoice,
)

router = APIRouter(
    prefix="/v1/subscriptions/{subscription_id}", tags=["subscriptions"], route_class=ApiRoute
)


class ReasonInput(Body):
    """Why."""

    model_config = example({"reason": "The customer stays"})

    reason: Reason | None = None


class CancelInput(Body):
    """When the subscription ends, what becomes of the time that is left, and why."""

    model_config = example({"mode": "now", "unused": "credit", "reason": "The customer moved"})

    mode: CancelMode = CancelMode.AT_PERIOD_END
    unused: UnusedPart = Field(
        default=UnusedPart.NONE,
        description="With `now`: what was paid and is not used goes to the customer's balance"
        " (`credit`) or back to where it came from (`refund`)",
    )
    reason: Reason | None = None

    @model_validator(mode="after")
    def _given_back_now(self) -> Self:
        if self.mode is CancelMode.AT_PERIOD_END and self.unused is not UnusedPart.NONE:
            raise PydanticCustomError(
                "unused_needs_now", "at the period's end nothing is unused: cancel `now`"
            )
        return self


class ExtendTrialInput(Body):
    """A later end of the trial."""

    model_config = example({"trial_end": "2026-02-28T09:30:00Z", "reason": "More time to decide"})

    trial_end: Timestamp
    reason: Reason | None = None


class PauseInput(Body):
    """How long the subscription rests."""

    model_config = example({"resumes_at": "2026-02-28T09:30:00Z", "reason": "On leave"})

    resumes_at: Timestamp | None = Field(
        default=None, description="null: as long as the product allows it"
    )
    reason: Reason | None = None


class PayInput(Body):
    """A try to collect everything that is open, now."""

    model_config = example({"customer_present": True})

    customer_present: Flag = Field(
        default=False,
        description="The customer is in front of a screen and can authenticate the payment:"
        " follow `open_invoices[].action_url` of the answer",
    )
    reason: Reason | None = None


class ExtendGraceInput(Body):
    """Until when collecting goes on before its final action."""

    model_config = example({"until": "2026-02-28T09:30:00Z", "reason": "Waits for a new card"})

    until: Timestamp
    reason: Reason | None = None


class WaiveInput(Body):
    """An open invoice that is no longer owed, and why."""

    model_config = example(
        {"invoice": "in_4a1b9c0d2e3f4a1b9c0d2e3f", "reason": "The service was down"}
    )

    invoice: InvoiceId
    reason: Reason


class UncollectibleInput(Body):
    """An open invoice that nobody is expected to pay, and why."""

    model_config = example(
        {"invoice": "in_4a1b9c0d2e3f4a1b9c0d2e3f", "reason": "The company is insolvent"}
    )

    invoice: InvoiceId
    reason: Reason


class RedeemInput(Body):
    """A coupon to redeem."""

    model_config = example({"coupon": "SPRING", "reason": "Promised on the phone"})

    coupon: CouponId
    reason: Reason | None = None


@router.post("/cancel", operation_id="cancel_subscription", summary="Cancel a subscription")
async def cancel_subscription(
    body: CancelInput, subscription: CommandedSubscription
) -> SubscriptionView:
    """At the period's end, undoable until then, or now. While past due: always now."""
    command = Cancel(**subscription.signature(body.reason), mode=body.mode, unused=body.unused)
    return await subscription.obey(command)


@router.post("/undo_cancel", operation_id="undo_cancel", summary="Undo a cancellation")
async def undo_cancel(body: ReasonInput, subscription: CommandedSubscription) -> SubscriptionView:
    """The subscription goes on."""
    return await subscription.obey(UndoCancel(**subscription.signature(body.reason)))


@router.post("/extend_trial", operation_id="extend_trial", summary="Extend the trial")
async def extend_trial(
    body: ExtendTrialInput, subscription: CommandedSubscription
) -> SubscriptionView:
    """Moves the trial's end, and with it the first charge."""
    command = ExtendTrial(**subscription.signature(body.reason), trial_end=body.trial_end)
    return await subscription.obey(command)


@router.post("/pause", operation_id="pause_subscription", summary="Pause a subscription")
async def pause_subscription(
    body: PauseInput, subscription: CommandedSubscription
) -> SubscriptionView:
    """Rests from now on and goes on by itself, where the product can be paused."""
    command = PauseSubscription(**subscription.signature(body.reason), resumes_at=body.resumes_at)
    return await subscription.obey(command)


@router.post("/resume", operation_id="resume_subscription", summary="Resume a subscription")
async def resume_subscription(
    body: ReasonInput, subscription: CommandedSubscription
) -> SubscriptionView:
    """Goes on now; what the pause means for paid time is the product's."""
    return await subscription.obey(ResumeSubscription(**subscription.signature(body.reason)))


@router.post(
    "/pay",
    operation_id="pay_subscription",
    summary="Pay what is open now",
    responses=problem_responses(402),
)
async def pay_subscription(body: PayInput, subscription: CommandedSubscription) -> SubscriptionView:
    """Tries every open invoice once, whatever is planned for it.

    A refused payment is a problem (402, `payment_declined`). What waits for the customer's
    authentication, or for a bank, is in `open_invoices`.
    """
    await subscription.pay(body.reason, customer_present=body.customer_present)
    return await subscription.view()


@router.post("/extend_grace", operation_id="extend_grace", summary="Extend the grace")
async def extend_grace(
    body: ExtendGraceInput, subscription: CommandedSubscription
) -> SubscriptionView:
    """Puts off the final action of dunning; one more attempt is made at the end of the grace."""
    command = ExtendGrace(**subscription.signature(body.reason), until=body.until)
    return await subscription.obey(command)


@router.post("/waive", operation_id="waive_invoice", summary="Waive an open invoice")
async def waive_invoice(body: WaiveInput, subscription: CommandedSubscription) -> SubscriptionView:
    """Voids an open invoice of the subscription: it is no longer owed.

    What a change has given back of it on net terms stays given, beside what is forgiven: charge
    that anew by an invoice item, if it is not meant so.
    """
    command = WaiveInvoice(**subscription.signature(body.reason), invoice_id=body.invoice)
    return await subscription.obey(command)


@router.post(
    "/mark_uncollectible",
    operation_id="mark_uncollectible",
    summary="Write off an open invoice as a bad debt",
)
async def mark_uncollectible(
    body: UncollectibleInput, subscription: CommandedSubscription
) -> SubscriptionView:
    """The invoice stays owed, nothing more is tried, and the ledger has the loss.

    Money that comes for it all the same is recorded (`record_payment`). What a change has given
    back of it on net terms stays given.
    """
    signed = subscription.signature(body.reason)
    return await subscription.obey(MarkUncollectible(**signed, invoice_id=body.invoice))


@router.post("/redeem_coupon", operation_id="redeem_coupon", summary="Redeem a coupon")
async def redeem_coupon(body: RedeemInput, subscription: CommandedSubscription) -> SubscriptionView:
    """Discounts the next invoice that the coupon is for, after the subscription's other discounts.

    Invoices of before stay as they are.
    """
    command = RedeemCoupon(**subscription.signature(body.reason), coupon_id=body.coupon)
    return await subscription.obey(command)
