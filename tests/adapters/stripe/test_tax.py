"""What Stripe Tax is asked, and what its answer comes to."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from adapters.stripe.client import connect_stripe
from adapters.stripe.tax import StripeTaxRates
from adapters.vat_number import checked_vat_id
from billing.address import Address
from billing.errors import GatewayRefused, GatewayUnavailable, InvalidInput
from billing.ports.tax import Buyer
from billing.tax import UNTAXED, TaxReason, TaxTreatment
from simulator.control import SimulatorControl
from simulator.faults import Fault
from simulator.tax_registrations import TAX_CODES
from tests.conftest import StripeSimulator

_PATIENCE = timedelta(seconds=1)
_SOFTWARE = "txcd_10103001"
_UNTAXABLE = "txcd_00000000"
_MANHATTAN = Address(country="US", region="NY", postal_code="10001", city="New York")


@dataclass(slots=True)
class TaxOffice:
    """Stripe Tax, the customers that ask, and a clock that the test moves."""

    control: SimulatorControl
    rates: StripeTaxRates
    buyers: dict[str, Buyer] = field(default_factory=dict)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    async def treatment(self, buyer: Buyer, category: str | None = None) -> TaxTreatment | None:
        self.buyers["cus_1"] = buyer
        return (await self.rates.taxation("cus_1", self.now)).of(category)

    async def questions(self) -> int:
        return len(await self.control.requests())


@pytest.fixture
async def office(simulator: StripeSimulator) -> AsyncIterator[TaxOffice]:
    async def buyer(customer_id: str) -> Buyer | None:
        return opened.buyers.get(customer_id)

    async with connect_stripe(api_key=simulator.api_key, api_base=simulator.base_url) as client:
        rates = StripeTaxRates(client, buyer=buyer, real_now=lambda: opened.now, patience=_PATIENCE)
        opened = TaxOffice(simulator.control, rates)
        yield opened


async def test_the_rate_is_what_all_authorities_charge_together(office: TaxOffice) -> None:
    treatment = await office.treatment(Buyer(address=_MANHATTAN))
    assert treatment == TaxTreatment(jurisdiction="US-NY", name="Sales tax", rate=Decimal("8.875"))


async def test_of_what_is_taxed_in_part_the_rate_is_of_that_part(office: TaxOffice) -> None:
    texas = Address(country="US", postal_code="78701")
    treatment = await office.treatment(Buyer(address=texas))
    assert treatment == TaxTreatment(jurisdiction="US-TX", name="Sales tax", rate=Decimal("6.6"))


async def test_each_tax_code_has_its_rate_and_other_categories_the_presets(
    office: TaxOffice,
) -> None:
    berlin = Buyer(address=Address(country="DE"), categories=(_SOFTWARE, _UNTAXABLE, "books"))
    vat = TaxTreatment(jurisdiction="DE", name="VAT", rate=Decimal(19))
    for category in (_SOFTWARE, "books"):
        sold = vat.model_copy(update={"category": category})
        assert await office.treatment(berlin, category) == sold
    assert await office.treatment(berlin, None) == vat
    assert await office.treatment(berlin, _UNTAXABLE) is None
    assert await office.questions() == 1


async def test_a_code_that_stripe_does_not_know_is_no_obstacle_for_the_others(
    office: TaxOffice,
) -> None:
    berlin = Buyer(address=Address(country="DE"), categories=("txcd_typo", _UNTAXABLE))
    assert await office.treatment(berlin, _UNTAXABLE) is None
    assert await office.treatment(berlin, None) is not None
    with pytest.raises(InvalidInput, match="txcd_typo") as refused:
        await office.treatment(berlin, "txcd_typo")
    assert refused.value.code == "tax_category_unknown"


async def test_however_many_codes_are_sold_each_has_its_rate(office: TaxOffice) -> None:
    codes = sorted(code for code, is_taxed in TAX_CODES.items() if is_taxed)
    everything = Buyer(address=Address(country="DE"), categories=(*codes, "otherwise", _UNTAXABLE))
    assert len(codes) > 10
    assert await office.treatment(everything, _UNTAXABLE) is None
    treatments = [await office.treatment(everything, code) for code in (*codes, "otherwise")]
    assert {each is not None and each.rate for each in treatments} == {Decimal(19)}
    assert await office.questions() == 2


@pytest.mark.parametrize(
    ("buyer", "reason"),
    [
        (
            Buyer(address=Address(country="FR"), vat_id="FR23334175221"),
            TaxReason.REVERSE_CHARGE,
        ),
        (Buyer(address=_MANHATTAN, is_exempt=True), TaxReason.EXEMPT),
    ],
)
async def test_why_nothing_is_charged_is_known(
    office: TaxOffice, buyer: Buyer, reason: TaxReason
) -> None:
    treatment = await office.treatment(buyer)
    assert treatment is not None
    assert (treatment.rate, treatment.reason) == (Decimal(0), reason)


@pytest.mark.parametrize(
    ("country", "written"),
    [
        ("GB", "GB 980 7806 84"),
        ("CH", "CHE-107.787.577 IVA"),
        ("NO", "NO 995 525 828 MVA"),
        ("GR", "EL 094259216"),
    ],
)
async def test_a_vat_id_is_told_as_stripe_writes_it(
    office: TaxOffice, country: str, written: str
) -> None:
    vat_id = checked_vat_id(written, country=country)
    await office.treatment(Buyer(address=Address(country=country), vat_id=vat_id))


async def test_a_vat_id_that_stripe_does_not_take_is_its_refusal(office: TaxOffice) -> None:
    with pytest.raises(GatewayRefused) as refused:
        await office.treatment(Buyer(address=Address(country="DE"), vat_id="136695976"))
    assert refused.value.code == "tax_id_invalid"


async def test_without_a_registration_or_an_address_there_is_no_tax(office: TaxOffice) -> None:
    assert await office.treatment(Buyer(address=Address(country="BR"))) is None
    assert await office.rates.taxation("cus_unknown", office.now) == UNTAXED


async def test_one_answer_is_good_for_an_hour_and_for_its_day(office: TaxOffice) -> None:
    buyer = Buyer(address=Address(country="DE"))
    office.now = office.now.replace(hour=3)
    for _ in range(3):
        await office.treatment(buyer)
    assert await office.questions() == 1
    office.now += timedelta(minutes=61)
    await office.treatment(buyer)
    assert await office.questions() == 2
    office.buyers["cus_1"] = buyer
    await office.rates.taxation("cus_1", office.now + timedelta(days=1))
    assert await office.questions() == 3


@pytest.mark.parametrize("away", [timedelta(days=-400), timedelta(days=400)])
async def test_a_day_too_far_away_is_asked_as_the_nearest(
    office: TaxOffice, away: timedelta
) -> None:
    office.buyers["cus_1"] = Buyer(address=Address(country="DE"))
    treatment = (await office.rates.taxation("cus_1", office.now + away)).of(None)
    assert treatment is not None
    assert treatment.rate == 19


async def test_an_address_that_says_too_little_is_named(office: TaxOffice) -> None:
    with pytest.raises(InvalidInput, match="postal code") as refused:
        await office.treatment(Buyer(address=Address(country="US", region="NY")))
    assert refused.value.code == "tax_location_invalid"


async def test_an_outage_of_stripe_is_one(office: TaxOffice) -> None:
    fault = {"kind": "server_error", "method": "POST", "path": "/v1/tax/calculations", "times": 1}
    await office.control.inject(Fault.model_validate(fault))
    buyer = Buyer(address=Address(country="DE"))
    with pytest.raises(GatewayUnavailable):
        await office.treatment(buyer)
    assert await office.treatment(buyer) is not None


async def test_whoever_waits_does_not_wait_for_long(office: TaxOffice) -> None:
    fault = {"kind": "timeout", "method": "POST", "path": "/v1/tax/calculations", "seconds": 5}
    await office.control.inject(Fault.model_validate(fault))
    with pytest.raises(GatewayUnavailable):
        await office.treatment(Buyer(address=Address(country="DE")))
