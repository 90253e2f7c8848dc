"""Tax as Stripe Tax has it: the rates that it would charge a customer (policy P4).

Owns one question, a calculation over a round amount of each tax code that is sold, and what its
answer means to us. Amounts are computed by our own rules, whoever knows the rates
(`billing.assessment`). Does not own who the customer is (`adapters.db.queries.buyers`), nor the
filing of taxes: nothing is recorded as a tax transaction at Stripe.
Source: https://docs.stripe.com/tax/custom and https://docs.stripe.com/tax/customer-locations
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from stripe import StripeClient
from stripe.params.tax import (
    CalculationCreateParamsCustomerDetails,
    CalculationCreateParamsCustomerDetailsAddress,
    CalculationCreateParamsLineItem,
)
from stripe.tax import CalculationLineItem

from adapters.stripe.failure import stripe_errors
from billing.address import Address
from billing.errors import (
    GatewayRefused,
    GatewayUnreachable,
    InvalidInput,
    PerennialError,
)
from billing.ports.tax import Buyer, TaxStanding
from billing.tax import EU, UNTAXED, Taxation, TaxReason, TaxTreatment

TAX_CODE_PREFIX: Final = "txcd_"
"""A tax category that begins so is Stripe's tax code; any other is what the account presets."""

_SAMPLE_MINOR: Final = 100_000
"""A thousand dollars; of what is taxed in part, the part comes out to a thousandth of a percent."""
_FARTHEST: Final = timedelta(days=30)
"""Stripe answers for 31 days around its own present."""
_PATIENCE: Final = timedelta(seconds=10)
"""For an answer: somebody may wait for it, with a subscription's lock held."""
_REMEMBERED_FOR: Final = timedelta(hours=1)
_MOST_REMEMBERED: Final = 10_000
_PRESET: Final = "otherwise"
_MOST_LINES: Final = 10
"""What Stripe lists within an object without further pages."""
_OF_TAX_CODE: Final = re.compile(r"line_items\[(\d+)\]\[tax_code\]")
_NOT_ENOUGH: Final = "customer_tax_location_invalid"
_RATE_DIGITS: Final = Decimal("0.000001")
_VAT_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    dict.fromkeys(EU, "eu_vat") | {"GB": "gb_vat", "CH": "ch_vat", "NO": "no_vat"}
)
"""What Stripe calls the VAT ids that `adapters.vat_number` knows; others are not sent."""
_REASONS: Final[Mapping[str, TaxReason]] = MappingProxyType(
    {"reverse_charge": TaxReason.REVERSE_CHARGE, "customer_exempt": TaxReason.EXEMPT}
)


class StripeTaxRates:
    """Implements `billing.ports.tax.TaxRates`; one request answers for an hour and for its day."""

    def __init__(
        self,
        client: StripeClient,
        *,
        buyer: Callable[[str], Awaitable[Buyer | None]],
        real_now: Callable[[], datetime],
        patience: timedelta = _PATIENCE,
    ) -> None:
        """`buyer` knows customers with an address; `real_now` is about Stripe's present."""
        self._calculations = client.v1.tax.calculations
        self._buyer = buyer
        self._real_now = real_now
        self._patience = patience
        self._remembered: dict[tuple[Buyer, datetime], tuple[datetime, Taxation]] = {}

    async def taxation(
        self, customer_id: str, at: datetime, *, standing: TaxStanding | None = None
    ) -> Taxation:
        """How the customer is taxed on the day of `at`, or on the nearest that Stripe answers for.

        Customers without a country are not. Raises `InvalidInput` (`tax_location_invalid`) where
        the address says too little, and `GatewayUnavailable`.
        """
        del standing  # says less than Stripe asks for
        buyer = await self._buyer(customer_id)
        if buyer is None:
            return UNTAXED
        now = self._real_now()
        day = min(max(at, now - _FARTHEST), now + _FARTHEST).replace(
            hour=12, minute=0, second=0, microsecond=0
        )
        known = self._remembered.get((buyer, day))
        if known is not None and now - known[0] < _REMEMBERED_FOR:
            return known[1]
        taxation = await self._ask(buyer, day)
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[buyer, day] = (now, taxation)
        return taxation

    async def _ask(self, buyer: Buyer, day: datetime) -> Taxation:
        """Of every tax code; one that Stripe does not know is no obstacle for the others."""
        codes = [each for each in buyer.categories if each.startswith(TAX_CODE_PREFIX)]
        unknown: list[str] = []
        treatments: dict[str | None, TaxTreatment | None] = {}
        while wanted := [code for code in (None, *codes) if code not in treatments]:
            asked = wanted[:_MOST_LINES]
            try:
                lines = await self._calculate(buyer, day, asked)
            except GatewayRefused as refused:
                wrong = _refused_code(refused, asked)
                if wrong is None:
                    raise _told(refused) from None
                codes.remove(wrong)
                unknown.append(wrong)
                continue
            for code, line in zip(asked, lines, strict=True):
                treatments[code] = _treatment(line, buyer.address)
        otherwise = treatments.pop(None)
        by_category = {code: each for code, each in treatments.items() if code is not None}
        return Taxation(by_category=by_category, otherwise=otherwise, unknown=tuple(unknown))

    async def _calculate(
        self, buyer: Buyer, day: datetime, codes: Sequence[str | None]
    ) -> list[CalculationLineItem]:
        try:
            with stripe_errors():
                async with asyncio.timeout(self._patience.total_seconds()):
                    calculation = await self._calculations.create_async(
                        {
                            "currency": "usd",
                            "line_items": [_line(code) for code in codes],
                            "customer_details": _details(buyer),
                            "tax_date": int(day.timestamp()),
                            "expand": ["line_items.data.tax_breakdown"],
                        }
                    )
        except TimeoutError:
            raise GatewayUnreachable("gateway_unreachable", "Stripe did not answer") from None
        lines = () if calculation.line_items is None else calculation.line_items.data
        by_reference = {line.reference: line for line in lines}
        return [by_reference[code or _PRESET] for code in codes]


def _line(code: str | None) -> CalculationCreateParamsLineItem:
    line: CalculationCreateParamsLineItem = {
        "amount": _SAMPLE_MINOR,
        "reference": code or _PRESET,
        "tax_behavior": "exclusive",
    }
    if code is not None:
        line["tax_code"] = code
    return line


def _refused_code(refused: GatewayRefused, asked: Sequence[str | None]) -> str | None:
    """The tax code that Stripe does not know, if that is why it refused."""
    found = _OF_TAX_CODE.fullmatch(str(refused.details.get("param")))
    return None if found is None else asked[int(found[1])]


def _told(refused: GatewayRefused) -> PerennialError:
    """What is to be said of a refusal."""
    if refused.code != _NOT_ENOUGH:
        return refused
    return InvalidInput(
        "tax_location_invalid",
        "the customer's address is not enough to know the tax: the United States need a"
        " postal code, Canada that or a province",
    )


def _details(buyer: Buyer) -> CalculationCreateParamsCustomerDetails:
    address = buyer.address
    where: CalculationCreateParamsCustomerDetailsAddress = {"country": address.country}
    if address.region:
        where["state"] = address.region
    if address.postal_code:
        where["postal_code"] = address.postal_code
    if address.city:
        where["city"] = address.city
    if address.line1:
        where["line1"] = address.line1
    if address.line2:
        where["line2"] = address.line2
    details: CalculationCreateParamsCustomerDetails = {
        "address": where,
        "address_source": "billing",
    }
    kind = _VAT_TYPES.get(address.country)
    if buyer.vat_id is not None and kind is not None:
        details["tax_ids"] = [{"type": kind, "value": _as_written(address.country, buyer.vat_id)}]
    if buyer.is_exempt:
        details["taxability_override"] = "customer_exempt"
    return details


def _as_written(country: str, vat_id: str) -> str:
    """As Stripe wants it: `GB980780684`, `CHE-107.787.577 IVA`.

    Source: https://docs.stripe.com/invoicing/customer/tax-ids#supported-tax-id
    """
    match country:
        case "GB":
            return f"GB{vat_id}"
        case "CH":
            prefix, digits, name = vat_id[:3], vat_id[3:12], vat_id[12:]
            return f"{prefix}-{digits[:3]}.{digits[3:6]}.{digits[6:]} {name}"
        case _:
            return vat_id


def _treatment(line: CalculationLineItem, address: Address) -> TaxTreatment | None:
    """The sum of what all authorities charge; None where the seller does not collect.

    Of what is taxed in part, the rate is of that part.
    """
    breakdown = line.tax_breakdown or []
    for part in breakdown:
        reason = _REASONS.get(part.taxability_reason)
        if reason is not None:
            return TaxTreatment(
                jurisdiction=address.country, name="Tax", rate=Decimal(0), reason=reason
            )
    charged = [
        (part, part.tax_rate_details) for part in breakdown if part.tax_rate_details is not None
    ]
    rate = sum(
        (
            Decimal(details.percentage_decimal) * part.taxable_amount / line.amount
            for part, details in charged
        ),
        start=Decimal(0),
    )
    if not rate:
        return None
    states = {part.jurisdiction.state for part, _ in charged if part.jurisdiction.state}
    names = {details.display_name for _, details in charged}
    kinds = {details.tax_type for _, details in charged}
    return TaxTreatment(
        jurisdiction="-".join((address.country, *sorted(states))),
        name=names.pop() if len(names) == 1 else _joint_name(kinds),
        rate=rate.quantize(_RATE_DIGITS).normalize(),
    )


def _joint_name(kinds: set[str]) -> str:
    """Of several authorities' taxes: `Sales tax`."""
    return kinds.pop().replace("_", " ").capitalize() if len(kinds) == 1 else "Tax"
