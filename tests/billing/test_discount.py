"""Discounts: the figures, the order, what is used up, and that nothing goes below zero."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.discount import (
    MOST_DISCOUNTS,
    Coupon,
    CouponDuration,
    Discountable,
    RedeemedDiscount,
    after_uses,
    check_redeemable,
    discounted,
    redeemed,
)
from billing.errors import Conflict, InvalidInput, PerennialError
from billing.money import Money

NOW = datetime(2026, 1, 17, 9, 30, tzinfo=UTC)


def coupon(coupon_id: str = "SPRING", **terms: object) -> Coupon:
    kind = {} if {"percent", "amount"} & terms.keys() else {"percent": Decimal(20)}
    named = {"id": coupon_id, "name": coupon_id.title(), "duration": CouponDuration.ONCE}
    return Coupon.model_validate(named | kind | terms)


def usd(minor: int) -> Money:
    return Money(amount_minor=minor, currency="USD")


def held(*coupons: Coupon) -> tuple[RedeemedDiscount, ...]:
    return tuple(RedeemedDiscount(coupon=each, redeemed_at=NOW) for each in coupons)


def taken(
    discounts: tuple[RedeemedDiscount, ...], *minors: int, number: int = 0, product: str = "team"
) -> tuple[list[int], tuple[RedeemedDiscount, ...]]:
    """What is taken off each amount, and the discounts afterwards."""
    amounts = [Discountable(product_id=product, amount_minor=minor) for minor in minors]
    found = discounted(amounts, discounts, currency="USD", period_number=number)
    by_amount = [sum(each.amount.amount_minor for each in line) for line in found.by_amount]
    return by_amount, after_uses(discounts, found.uses, period_number=number)


def test_twenty_percent_then_ten_dollars_off_160_is_118() -> None:
    both = held(coupon("A", percent=Decimal(20)), coupon("B", amount=usd(1000)))
    assert taken(both, 16_000)[0] == [4200]
    assert taken(both[::-1], 16_000)[0] == [4000]


def test_what_is_taken_off_an_invoice_is_shared_by_largest_remainder() -> None:
    assert taken(held(coupon(amount=usd(100))), 105, 105, 105)[0] == [34, 33, 33]


def test_a_coupon_for_some_products_discounts_those_alone() -> None:
    amounts = [Discountable(product_id=p, amount_minor=1000) for p in ("team", "pro", "team")]
    found = discounted(
        amounts,
        held(coupon(amount=usd(1500), products=("team",))),
        currency="USD",
        period_number=0,
    )
    assert [sum(d.amount.amount_minor for d in line) for line in found.by_amount] == [750, 0, 750]


def test_once_is_used_up_by_the_first_invoice_that_it_discounts() -> None:
    discounts = held(coupon())
    nothing, discounts = taken(discounts, 0)
    assert (nothing, discounts[0].is_used_up) == ([0], False)
    first, discounts = taken(discounts, 1000)
    assert (first, discounts[0].is_used_up) == ([200], True)
    assert taken(discounts, 1000)[0] == [0]


def test_repeating_counts_invoices_and_forever_does_not() -> None:
    discounts = held(
        coupon("A", duration=CouponDuration.REPEATING, invoices=2),
        coupon("B", duration=CouponDuration.FOREVER, amount=usd(50)),
    )
    amounts = []
    for number in range(4):
        by_amount, discounts = taken(discounts, 1000, number=number)
        amounts.append(by_amount[0])
    assert amounts == [250, 250, 50, 50]


def test_the_rest_of_an_amount_is_lost_unless_the_coupon_carries_it_over() -> None:
    lost = held(coupon(amount=usd(500)))
    first, lost = taken(lost, 300)
    assert (first, taken(lost, 300, number=1)[0]) == ([300], [0])
    kept = held(coupon(amount=usd(500), carries_over=True))
    first, kept = taken(kept, 300)
    assert (first, kept[0].is_used_up) == ([300], False)
    second, kept = taken(kept, 300, number=1)
    assert (second, kept[0].is_used_up) == ([200], True)


def test_an_amount_comes_again_in_its_period_for_the_share_that_is_asked_for() -> None:
    discounts = held(coupon(amount=usd(1000), duration=CouponDuration.FOREVER))
    _, discounts = taken(discounts, 16_000, number=3)

    def again(share: Fraction, number: int) -> int:
        found = discounted(
            [Discountable(product_id="team", amount_minor=12_000)],
            discounts,
            currency="USD",
            period_number=number,
            again=share,
        )
        return sum(each.amount.amount_minor for line in found.by_amount for each in line)

    assert [again(Fraction(1, 2), 3), again(Fraction(0), 3), again(Fraction(0), 4)] == [
        500,
        0,
        1000,
    ]


@given(
    st.lists(st.integers(-1000, 10**6), min_size=1, max_size=5),
    st.lists(
        st.one_of(
            st.decimals("0.000001", 100, places=6).map(lambda p: coupon(percent=p)),
            st.integers(1, 10**6).map(lambda minor: coupon(amount=usd(minor))),
        ),
        max_size=4,
    ),
)
def test_no_amount_goes_below_zero_and_every_share_sums_to_its_whole(
    minors: list[int], coupons: list[Coupon]
) -> None:
    named = tuple(c.model_copy(update={"id": f"C{i}"}) for i, c in enumerate(coupons))
    found = discounted(
        [Discountable(product_id="team", amount_minor=minor) for minor in minors],
        held(*named),
        currency="USD",
        period_number=0,
    )
    for minor, shares in zip(minors, found.by_amount, strict=True):
        assert all(share.amount.amount_minor > 0 for share in shares)
        assert sum(share.amount.amount_minor for share in shares) <= max(minor, 0)
    left = sum(max(minor, 0) for minor in minors)
    for each in named:
        cut = sum(
            share.amount.amount_minor
            for shares in found.by_amount
            for share in shares
            if share.coupon_id == each.id
        )
        if each.amount is not None:
            assert cut == min(each.amount.amount_minor, left)
        else:
            assert abs(Fraction(cut) - left * Fraction(each.percent or 0) / 100) <= Fraction(1, 2)
        left -= cut


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"redeem_by": NOW}, "coupon_expired"),
        ({"products": ("pro",)}, "coupon_not_applicable"),
        ({"amount": Money(amount_minor=100, currency="EUR")}, "coupon_not_applicable"),
    ],
)
def test_a_coupon_is_refused_when_it_is_redeemed(changes: dict[str, object], code: str) -> None:
    with pytest.raises(PerennialError) as refused:
        check_redeemable(coupon("SPRING", **changes), product_ids=["team"], currency="USD", at=NOW)
    assert refused.value.code == code


def test_a_coupon_for_one_of_what_is_bought_can_be_redeemed() -> None:
    for covered in ("team", "onboarding"):
        check_redeemable(
            coupon(products=(covered,)),
            product_ids=["team", "onboarding"],
            currency="USD",
            at=NOW,
        )


def test_a_coupon_is_redeemed_once_and_only_so_many_are() -> None:
    discounts = redeemed((), coupon(), NOW)
    with pytest.raises(Conflict, match="coupon_redeemed_already"):
        redeemed(discounts, coupon(), NOW)
    for number in range(MOST_DISCOUNTS - 1):
        discounts = redeemed(discounts, coupon(f"C{number}"), NOW)
    with pytest.raises(Conflict, match="too_many_discounts"):
        redeemed(discounts, coupon("MORE"), NOW)


@pytest.mark.parametrize(
    "terms",
    [
        {"percent": Decimal(0)},
        {"percent": Decimal(101)},
        {"percent": None},
        {"percent": Decimal(10), "amount": {"amount_minor": 100, "currency": "USD"}},
        {"amount": {"amount_minor": 0, "currency": "USD"}},
        {"duration": "repeating"},
        {"invoices": 3},
        {"carries_over": True},
        {"id": "two words"},
    ],
)
def test_a_coupon_that_makes_no_sense_is_none(terms: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"coupon|invoices|carries_over|percent|pattern"):
        coupon("SPRING", **terms)


def test_the_refusals_are_of_the_kind_that_callers_expect() -> None:
    with pytest.raises(InvalidInput):
        check_redeemable(coupon(products=("pro",)), product_ids=["team"], currency="USD", at=NOW)
