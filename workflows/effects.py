"""The activities that a subscription calls: each with its limits, priority and summary.

Owns how effects are asked for. Does not own when (`workflows.subscription`) nor what they do
(`activities`).
"""

from collections.abc import Awaitable

from temporalio import workflow
from temporalio.common import Priority
from temporalio.exceptions import FailureError, is_cancelled_exception

from activities.addons import Addons, TellAddons, ToldAddons
from activities.change import BeginChange, ChangeOutcome, Changing, Fallback, FindFallback
from activities.collection import Collect, Collected, Collection, Voided, VoidInvoices
from activities.coupons import Coupons, RedemptionOutcome, TakeRedemption
from activities.notification import Notification
from activities.one_off_charge import ChargeItem, ItemOutcome, OneOffCharges
from activities.period_billing import (
    BillingOutcome,
    BillPeriod,
    PeriodBilling,
    StartTrial,
    TrialOutcome,
)
from activities.receiving import ReceivePayment, Receiving, ReceivingOutcome
from activities.records import Record, Recorded, Records
from activities.unused_time import GiveBack, GivenBack, UnusedTime
from billing.message import Message
from billing.subscription import SubscriptionState, SubscriptionStatus
from workflows import timeouts


def start_trial(request: StartTrial) -> Awaitable[TrialOutcome]:
    """The customer is in front of the checkout."""
    return workflow.execute_activity_method(
        PeriodBilling.start_trial,
        request,
        summary="start the trial",
        priority=_priority(request.state),
        **timeouts.DATABASE,
    )


async def bill_period(request: BillPeriod, *, at_once: bool) -> BillingOutcome:
    """One database transaction; `at_once` where the workflow runs, without a task (ADR 0033).

    Whatever fails there is asked for once more as an activity of the usual kind: an outage is
    waited out by it, and a refusal comes from it as from all others.
    """
    summary = f"invoice {request.state.terms.period_amount}"
    if at_once:
        try:
            return await workflow.execute_local_activity_method(
                PeriodBilling.bill_period, request, summary=summary, **timeouts.AT_ONCE
            )
        except FailureError as error:  # not an `ActivityError`: nothing wraps what happens here
            if is_cancelled_exception(error):
                raise
    return await workflow.execute_activity_method(
        PeriodBilling.bill_period,
        request,
        summary=summary,
        priority=_priority(request.state),
        **timeouts.DATABASE,
    )


async def collect_at_once(request: Collect, *, summary: str) -> Collected | None:
    """One try where the workflow runs, without a task (ADR 0035); None where that fails.

    Whatever it left behind is found by the activity of the usual kind, as by any later try.
    """
    try:
        return await workflow.execute_local_activity_method(
            Collection.collect, request, summary=summary, **timeouts.CHARGE_AT_ONCE
        )
    except FailureError as error:
        if is_cancelled_exception(error):
            raise
        return None


def collect(request: Collect, *, summary: str) -> workflow.ActivityHandle[Collected]:
    """Retried through any outage; a decline is an answer.

    When it is cancelled, the end of a try that is under way is waited for: nothing races it.
    """
    return workflow.start_activity_method(
        Collection.collect,
        request,
        summary=summary,
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        priority=_priority(request.state),
        **timeouts.GATEWAY,
    )


def void_invoices(request: VoidInvoices) -> Awaitable[Voided]:
    """Retried through any outage."""
    return workflow.execute_activity_method(
        Collection.void_invoices,
        request,
        summary="void what was not paid",
        priority=_priority(request.state),
        **timeouts.GATEWAY,
    )


def receive_payment(request: ReceivePayment) -> Awaitable[ReceivingOutcome]:
    """An operator is waiting; the gateway's outage is an answer."""
    return workflow.execute_activity_method(
        Receiving.receive_payment,
        request,
        summary=f"record {request.reported.amount}, received outside the gateway",
        priority=timeouts.checkout_priority(request.state.customer_id),
        **timeouts.RECEIVING,
    )


def begin_change(request: BeginChange) -> Awaitable[ChangeOutcome]:
    """One database transaction; the customer is waiting."""
    return workflow.execute_activity_method(
        Changing.begin_change,
        request,
        summary="plan and invoice the change",
        priority=timeouts.checkout_priority(request.state.customer_id),
        **timeouts.DATABASE,
    )


def charge_item(request: ChargeItem) -> Awaitable[ItemOutcome]:
    """One database transaction; the caller is waiting."""
    return workflow.execute_activity_method(
        OneOffCharges.charge_item,
        request,
        summary=f"invoice {request.item.amount}, charged once",
        priority=timeouts.checkout_priority(request.state.customer_id),
        **timeouts.DATABASE,
    )


def find_fallback(request: FindFallback) -> Awaitable[Fallback]:
    """One look into the catalog."""
    return workflow.execute_activity_method(
        Changing.find_fallback, request, summary="find the free plan", **timeouts.DATABASE
    )


def take_redemption(request: TakeRedemption) -> Awaitable[RedemptionOutcome]:
    """One database transaction; the customer is waiting."""
    return workflow.execute_activity_method(
        Coupons.take_redemption,
        request,
        summary=f"redeem the coupon {request.coupon_id}",
        priority=timeouts.checkout_priority(request.state.customer_id),
        **timeouts.DATABASE,
    )


def give_back(request: GiveBack) -> Awaitable[GivenBack]:
    """One database transaction."""
    return workflow.execute_activity_method(
        UnusedTime.give_back,
        request,
        summary=f"give back {request.part} as {request.unused}",
        **timeouts.DATABASE,
    )


def tell_addons(request: TellAddons) -> Awaitable[ToldAddons]:
    """Retried for as long as they cannot be told."""
    return workflow.execute_activity_method(
        Addons.tell_addons, request, summary="tell its add-ons", **timeouts.TELLING
    )


def record(request: Record) -> Awaitable[Recorded]:
    """One database transaction."""
    return workflow.execute_activity_method(
        Records.record, request, summary=f"record {request.state.status}", **timeouts.DATABASE
    )


def notify(message: Message) -> Awaitable[None]:
    """Retried for as long as the mail server is away."""
    return workflow.execute_activity_method(
        Notification.notify,
        message,
        summary=f"tell the customer: {message.kind}",
        **timeouts.MAIL,
    )


def _priority(state: SubscriptionState) -> Priority:
    """Whoever waits at a checkout goes before renewals."""
    if state.status is SubscriptionStatus.INCOMPLETE:
        return timeouts.checkout_priority(state.customer_id)
    return timeouts.renewal_priority(state.customer_id)
