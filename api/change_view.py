"""What the API says about a change: what it would cost, and what became of it.

Owns both shapes. Does not own the operations (`api.subscription_changes`) nor the amounts
(`billing.change`).
"""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, Field

from adapters.db.queries.subscriptions import Subscription
from api.answer import Answer
from api.invoice_parts import DiscountView, TaxView
from api.invoices import InvoiceLineView
from api.money_view import MoneyView
from api.period_view import PeriodView
from api.subscription_view import CHANGE_ID, SubscriptionView, TermsView
from billing.balance import applicable
from billing.change import ChangeKind, PlannedChange
from billing.errors import NotFound
from billing.money import Money
from billing.quote import Quote
from billing.subscription import ChangeResult, SubscriptionState, SubscriptionStatus


class NextRenewalView(BaseModel):
    """The first renewal after the change, if nothing else happens."""

    at: datetime
    amount: MoneyView = Field(description="After discounts and with tax at today's rates")


class ChangePreviewView(Answer):
    """What a change would do if it were made now."""

    kind: ChangeKind
    effective_at: datetime
    lines: list[InvoiceLineView]
    discounts: list[DiscountView] = Field(description="What the lines' discounts come to")
    taxes: list[TaxView] = Field(description="What the lines' taxes come to, per rate")
    total: MoneyView = Field(description="The sum of the lines, less discounts, with tax")
    from_balance: MoneyView = Field(description="What the customer's balance pays of it")
    to_balance: MoneyView = Field(description="What the customer's balance gains, if it is credit")
    carried_over: MoneyView = Field(
        description="What cannot be collected now, and comes on the next invoice"
    )
    amount_due: MoneyView = Field(
        description="What is charged now; a customer with net terms is sent an invoice over it"
    )
    terms: TermsView = Field(description="What is sold once the change took effect")
    current_period: PeriodView = Field(description="The period that is running then")
    next_renewal: NextRenewalView | None = Field(
        description="null where the subscription ends instead"
    )
    quote: str = Field(
        description="Executes the change at this price: pass it to `change`",
        examples=["eyJzdWJzY3JpcHRpb25faWQiOiJzdWJfNGExYjljIn0.7c9e6679f7425d40de944be07fc1f9"],
    )
    quote_expires_at: datetime
    version: int

    @property
    def shown_version(self) -> int:
        """The one that the preview is of."""
        return self.version

    @classmethod
    def of(
        cls,
        state: SubscriptionState,
        plan: PlannedChange,
        *,
        renewal: Money,
        balance: Money,
        quote: Quote,
        token: str,
    ) -> Self:
        """The plan, what of it the balance pays, and how to execute it."""
        nothing = Money.zero(plan.total.currency)
        carried = sum((line.amount for line in plan.carried), nothing)
        charged = plan.total - carried
        is_credit = charged.amount_minor < 0
        from_balance = applicable(balance, charged)
        return cls(
            kind=plan.kind,
            effective_at=plan.at,
            lines=[InvoiceLineView.of(line) for line in plan.lines],
            discounts=DiscountView.all_of(plan.lines),
            taxes=TaxView.all_of(plan.lines),
            total=MoneyView.of(plan.total),
            from_balance=MoneyView.of(from_balance),
            to_balance=MoneyView.of(-charged if is_credit else nothing),
            carried_over=MoneyView.of(carried),
            amount_due=MoneyView.of(nothing if is_credit else charged - from_balance),
            terms=TermsView.of(plan.target),
            current_period=PeriodView.of(plan.period),
            next_renewal=_next_renewal(state, plan, renewal),
            quote=token,
            quote_expires_at=quote.expires_at,
            version=state.version,
        )


class ChangeView(Answer):
    """A change and what became of it."""

    id: str = Field(examples=[CHANGE_ID])
    result: ChangeResult = Field(
        description="`applied`: in force. `scheduled`: at the period's end. `paying`: in force once"
        " it is paid. `declined`, `abandoned`: not paid, and nothing changed."
    )
    invoice: str | None = Field(description="The invoice that pays for it")
    action_url: str | None = Field(
        description="Where the customer authenticates the payment, while it waits for that"
    )
    decline: str | None = Field(
        description="Why the payment was refused", examples=["insufficient_funds"]
    )
    subscription: SubscriptionView

    @property
    def shown_version(self) -> int:
        """The subscription's."""
        return self.subscription.version

    @property
    def is_pending(self) -> bool:
        """While it is being paid for."""
        return self.result is ChangeResult.PAYING

    @classmethod
    def of(cls, change_id: str, subscription: Subscription) -> Self:
        """Raises `NotFound` (`change_not_found`); changes of long ago are forgotten."""
        state = subscription.state
        applied = state.applied_command(change_id)
        if applied is None or applied.result is None:
            raise NotFound("change_not_found", f"no change {change_id} of this subscription")
        invoice = state.open_invoice(applied.invoice_id or "")
        return cls(
            id=change_id,
            result=applied.result,
            invoice=applied.invoice_id,
            action_url=None if invoice is None else invoice.action_url,
            decline=applied.decline,
            subscription=SubscriptionView.of(state, test_clock_id=subscription.test_clock_id),
        )


def _next_renewal(
    state: SubscriptionState, plan: PlannedChange, renewal: Money
) -> NextRenewalView | None:
    """A change replaces a pending cancellation, but for one of the trial; not its parent's end."""
    if state.parent_end is not None and state.parent_end.at <= plan.period.end:
        return None
    if state.status is SubscriptionStatus.TRIALING and state.cancellation is not None:
        return None
    return NextRenewalView(at=plan.period.end, amount=MoneyView.of(renewal))
