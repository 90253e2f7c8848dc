"""One price in several currencies: the buyer's is chosen once, and all amounts are in it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.catalog import Catalog, Product
from billing.change import ChangeKind
from billing.currency import charge_step_minor, minimum_charge_minor
from billing.currency_option import CurrencyOption
from billing.dunning import DunningLadder, DunningPolicy, FinalAction
from billing.errors import Conflict, InvalidInput
from billing.migration import MigrationPlan, PriceVersion, SkipReason
from billing.migration_account import Candidate, Decisions
from billing.price import Price
from billing.price_model import Flat, PerUnit, PriceModel
from billing.pricing import charge_for, price_of
from billing.subscription import SubscriptionStatus
from tests.billing import price_models
from tests.billing.running import SOFT, Running, at, offer
from tests.billing.soundness import check_books, check_state
from tests.billing.strategies import price

CATALOG = (
    offer("team", 1600, also={"EUR": 1500, "JPY": 2400}),
    offer("business", 2400, also={"EUR": 2300}),
)


def _option(minor: str | int, **others: object) -> CurrencyOption:
    return CurrencyOption.model_validate(
        {"model": PerUnit(unit_amount_minor=Decimal(minor))} | others
    )


def _buying(currency: str | None, *, until: str = "2026-04-11") -> Running:
    running = Running(*CATALOG, start=at("2026-04-01"), quantity=10, currency=currency)
    running.until(until)
    return running


@settings(deadline=None, max_examples=50)
@given(
    ours=price_models.models,
    theirs=price_models.models,
    quantity=st.integers(0, 3_000),
    is_inclusive=st.booleans(),
)
def test_a_price_in_a_currency_costs_what_a_price_of_that_currency_alone_would(
    ours: PriceModel, theirs: PriceModel, quantity: int, *, is_inclusive: bool
) -> None:
    both = price_models.priced(ours).model_copy(
        update={
            "currency_options": {"JPY": CurrencyOption(model=theirs, tax_inclusive=is_inclusive)}
        }
    )
    yen = both.in_currency("JPY")
    alone = price_models.priced(theirs, currency="JPY")
    assert yen == alone.model_copy(update={"tax_inclusive": is_inclusive})
    assert charge_for(yen, quantity) == charge_for(alone, quantity)
    assert both.in_currency("USD") == price_models.priced(ours)


def test_the_first_currency_is_the_price_s_own_and_the_others_follow_by_their_codes() -> None:
    sold = price(also={"JPY": 2400, "EUR": 1500})
    assert sold.currencies == ("USD", "EUR", "JPY")
    with pytest.raises(InvalidInput) as refused:
        sold.in_currency("KWD")
    assert (refused.value.code, refused.value.details) == (
        "currency_not_sold",
        {"currencies": "USD, EUR, JPY"},
    )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"USD": _option(1600)}, "USD is the price's first currency"),
        ({"JPY": CurrencyOption(model=Flat(amount_minor=Decimal(900)))}, "per_unit in USD"),
        ({"JPY": _option(49)}, "less than 50 cannot be collected"),
        ({"XXX": _option(1600)}, "not a supported"),
    ],
)
def test_every_currency_keeps_the_rules_of_a_price(
    options: dict[str, CurrencyOption], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        Price.model_validate({**dict(price()), "currency_options": options})
    with pytest.raises(ValueError, match="must not exceed"):
        _option(900, minimum_amount_minor=2, maximum_amount_minor=1)


def test_what_everybody_may_fall_back_to_is_free_in_every_currency() -> None:
    costly = price(0).model_copy(update={"id": "free", "currency_options": {"JPY": _option(900)}})
    product = Product(id="team", name="Team", family="plan", free_fallback="free")
    with pytest.raises(ValueError, match="is not free"):
        Catalog(products=(product,), prices=(costly,))


def test_what_replaces_a_price_is_sold_in_all_of_its_currencies() -> None:
    product = Product(id="team", name="Team", family="plan")
    old = price(also={"EUR": 1500})
    new = price(also={"JPY": 2400}).model_copy(update={"id": "newer"})
    with pytest.raises(ValueError, match="'newer' is in USD, JPY; name a price in EUR"):
        Catalog(products=(product,), prices=(old, new), replacements={old.id: "newer"})


def test_a_subscription_is_billed_in_the_currency_that_was_chosen() -> None:
    for currency, each in ((None, "USD 160.00"), ("EUR", "EUR 150.00"), ("JPY", "JPY 24,000")):
        running = _buying(currency, until="2026-06-15")
        invoices = running.books.invoices.values()
        assert [str(booked.draft.total) for booked in invoices] == [each] * 3


def test_an_upgrade_is_paid_in_the_subscription_s_currency() -> None:
    running = _buying("EUR")
    plan = running.plan("business")
    assert (plan.kind, plan.target.currency) == (ChangeKind.UPGRADE, "EUR")
    assert str(plan.target.period_amount) == "EUR 230.00"
    assert running.upgrade("business") == [-10_000, 15_333]


def test_a_change_to_what_is_not_sold_in_it_is_refused() -> None:
    running = _buying("JPY")
    with pytest.raises(InvalidInput) as refused:
        running.plan("business")
    assert refused.value.code == "currency_not_sold"
    assert refused.value.message == "business is sold in USD, EUR, not in JPY"


@pytest.mark.parametrize(
    ("currency", "becomes"),
    [("EUR", SubscriptionStatus.ACTIVE), ("JPY", SubscriptionStatus.CANCELED)],
)
def test_dunning_falls_back_to_the_free_plan_where_it_is_sold_in_the_currency(
    currency: str, becomes: SubscriptionStatus
) -> None:
    product = Product(
        id="team",
        name="Team",
        family="plan",
        free_fallback="free",
        dunning=DunningPolicy(ladder=DunningLadder(final_action=FinalAction.DOWNGRADE_TO_FREE)),
    )
    running = Running(
        offer("team", 1600, product=product, also={"EUR": 1500, "JPY": 2400}),
        offer("free", 0, also={"EUR": 0}),
        start=at("2026-04-01"),
        currency=currency,
    )
    running.until("2026-04-15")
    running.until("2026-06-15", SOFT)
    assert running.status is becomes
    assert running.state.terms.currency == currency


@pytest.mark.parametrize(
    ("currency", "reason"), [("USD", None), ("EUR", None), ("JPY", SkipReason.CURRENCY)]
)
def test_a_migration_skips_who_pays_in_a_currency_that_the_new_price_lacks(
    currency: str, reason: SkipReason | None
) -> None:
    running = _buying(currency)
    old, new = (PriceVersion(price_id=each.price.id, version=1) for each in CATALOG)
    plan = MigrationPlan(
        migration_id="mig_1", sources=(old,), target=new, migrates_at=at("2026-05-20")
    )
    decisions = Decisions(plan, offer=CATALOG[1], sources={old: CATALOG[0].price})
    candidate = Candidate(state=running.state, segment=None, clock_at=None, is_told_elsewhere=False)
    decision = decisions.of(candidate, now=running.now)
    assert decision.reason is reason
    if reason is None:
        assert decision.effect is not None
        assert decision.effect.after == decision.target.period_amount
        assert decision.target.currency == currency


currencies = st.sampled_from(["USD", "EUR", "JPY", "KWD", "ISK", "HUF"])


@settings(deadline=None, max_examples=30)
@given(
    units=st.dictionaries(currencies, st.integers(1, 200), min_size=2),
    chosen=st.integers(0, 5),
    steps=st.lists(
        st.tuples(st.sampled_from(["up", "more", "down"]), st.integers(1, 40 * 86_400)), max_size=5
    ),
)
def test_in_every_catalog_and_currency_what_is_previewed_is_charged_and_the_books_balance(
    units: dict[str, int], chosen: int, steps: list[tuple[str, int]]
) -> None:
    """The cheaper price is sold in all of the currencies, the dearer one in all but the last."""
    smallest = {code: max(minimum_charge_minor(code), charge_step_minor(code)) for code in units}
    sold = {code: number * smallest[code] for code, number in units.items()}
    (first, minor), *others = sold.items()
    some = dict(others[:-1])
    running = Running(
        offer("team", minor, currency=first, also=dict(others)),
        offer("business", minor * 2, currency=first, also={c: m * 2 for c, m in some.items()}),
        start=at("2026-01-31"),
        currency=list(sold)[chosen % len(sold)],
    )
    currency = running.state.terms.currency
    running.until(running.now)
    for step, seconds in steps:
        running.until(running.now + timedelta(seconds=seconds))
        is_sold = step != "up" or currency in (first, *some)
        try:
            _take(running, step)
        except (Conflict, InvalidInput) as refused:
            assert (refused.code != "currency_not_sold") is is_sold  # noqa: PT017 - most are accepted
        else:
            assert is_sold
    running.until(running.now + timedelta(days=70))
    check_state(running)
    check_books(running)
    assert price_of(running.price_of(running.state.terms), running.state.terms.quantity) == (
        running.state.terms.period_amount
    )


def _take(running: Running, step: str) -> None:
    """What is previewed is what is charged."""
    if step == "down":
        running.change("team")
        return
    wanted = "business" if step == "up" else None
    more = None if step == "up" else 1
    plan = running.plan(wanted, more=more)
    charged = running.upgrade(wanted, more=more)
    assert charged == [line.amount.amount_minor for line in plan.lines]
    assert {line.amount.currency for line in plan.lines} <= {running.state.terms.currency}
