"""From what a caller asks for to the plan of a change.

Owns the terms that a request leads to, and what has to be known to plan them. A preview and the
change itself come to their plans here, so that both say the same (policy P14). Does not own what a
plan costs (`billing.change`) nor where its basis is read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from billing import migrating
from billing.change import ChangeRequest, PlannedChange, plan_change
from billing.commands import check_command
from billing.errors import Conflict
from billing.invoice_item import InvoiceItem
from billing.offer import Offer, terms_of
from billing.price import Price
from billing.pricing import check_not_too_large, check_quantity, price_of
from billing.proration import Debit
from billing.replacement import no_longer_sold
from billing.subscription import CommandName, SubscriptionState, SubscriptionStatus, Terms
from billing.tax import UNTAXED, Taxation


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeBasis:
    """What a plan follows from beside the subscription's state."""

    current_price: Price
    """In the version and the currency that the subscription has (policy P33)."""
    offer: Offer | None
    """What is on sale under the price that is asked for, in every currency; None where nothing is,
    or none is."""
    segment: str | None
    """The customer's."""
    debits: Sequence[Debit]
    """Those of the subscription that reach into the running period."""
    migration_price: Price | None = None
    """What a planned migration moves to."""
    items: Sequence[InvoiceItem] = ()
    """What waits for the next invoice; the change itself does not need it."""
    replacements: Mapping[str, str] = field(default_factory=dict)
    """What replaces prices that are no longer sold; needed where there is no offer."""
    accrued_prices: Sequence[Price] = ()
    """Of what was had in the running period before; for a preview of the renewal alone."""
    has_method: bool = True
    """Whether the customer has something to charge: it is asked where nothing is paid first."""
    taxation: Taxation = UNTAXED
    """How the customer is taxed now."""


def plan_request(
    state: SubscriptionState, request: ChangeRequest, basis: ChangeBasis, *, at: datetime
) -> PlannedChange:
    """What the change does and costs at the instant `at`.

    Where somebody's clock is behind and says that the running period has not begun, it just has.

    Raises what `billing.change.plan_change` raises, `Conflict` (`command_not_allowed`,
    `subscription_ended`; `period_ending` where the period's end was not dealt with yet;
    `payment_method_required` for what is paid later and nothing can be charged for) and
    `InvalidInput` (`price_not_found`, `price_retired`, `currency_not_sold`,
    `quantity_out_of_range`, `amount_too_large`, `amount_not_chargeable`, and as
    `billing.price.Price.configured` does).
    """
    check_command(state, CommandName.CHANGE)
    running = state.running_period
    if at >= running.end:
        raise Conflict("period_ending", "a period has just ended: try again in a moment")
    target_price, target = _target(state, request, basis)
    _refuse_without_method(state, target, basis)
    plan = plan_change(
        state,
        target=target,
        current_price=basis.current_price,
        target_price=target_price,
        debits=basis.debits,
        at=max(at, running.start),
        treatment=basis.taxation.of(target.tax_category),
    )
    check_not_too_large(plan.total, what="the change")
    follows = migrating.migrates_to(state, target, basis.migration_price)
    return plan if follows is None else plan.model_copy(update={"migrates_to": follows})


def _refuse_without_method(state: SubscriptionState, target: Terms, basis: ChangeBasis) -> None:
    """Whoever leaves the free plan for one in arrears pays nothing first, and must be able to."""
    begins_to_owe = target.is_in_arrears and target.costs and not state.terms.costs
    if begins_to_owe and not basis.has_method and state.status is not SubscriptionStatus.TRIALING:
        raise Conflict(
            "payment_method_required",
            f"{target.product_name} is billed at each period's end: save a payment method before",
        )


def asks_for_another_price(state: SubscriptionState, request: ChangeRequest) -> bool:
    """Whether an offer is a part of the basis."""
    return request.price_id is not None and request.price_id != state.terms.price_id


def _target(
    state: SubscriptionState, request: ChangeRequest, basis: ChangeBasis
) -> tuple[Price, Terms]:
    quantity = request.quantity_from(state.terms.quantity)
    if not asks_for_another_price(state, request):
        price = basis.current_price
        if request.configuration is not None:
            price = price.configured(request.configuration)
        check_quantity(price, quantity)
        update = {
            "quantity": quantity,
            "configuration": price.configuration,
            "period_amount": price_of(price, quantity),
        }
        return price, state.terms.model_copy(update=update)
    if basis.offer is None:
        raise no_longer_sold(request.price_id or "", basis.replacements)
    offer = basis.offer.in_currency(state.terms.currency)
    if request.configuration is None:
        offer = offer.keeping(state.terms.configuration)
    else:
        offer = offer.configured(request.configuration)
    check_quantity(offer.price, quantity)
    terms = terms_of(
        offer,
        quantity=quantity,
        trial=state.terms.trial,
        segment=basis.segment,
        anchored_at=state.terms.anchored_at,
    )
    return offer.price, terms
