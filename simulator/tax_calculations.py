"""Tax calculations: what would be charged on some amounts, to somebody somewhere.

Owns the object and how it is worked out; nothing is kept of it. Does not own the rates
(`tax_registrations`). Source: https://docs.stripe.com/api/tax/calculations and, for what has to be
known of an address, https://docs.stripe.com/tax/customer-locations
"""

import re
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, JsonValue

from simulator.addresses import Address, AddressParameters
from simulator.document import JsonObject
from simulator.errors import InvalidRequest
from simulator.parameters import Currency, FormInteger, FormList, ParameterHash, Parameters, Text
from simulator.resource import Fields, Resource, new_id
from simulator.tax_registrations import (
    EU,
    PRESET_TAX_CODE,
    REGISTRATIONS,
    STATE_OF_POSTAL_CODE,
    TAX_CODES,
    Level,
    Rate,
    TaxType,
)

if TYPE_CHECKING:
    from simulator.operation import Operation

_SECONDS_A_DATE_MAY_BE_OFF = 31 * 86_400
_SECONDS_KEPT = 90 * 86_400
_MOST_LINES = 100
_MOST_SHOWN = 10

_TAX_IDS = {
    "ch_vat": re.compile(r"CHE-\d{3}\.\d{3}\.\d{3} (MWST|TVA|IVA)"),
    "eu_vat": re.compile(r"[A-Z]{2}[0-9A-Z+*]{2,12}"),
    "gb_vat": re.compile(r"GB([0-9]{9}|[0-9]{12}|GD[0-9]{3}|HA[0-9]{3})"),
    "no_vat": re.compile(r"[0-9]{9}MVA"),
}

Override = Literal["customer_exempt", "none", "reverse_charge"]
Reason = Literal[
    "customer_exempt",
    "not_collecting",
    "product_exempt",
    "reverse_charge",
    "standard_rated",
    "taxable_basis_reduced",
]


class Jurisdiction(Fields):
    """Who charges."""

    country: str
    display_name: str
    level: Level
    state: str | None


class RateDetails(Fields):
    """What is charged."""

    display_name: str
    percentage_decimal: str
    tax_type: TaxType


class Breakdown(Fields):
    """One authority's part of a line's tax, or why there is none."""

    amount: int
    jurisdiction: Jurisdiction
    sourcing: Literal["destination"] = "destination"
    tax_rate_details: RateDetails | None
    taxability_reason: Reason
    taxable_amount: int


class LineItem(Fields):
    """One amount with its tax."""

    amount: int
    amount_tax: int
    id: str
    livemode: bool
    metadata: None = None
    object: Literal["tax.calculation_line_item"] = "tax.calculation_line_item"
    performance_location: None = None
    product: None = None
    quantity: int
    reference: str
    tax_behavior: Literal["exclusive"]
    tax_breakdown: list[Breakdown]
    tax_code: str


class TaxId(Fields):
    """A tax id as it was given; Stripe does not look whether it exists."""

    type: Literal["ch_vat", "eu_vat", "gb_vat", "no_vat"]
    value: str


class Details(Fields):
    """The customer as the request said."""

    address: Address
    address_source: Literal["billing", "shipping"]
    ip_address: None = None
    tax_ids: list[TaxId]
    taxability_override: Override


class Calculation(Resource):
    """The answer; Stripe gives it no time of creation."""

    KIND: ClassVar[str] = "tax.calculation"
    NOUN: ClassVar[str] = "tax calculation"
    PREFIX: ClassVar[str] = "taxcalc"

    object: Literal["tax.calculation"] = "tax.calculation"
    amount_total: int
    currency: str
    customer: None = None
    customer_details: Details
    expires_at: int
    line_items: list[LineItem]
    ship_from_details: None = None
    shipping_cost: None = None
    tax_amount_exclusive: int
    tax_amount_inclusive: int = 0
    tax_breakdown: list[Breakdown] = Field(default_factory=list)
    """Empty: the lines have it all."""
    tax_date: int

    def public(self) -> JsonObject:
        """As the API shows it: the lines are a list of its own address."""
        shown = super().public()
        del shown["created"]
        lines: list[JsonValue] = [line.model_dump(mode="json") for line in self.line_items]
        shown["line_items"] = {
            "object": "list",
            "data": lines[:_MOST_SHOWN],
            "has_more": len(lines) > _MOST_SHOWN,
            "url": f"/v1/tax/calculations/{self.id}/line_items",
        }
        return shown


class TaxIdParameters(ParameterHash):
    """A tax id in a request."""

    type: Literal["ch_vat", "eu_vat", "gb_vat", "no_vat"]
    value: Text


class DetailsParameters(ParameterHash):
    """The customer in a request."""

    address: AddressParameters
    address_source: Literal["billing", "shipping"]
    tax_ids: FormList[TaxIdParameters] = ()
    taxability_override: Override = "none"


class LineParameters(ParameterHash):
    """An amount in a request."""

    amount: FormInteger
    quantity: FormInteger = 1
    reference: Text | None = None
    tax_behavior: Literal["exclusive"] = "exclusive"
    tax_code: Text | None = None


class CreateParameters(Parameters):
    """What is calculated from."""

    currency: Currency
    customer_details: DetailsParameters
    line_items: FormList[LineParameters] = Field(min_length=1, max_length=_MOST_LINES)
    tax_date: FormInteger | None = None


def create(operation: "Operation", _: str, parameters: CreateParameters) -> Calculation:
    """The calculation.

    Raises InvalidRequest where the address says too little, or a tax id has not its type's form.
    """
    details = parameters.customer_details
    for number, tax_id in enumerate(details.tax_ids):
        if not _TAX_IDS[tax_id.type].fullmatch(tax_id.value):
            raise InvalidRequest(
                f"Invalid value for {tax_id.type}.",
                code="tax_id_invalid",
                param=f"customer_details[tax_ids][{number}][value]",
            )
    address = details.address.address()
    if address.country is None:
        raise InvalidRequest("Missing required param: country.", param="customer_details[address]")
    state = _state(address)
    tax_date = operation.now if parameters.tax_date is None else parameters.tax_date
    if abs(tax_date - operation.now) > _SECONDS_A_DATE_MAY_BE_OFF:
        raise InvalidRequest("The tax date is more than 31 days away.", param="tax_date")
    lines = [
        _line(operation, number, line, address.country, state, details)
        for number, line in enumerate(parameters.line_items)
    ]
    tax = sum(line.amount_tax for line in lines)
    return Calculation(
        id=new_id(Calculation.PREFIX),
        created=operation.now,
        livemode=operation.livemode,
        amount_total=sum(line.amount for line in lines) + tax,
        currency=parameters.currency,
        customer_details=Details(
            address=address,
            address_source=details.address_source,
            tax_ids=[TaxId(type=each.type, value=each.value) for each in details.tax_ids],
            taxability_override=details.taxability_override,
        ),
        expires_at=operation.now + _SECONDS_KEPT,
        line_items=lines,
        tax_amount_exclusive=tax,
        tax_date=tax_date,
    )


def _state(address: Address) -> str | None:
    """Of the countries that have one for taxes; from the postal code where it is not said."""
    country, code = address.country or "", address.postal_code or ""
    if country not in {"US", "CA"}:
        return None
    if not code and (country == "US" or not address.state):
        raise InvalidRequest(
            "We could not determine the customer's tax location based on the provided customer"
            " address.",
            code="customer_tax_location_invalid",
            param="customer_details[address]",
        )
    return address.state or STATE_OF_POSTAL_CODE.get((country, code[:2]))


def _line(
    operation: "Operation",
    number: int,
    line: LineParameters,
    country: str,
    state: str | None,
    details: DetailsParameters,
) -> LineItem:
    code = line.tax_code or PRESET_TAX_CODE
    if code not in TAX_CODES:
        raise InvalidRequest(f"Invalid tax code: {code}", param=f"line_items[{number}][tax_code]")
    breakdown = _breakdown(line.amount, code, country, state, details)
    return LineItem(
        amount=line.amount,
        amount_tax=sum(each.amount for each in breakdown),
        id=new_id("tax_li"),
        livemode=operation.livemode,
        quantity=line.quantity,
        reference=line.reference or f"L{number + 1}",
        tax_behavior=line.tax_behavior,
        tax_breakdown=breakdown,
        tax_code=code,
    )


def _breakdown(
    amount: int, code: str, country: str, state: str | None, details: DetailsParameters
) -> list[Breakdown]:
    rates = REGISTRATIONS.get((country, state), ())
    where = Jurisdiction(
        country=country,
        display_name=rates[0].place if rates else country,
        level=rates[0].level if rates else "country",
        state=state,
    )
    reason = _why_nothing(rates, code, country, details)
    if reason is not None:
        return [
            Breakdown(
                amount=0,
                jurisdiction=where,
                tax_rate_details=None,
                taxability_reason=reason,
                taxable_amount=0,
            )
        ]
    return [_charged(rate, amount, country, state) for rate in rates]


def _why_nothing(
    rates: tuple[Rate, ...], code: str, country: str, details: DetailsParameters
) -> Reason | None:
    has_vat_id = any(each.type == "eu_vat" for each in details.tax_ids)
    if not rates:
        return "not_collecting"
    if details.taxability_override == "customer_exempt":
        return "customer_exempt"
    if details.taxability_override == "reverse_charge" or (has_vat_id and country in EU):
        return "reverse_charge"
    return None if TAX_CODES[code] else "product_exempt"


def _charged(rate: Rate, amount: int, country: str, state: str | None) -> Breakdown:
    taxable, tax = rate.on(amount)
    return Breakdown(
        amount=tax,
        jurisdiction=Jurisdiction(
            country=country, display_name=rate.place, level=rate.level, state=state
        ),
        tax_rate_details=RateDetails(
            display_name=rate.display_name,
            percentage_decimal=rate.percentage,
            tax_type=rate.tax_type,
        ),
        taxability_reason="standard_rated" if rate.share == 1 else "taxable_basis_reduced",
        taxable_amount=taxable,
    )
