"""Stripe Tax: what is charged where, and what an address has to say."""

import pytest
import stripe
from stripe.params.tax import CalculationCreateParamsCustomerDetails
from stripe.tax import Calculation

from tests.simulator.conftest import Simulator

_NEW_YORK: CalculationCreateParamsCustomerDetails = {
    "address": {"country": "US", "state": "NY", "postal_code": "10001"},
    "address_source": "billing",
}


async def _calculated(
    simulator: Simulator,
    details: CalculationCreateParamsCustomerDetails,
    *codes: str,
    expand: tuple[str, ...] = ("line_items.data.tax_breakdown",),
) -> Calculation:
    return await simulator.v1.tax.calculations.create_async(
        {
            "currency": "usd",
            "line_items": [
                {"amount": 10_000, "reference": code, "tax_code": code}
                for code in codes or ("txcd_10103001",)
            ],
            "customer_details": details,
            "expand": list(expand),
        }
    )


async def test_every_authority_has_its_part(simulator: Simulator) -> None:
    calculation = await _calculated(simulator, _NEW_YORK)
    assert calculation.line_items is not None
    [line] = calculation.line_items.data
    assert (line.amount_tax, calculation.amount_total) == (888, 10_888)
    assert [part.jurisdiction.level for part in line.tax_breakdown or ()] == [
        "state",
        "city",
        "district",
    ]


async def test_lines_and_their_breakdown_are_shown_on_demand_alone(simulator: Simulator) -> None:
    bare = await _calculated(simulator, _NEW_YORK, expand=())
    assert bare.line_items is None
    lines = (await _calculated(simulator, _NEW_YORK, expand=("line_items",))).line_items
    assert lines is not None
    assert lines.data[0].tax_breakdown is None


async def test_what_is_taxed_in_part_says_which_part(simulator: Simulator) -> None:
    details: CalculationCreateParamsCustomerDetails = {
        "address": {"country": "US", "postal_code": "78701"},
        "address_source": "billing",
    }
    lines = (await _calculated(simulator, details)).line_items
    assert lines is not None
    [state, city] = lines.data[0].tax_breakdown or []
    assert (state.taxable_amount, state.amount, city.amount) == (8000, 500, 160)
    assert state.taxability_reason == "taxable_basis_reduced"


@pytest.mark.parametrize(
    ("details", "code", "reason"),
    [
        ({"address": {"country": "BR"}}, "txcd_10103001", "not_collecting"),
        ({"address": {"country": "DE"}}, "txcd_00000000", "product_exempt"),
        (
            {"address": {"country": "DE"}, "taxability_override": "customer_exempt"},
            "txcd_10103001",
            "customer_exempt",
        ),
        (
            {
                "address": {"country": "FR"},
                "tax_ids": [{"type": "eu_vat", "value": "FR23334175221"}],
            },
            "txcd_10103001",
            "reverse_charge",
        ),
    ],
)
async def test_where_nothing_is_charged_the_reason_is_said(
    simulator: Simulator,
    details: CalculationCreateParamsCustomerDetails,
    code: str,
    reason: str,
) -> None:
    details["address_source"] = "billing"
    lines = (await _calculated(simulator, details, code)).line_items
    assert lines is not None
    [part] = lines.data[0].tax_breakdown or []
    assert (part.taxability_reason, part.amount, part.tax_rate_details) == (reason, 0, None)


@pytest.mark.parametrize("address", [{"country": "US", "state": "NY"}, {"country": "CA"}])
async def test_an_address_that_says_too_little_is_refused(
    simulator: Simulator, address: dict[str, str]
) -> None:
    details: CalculationCreateParamsCustomerDetails = {"address_source": "billing"}
    details["address"] = {"country": address["country"]}
    if "state" in address:
        details["address"]["state"] = address["state"]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await _calculated(simulator, details)
    assert refused.value.code == "customer_tax_location_invalid"


async def test_a_code_that_does_not_exist_is_refused(simulator: Simulator) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Invalid tax code"):
        await _calculated(simulator, _NEW_YORK, "txcd_1")
