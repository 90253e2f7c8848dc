"""Somebody waits for what is taxed, and whoever knows the tax does not say it."""

from datetime import datetime
from decimal import Decimal

import pytest

from activities.change import BeginChange, ChangeBegun, ChangeRefused, Changing
from activities.foreseeing import foreseen
from activities.one_off_charge import ChargeItem, ItemCharged, ItemRefused, OneOffCharges
from activities.period_billing import Billed, BillPeriod, PeriodBilling
from adapters.db.engine import transactions, unit_of_work
from adapters.db.tables.invoice import invoices
from billing.catalog import Catalog, Product
from billing.change import ChangeRequest
from billing.errors import (
    GatewayFailed,
    GatewayRefused,
    GatewayUnavailable,
    InvalidInput,
    PerennialError,
)
from billing.invoice_item import InvoiceItem, InvoiceItemStatus, moment
from billing.money import Money
from billing.ports.tax import TaxStanding
from billing.price_model import PerUnit
from billing.subscription import ChangeResult, SubscriptionState
from billing.tax import UNTAXED, Taxation, TaxTreatment
from tests.activities.till import DUE_AT, Till
from tests.adapters.db.company import START, TEAM, subscribe, subscription, terms

_OUTAGE = GatewayFailed("gateway_failed", "Stripe failed")
_REFUSALS = [
    (InvalidInput("tax_location_invalid", "which state?"), "InvalidInput", "tax_location_invalid"),
    (GatewayRefused("tax_id_invalid", "Stripe refused"), "Conflict", "tax_refused"),
    (_OUTAGE, "Conflict", "tax_unavailable"),
]


class _Rates:
    """Implements `TaxRates`: some answer, or none."""

    def __init__(self, answer: Taxation | PerennialError) -> None:
        self.answer = answer

    async def taxation(
        self, customer_id: str, at: datetime, *, standing: TaxStanding | None = None
    ) -> Taxation:
        del customer_id, at, standing
        if isinstance(self.answer, PerennialError):
            raise self.answer
        return self.answer


@pytest.fixture
async def running(till: Till) -> SubscriptionState:
    await subscribe(till.engine)
    return subscription()


def _change(state: SubscriptionState, quantity: int) -> BeginChange:
    request = ChangeRequest(quantity=quantity)
    return BeginChange(state=state, change_id="chg_1", request=request, quote=None, now=START)


def _charge(state: SubscriptionState, minor: int = 2_500) -> ChargeItem:
    item = InvoiceItem(
        id="ii_1",
        customer_id=state.customer_id,
        subscription_id=state.subscription_id,
        description="Setup",
        quantity=1,
        amount=Money(amount_minor=minor, currency="USD"),
        period=moment(DUE_AT),
        created_at=DUE_AT,
    )
    return ChargeItem(state=state, item=item, now=DUE_AT)


@pytest.mark.parametrize(("answer", "error", "code"), _REFUSALS)
async def test_what_is_taxed_is_refused_and_nothing_is_written(
    till: Till, running: SubscriptionState, answer: PerennialError, error: str, code: str
) -> None:
    opened, rates = unit_of_work(till.engine), _Rates(answer)
    changing = Changing(open_transaction=opened, taxes=rates)
    more = await changing.begin_change(_change(running, 6))
    assert isinstance(more, ChangeRefused)
    charges = OneOffCharges(open_transaction=opened, taxes=rates)
    once = await charges.charge_item(_charge(running))
    assert isinstance(once, ItemRefused)
    assert {(each.error, each.code) for each in (more, once)} == {(error, code)}
    assert await till.count(invoices) == 0


async def test_what_costs_nothing_now_waits_for_no_tax(
    till: Till, running: SubscriptionState
) -> None:
    changing = Changing(open_transaction=unit_of_work(till.engine), taxes=_Rates(_OUTAGE))
    less = await changing.begin_change(_change(running, 4))
    assert isinstance(less, ChangeBegun)
    assert less.result is ChangeResult.SCHEDULED


@pytest.mark.parametrize("answer", [answer for answer, _, _ in _REFUSALS])
async def test_what_was_invoiced_is_never_refused_afterwards(
    till: Till, running: SubscriptionState, answer: PerennialError
) -> None:
    rates = _Rates(UNTAXED)
    changing = Changing(open_transaction=unit_of_work(till.engine), taxes=rates)
    charges = OneOffCharges(open_transaction=unit_of_work(till.engine), taxes=rates)
    begun = await changing.begin_change(_change(running, 6))
    charged = await charges.charge_item(_charge(running))
    rates.answer = answer
    with pytest.raises(GatewayUnavailable):
        await changing.begin_change(_change(running, 6))
    with pytest.raises(GatewayUnavailable):
        await charges.charge_item(_charge(running))
    rates.answer = UNTAXED
    assert (await changing.begin_change(_change(running, 6))).kind == begun.kind
    assert (await charges.charge_item(_charge(running))).kind == charged.kind
    assert await till.count(invoices) == 2


async def test_a_charge_that_its_tax_makes_too_large_is_refused(
    till: Till, running: SubscriptionState
) -> None:
    vat = Taxation(otherwise=TaxTreatment(jurisdiction="DE", name="VAT", rate=Decimal(19)))
    charges = OneOffCharges(open_transaction=unit_of_work(till.engine), taxes=_Rates(vat))
    refused = await charges.charge_item(_charge(running, 99_999_999))
    assert isinstance(refused, ItemRefused)
    assert refused.code == "amount_too_large"
    assert await till.count(invoices) == 0
    assert isinstance(await charges.charge_item(_charge(running, 80_000_000)), ItemCharged)


async def test_what_costs_nothing_is_billed_whatever_its_tax(till: Till) -> None:
    free = TEAM.model_copy(update={"model": PerUnit(unit_amount_minor=Decimal(0)), "version": 2})
    async with transactions(till.engine)() as tx:
        team = Product(id="team", name="Team", family="plan")
        await tx.catalog.put_on_sale(Catalog(products=(team,), prices=(free,)))
    costs = {"price_version": 2, "period_amount": Money.zero("USD")}
    state = subscription().model_copy(update={"terms": terms().model_copy(update=costs)})
    await subscribe(till.engine, state)
    address = InvalidInput("tax_location_invalid", "which state?")
    taxes, request = _Rates(address), BillPeriod(state=state, now=DUE_AT)
    billing = PeriodBilling(open_transaction=unit_of_work(till.engine), taxes=taxes)
    item = _charge(state).item
    async with transactions(till.engine)() as tx:
        await tx.items.add(item)
    with pytest.raises(InvalidInput):
        await billing.bill_period(request)
    async with transactions(till.engine)() as tx:
        assert (await tx.items.get("cus_1", item.id)).status is InvoiceItemStatus.PENDING
        assert await foreseen(unit_of_work(till.engine), _Rates(UNTAXED), "sub_1") is not None
        with pytest.raises(InvalidInput):
            await foreseen(unit_of_work(till.engine), taxes, "sub_1")
        await tx.items.cancel("cus_1", item.id, at=DUE_AT)
    assert await foreseen(unit_of_work(till.engine), taxes, "sub_1") is not None
    billed = await billing.bill_period(request)
    assert isinstance(billed, Billed)
    assert billed.amount_due.amount_minor == 0
