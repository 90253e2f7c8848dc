"""Running subscriptions, streamed: those at a price version, with what is due next."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import snapshot
from adapters.db.queries import running_subscriptions
from billing.subscription import Cancellation, EndReason, SubscriptionStatus
from tests.adapters.db.company import PERIOD, TEAM, open_shop, subscribe, subscription


async def test_those_that_have_not_ended_are_read_with_their_next_invoice(
    engine: AsyncEngine,
) -> None:
    renewing, canceling, ended, paused = (subscription(number) for number in range(1, 5))
    await open_shop(engine)
    await subscribe(
        engine,
        renewing,
        canceling.changed(cancellation=Cancellation(at=PERIOD.end, requested_at=PERIOD.start)),
        ended.changed(
            status=SubscriptionStatus.CANCELED,
            ended_at=PERIOD.start + timedelta(days=1),
            end_reason=EndReason.REQUESTED,
        ),
        paused.changed(status=SubscriptionStatus.PAUSED),
    )
    async with snapshot(engine) as connection:
        found = [
            running
            async for running in running_subscriptions.at_prices(
                connection, [(TEAM.id, TEAM.version), ("other", 1)]
            )
        ]
        none = [r async for r in running_subscriptions.at_prices(connection, [(TEAM.id, 2)])]
        assert [r async for r in running_subscriptions.at_prices(connection, [])] == none == []
        counted = await running_subscriptions.counts(connection)
    assert [(r.subscription_id, r.next_invoice_at) for r in found] == [
        ("sub_1", PERIOD.end),
        ("sub_2", None),
        ("sub_4", None),
    ]
    assert {(r.quantity, r.price_id, r.price_version, r.currency) for r in found} == {
        (5, TEAM.id, 1, "USD")
    }
    assert counted == {(TEAM.id, TEAM.version): 3}
