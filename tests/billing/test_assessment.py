"""Discounts and taxes of whole invoices, and of lives: the figures, and what always holds."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from billing.assessment import Assessment, ItemTerms, assessed
from billing.catalog import PauseMode, PausePolicy, Product
from billing.change import ChangeKind
from billing.credit_note import UnusedPart, amount_lines
from billing.discount import Coupon, CouponDuration, redeemed
from billing.errors import Conflict, InvalidInput
from billing.invoice import InvoiceDraft, InvoiceLine, InvoiceStatus
from billing.ledger import Account
from billing.money import Money
from billing.offer import Offer
from billing.period import Period
from billing.tax import Taxation, TaxReason, TaxTreatment
from billing.tax_line import tax_lines
from tests.billing.running import SOFT, Running, at, offer
from tests.billing.soundness import check_books
from tests.billing.test_discount import coupon, held, usd

APRIL = Period(start=at("2026-04-01"), end=at("2026-05-01"))
HALF = "2026-04-16"


def taxed(percent: str, jurisdiction: str = "US-NY") -> Taxation:
    return Taxation(otherwise=treatment(percent, jurisdiction))


def treatment(percent: str, jurisdiction: str = "US-NY") -> TaxTreatment:
    return TaxTreatment(jurisdiction=jurisdiction, rate=Decimal(percent))


def line(minor: int, currency: str = "USD") -> InvoiceLine:
    return InvoiceLine(
        description="Team",
        price_id="team_monthly",
        price_version=1,
        quantity=1,
        period=APRIL,
        amount=Money(amount_minor=minor, currency=currency),
    )


def sold(unit: int, name: str = "team", *, inclusive: bool = False) -> Offer:
    found = offer(name, unit)
    return found.model_copy(
        update={"price": found.price.model_copy(update={"tax_inclusive": inclusive})}
    )


def drafts(running: Running) -> list[InvoiceDraft]:
    return [booked.draft for booked in running.books.invoices.values()]


def taxes(lines: tuple[InvoiceLine, ...]) -> list[int]:
    return [0 if each.tax is None else each.tax.amount.amount_minor for each in lines]


def test_three_lines_of_1_05_at_8_875_percent_carry_28_cents() -> None:
    charge = assessed([line(105)] * 3, Assessment(product_id="team", treatment=treatment("8.875")))
    assert taxes(charge.lines) == [10, 9, 9]
    [tax] = tax_lines(charge.lines)
    assert (tax.taxable, tax.amount, tax.rate) == (usd(315), usd(28), Decimal("8.875"))


def test_lines_of_several_categories_at_one_rate_are_rounded_together() -> None:
    books, software = (
        treatment("8.875").model_copy(update={"category": category})
        for category in ("books", "software")
    )
    item = ItemTerms(item_id="item_1", product_id="novel", treatment=books)
    lines = [line(105), line(105).model_copy(update={"item_id": "item_1"}), line(105)]
    charge = assessed(lines, Assessment(product_id="team", treatment=software, items=(item,)))
    assert taxes(charge.lines) == [10, 9, 9]
    named = [each.tax and each.tax.category for each in charge.lines]
    assert named == ["software", "books", "software"]
    [tax] = tax_lines(charge.lines)
    assert (tax.amount, tax.category) == (usd(28), None)


def test_ten_euros_including_19_percent_are_split_by_subtraction() -> None:
    by = Assessment(product_id="team", treatment=treatment("19", "DE"), tax_inclusive=True)
    charge = assessed([line(1000, "EUR")], by)
    [tax] = tax_lines(charge.lines)
    assert (tax.taxable.amount_minor, tax.amount.amount_minor, tax.inclusive) == (840, 160, True)
    assert charge.lines[0].total.amount_minor == 1000


def test_tax_is_on_what_discounts_leave() -> None:
    by = Assessment(
        product_id="team",
        discounts=held(coupon("A"), coupon("B", amount=usd(1000))),
        treatment=treatment("10"),
    )
    [discounted] = assessed([line(16_000)], by).lines
    assert (discounted.net, discounted.total) == (usd(11_800), usd(12_980))


def test_an_upgrade_gives_back_what_a_discounted_price_was() -> None:
    running = Running(
        sold(1600),
        sold(2400, "business"),
        start=at("2026-04-01"),
        quantity=10,
        coupons=(coupon(percent=Decimal(50)),),
    )
    running.until(HALF)
    assert drafts(running)[0].total == usd(8000)
    assert running.upgrade("business") == [-4000, 12_000]
    assert drafts(running)[1].total == usd(8000)


def test_a_credit_has_the_rate_of_its_debit_and_a_debit_that_of_its_day() -> None:
    running = Running(
        sold(1600),
        sold(2400, "business"),
        start=at("2026-04-01"),
        quantity=10,
        taxation=taxed("8"),
    )
    running.until(HALF)
    running.taxation = taxed("8.875")
    plan = running.plan("business")
    assert taxes(plan.lines) == [-640, 1065]
    assert [tax.rate for tax in tax_lines(plan.lines)] == [Decimal(8), Decimal("8.875")]
    assert plan.total == usd(-8000 - 640 + 12_000 + 1065)
    running.upgrade("business")
    assert drafts(running)[1].total == plan.total
    assert running.books.posted(Account.TAX_PAYABLE) == -(1280 - 640 + 1065)


def test_of_one_rate_debits_and_credits_are_rounded_together() -> None:
    running = Running(
        sold(1099), sold(1999, "business"), start=at("2026-04-01"), taxation=taxed("8.875")
    )
    running.until(HALF)
    plan = running.plan("business")
    [tax] = tax_lines(plan.lines)
    net = sum(each.amount.amount_minor for each in plan.lines)
    assert tax.taxable == usd(net)
    assert abs(tax.amount.amount_minor - net * Fraction(8875, 100_000)) <= Fraction(1, 2)


def test_a_percentage_for_ever_is_of_a_changes_price_too() -> None:
    half = coupon(percent=Decimal(50), duration=CouponDuration.FOREVER)
    running = Running(
        sold(1600), sold(2400, "business"), start=at("2026-04-01"), quantity=10, coupons=(half,)
    )
    running.until(HALF)
    running.upgrade("business")
    assert drafts(running)[1].total == usd(-4000 + 6000)


def test_an_amount_off_every_period_is_worth_the_same_however_often_the_plan_changes() -> None:
    ten = coupon(amount=usd(1000), duration=CouponDuration.FOREVER)
    running = Running(
        sold(1600), sold(2400, "business"), start=at("2026-04-01"), quantity=10, coupons=(ten,)
    )
    running.until(HALF)
    running.upgrade("business")
    assert drafts(running)[1].total == usd(-7500 + 12_000 - 500)
    running.upgrade(more=1)
    assert drafts(running)[2].total == usd(1200)
    running.until("2026-05-01")
    assert drafts(running)[3].total == usd(26_400 - 1000)


def test_a_change_that_is_not_paid_uses_up_nothing() -> None:
    once = coupon(percent=Decimal(50))
    running = Running(sold(1600), sold(9600, "business"), start=at("2026-04-01"))
    running.until(HALF)
    running.hear(lambda state, now: state.changed(discounts=redeemed((), once, now)))
    running.change("business")
    running.until(running.now, SOFT)
    assert not running.state.discounts[0].is_used_up
    running.upgrade("business")
    assert running.state.discounts[0].is_used_up


def test_a_period_that_is_free_for_once_collects_nothing_and_the_next_one_all() -> None:
    free = coupon(percent=Decimal(100))
    running = Running(sold(1600), start=at("2026-04-01"), coupons=(free,), taxation=taxed("8.875"))
    running.until("2026-05-01")
    assert [draft.total for draft in drafts(running)] == [usd(0), usd(1742)]
    assert running.attempts == [at("2026-05-01")]


def test_a_refund_of_everything_gives_back_all_of_the_tax() -> None:
    running = Running(sold(1099), start=at("2026-04-01"), taxation=taxed("8.875"))
    running.until("2026-04-01")
    [draft] = drafts(running)
    for minor in (1, 333, 500, 363):
        debits = running.books.debits_of(draft.id)
        lines = amount_lines(debits, usd(minor), paid=draft.total)
        assert sum(each.total.amount_minor for each in lines) == minor
        running.books.give_back(lines, f"asked:{minor}", running.now, to_card=True)
    assert running.books.cash == 0
    assert running.books.posted(Account.TAX_PAYABLE) == 0
    assert running.books.posted(Account.DEFERRED_REVENUE) == 0


def test_a_void_invoice_owes_no_tax() -> None:
    running = Running(sold(1600), start=at("2026-04-01"), taxation=taxed("8.875"))
    running.until("2026-05-01")
    running.until("2026-05-17", SOFT)
    assert running.books.posted(Account.TAX_PAYABLE) == -2 * 142
    running.until("2026-06-20", SOFT)
    kept = [b for b in running.books.invoices.values() if b.status is not InvoiceStatus.VOID]
    assert running.books.posted(Account.TAX_PAYABLE) == -142 * len(kept)


def test_who_is_not_taxed_is_told_why() -> None:
    reverse = TaxTreatment(jurisdiction="FR", rate=Decimal(0), reason=TaxReason.REVERSE_CHARGE)
    [tax] = tax_lines(
        assessed([line(1000)], Assessment(product_id="team", treatment=reverse)).lines
    )
    assert (tax.amount, tax.taxable, tax.reason) == (usd(0), usd(1000), TaxReason.REVERSE_CHARGE)


_RATES = st.sampled_from(["0", "7", "8", "8.875", "19", "25.5", "100"])
_COUPONS = st.lists(
    st.one_of(
        st.builds(
            lambda percent, duration: coupon(percent=percent, duration=duration),
            st.decimals(1, 100, places=2),
            st.sampled_from([CouponDuration.ONCE, CouponDuration.FOREVER]),
        ),
        st.builds(
            lambda minor, duration, carries: coupon(
                amount=usd(minor), duration=duration, carries_over=carries
            ),
            st.integers(1, 20_000),
            st.sampled_from([CouponDuration.ONCE, CouponDuration.FOREVER]),
            st.booleans(),
        ),
    ),
    max_size=3,
).map(lambda found: tuple(c.model_copy(update={"id": f"C{i}"}) for i, c in enumerate(found)))


@settings(deadline=None, max_examples=40)
@given(
    coupons=_COUPONS,
    unit=st.integers(50, 5000),
    steps=st.lists(
        st.tuples(
            st.sampled_from(["more", "up", "down", "pause", "rate", "refund", "wait", "decline"]),
            st.integers(1, 20 * 86_400),
            _RATES,
        ),
        min_size=1,
        max_size=8,
    ),
    inclusive=st.booleans(),
)
def test_in_every_life_an_invoice_is_the_sum_of_its_parts_and_no_more_than_was_paid_goes_back(
    coupons: tuple[Coupon, ...],
    unit: int,
    steps: list[tuple[str, int, str]],
    inclusive: bool,  # noqa: FBT001 - drawn by name
) -> None:
    rests = Product(
        id="team", name="Team", family="plan", pause=PausePolicy(mode=PauseMode.KEEP_ANCHOR)
    )
    catalog = [
        each.model_copy(update={"product": rests})
        for each in (
            sold(unit, inclusive=inclusive),
            sold(unit * 2, "business", inclusive=inclusive),
        )
    ]
    running = Running(*catalog, start=at("2026-04-01"), coupons=coupons, taxation=taxed("8.875"))
    running.until("2026-04-01")
    for step, seconds, percent in steps:
        running.until(running.now + timedelta(seconds=seconds))
        if not running.state.has_ended:
            _take(running, step, percent)
    check_books(running)
    for draft in drafts(running):
        _check_parts(draft)
    if not running.state.has_ended:
        running.cancel_now(UnusedPart.CREDIT)
        check_books(running)


def _take(running: Running, step: str, percent: str) -> None:
    try:
        match step:
            case "more":
                _upgraded(running, more=1)
            case "up":
                _upgraded(running, "business")
            case "down":
                running.change("team")
            case "pause":
                running.pause(running.now + timedelta(days=3))
            case "rate":
                running.taxation = taxed(percent, f"US-{percent}")
            case "refund":
                _refund(running)
            case "decline":
                running.change("business")
                running.until(running.now, SOFT)
    except (Conflict, InvalidInput):
        return


def _upgraded(running: Running, price_id: str | None = None, *, more: int | None = None) -> None:
    """What is previewed is what is charged."""
    plan = running.plan(price_id, more=more)
    running.change(price_id, more=more)
    assert plan.kind in {ChangeKind.INCREASE, ChangeKind.UPGRADE}
    draft = drafts(running)[-1]
    assert (draft.lines[: len(plan.lines)], draft.uses) == (plan.lines, plan.uses)
    if running.state.change is not None:
        running.collect(running.state.change.invoice_id, None)


def _refund(running: Running) -> None:
    """Half of what is left of the last invoice."""
    draft = drafts(running)[-1]
    settled = running.books.settled(draft.id)
    half = settled.left.amount_minor // 2
    if running.books.invoices[draft.id].status is InvoiceStatus.PAID and half > 0:
        lines = amount_lines(running.books.debits_of(draft.id), usd(half), paid=settled.left)
        given = running.books.give_back(lines, f"refund:{running.now}", running.now)
        assert given.amount_minor == half


def _check_parts(draft: InvoiceDraft) -> None:
    subtotal = sum(each.amount.amount_minor for each in draft.lines)
    added = draft.tax.amount_minor - draft.tax_included.amount_minor
    assert draft.total.amount_minor == subtotal - draft.discount.amount_minor + added
    assert draft.tax == sum((tax.amount for tax in tax_lines(draft.lines)), usd(0))
    for each in draft.lines:
        assert 0 <= each.discount.amount_minor <= max(each.amount.amount_minor, 0)
    assert InvoiceDraft.model_validate_json(draft.model_dump_json()) == draft
