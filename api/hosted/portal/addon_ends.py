"""What canceling a subscription means for what is sold beside it, in a customer's words.

Owns which add-ons end with it and what of each becomes balance. Does not own that they end, nor the
credit (`workflows.ending_together`).
"""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.db.engine import snapshot
from adapters.db.queries import subscriptions
from adapters.db.repositories import debits
from adapters.db.repositories.prices import SqlPrices
from adapters.locale_format import LocaleFormat
from api.dependencies import Dependencies
from api.hosted.portal.account import Holding
from api.hosted.portal.plan_words import titled
from billing.change import unused
from billing.credit_note import unused_lines
from billing.money import Money
from billing.period import Period
from billing.price import Price
from billing.proration import Debit
from billing.subscription import SubscriptionState


async def addon_ends(deps: Dependencies, holding: Holding, *, at: datetime) -> list[str]:
    """A sentence or two of each add-on that ends with the subscription, which is over `at`."""
    said: list[str] = []
    async with snapshot(deps.engine) as connection:
        for addon in holding.state.addons:
            state = await subscriptions.state_of(connection, addon.subscription_id)
            if state is not None and _goes_on_until(state, at):
                price = await SqlPrices(connection).of(state.terms)
                charged = await _charged(connection, state)
                said.append(" ".join(_sentences(holding.written, state, price, charged, at)))
    return said


def _goes_on_until(addon: SubscriptionState, at: datetime) -> bool:
    if addon.has_ended or addon.period is None:
        return False
    return addon.cancellation is None or addon.cancellation.at > at


async def _charged(connection: AsyncConnection, addon: SubscriptionState) -> tuple[Debit, ...]:
    since = addon.running_period.start
    found = await debits.of_subscription(connection, addon.subscription_id, ending_after=since)
    return tuple(debit for debit in found if not debit.is_disputed)


def _sentences(
    written: LocaleFormat,
    addon: SubscriptionState,
    price: Price,
    charged: tuple[Debit, ...],
    at: datetime,
) -> Iterator[str]:
    yield f"{titled(written, addon.terms, price)} ends with it."
    if addon.terms.is_in_arrears:
        yield "What you have of it until then is charged then."
    given = _given_back(addon, charged, at)
    if given.amount_minor:
        yield (
            f"What you have paid of it beyond then, {written.money(given)},"
            " becomes credit for your other invoices."
        )


def _given_back(addon: SubscriptionState, charged: tuple[Debit, ...], at: datetime) -> Money:
    """What would become balance of what is paid by now (policy P17)."""
    nothing, end = Money.zero(addon.terms.currency), addon.running_period.end
    if at >= end:
        return nothing
    left = tuple(unused(addon, charged, at))
    lines = unused_lines(left, Period(start=at, end=end), addon.terms.proration)
    return sum((line.total for line in lines), nothing)
