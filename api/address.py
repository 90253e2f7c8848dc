"""Addresses and VAT ids as callers write them: what decides which tax is charged.

Owns their shapes, and what they must be together. Does not own the form of a VAT id
(`adapters.vat_number`) nor what follows for tax (`billing.tax`).
"""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from adapters.vat_number import checked_vat_id
from api.fields import Body, Name, example
from billing.address import Address
from billing.country import COUNTRIES
from billing.errors import InvalidInput


def _country(code: str) -> str:
    if code not in COUNTRIES:
        raise PydanticCustomError(
            "unknown_country", "write the upper-case ISO 3166-1 code of a country, such as DE"
        )
    return code


Country = Annotated[
    str, AfterValidator(_country), WithJsonSchema({"type": "string", "enum": sorted(COUNTRIES)})
]
Region = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,3}$")]
VatId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9 .\-]{4,30}$")]
PostalCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9 \-]{1,16}$")]


class AddressInput(Body):
    """Where a customer is. The country, and in some the region, decide which tax is charged."""

    model_config = example(
        {"country": "US", "region": "NY", "city": "New York", "postal_code": "10001"}
    )

    country: Country = Field(description="ISO 3166-1 alpha-2", examples=["US"])
    region: Region | None = Field(
        default=None,
        description="What follows the country in ISO 3166-2: `NY` of `US-NY`",
        examples=["NY"],
    )
    line1: Name | None = None
    line2: Name | None = None
    postal_code: PostalCode | None = None
    city: Name | None = None

    @property
    def address(self) -> Address:
        """As the rules know it."""
        return Address.model_validate(self.model_dump())


class AddressView(BaseModel):
    """Where a customer is."""

    country: str = Field(examples=["US"])
    region: str | None = Field(examples=["NY"])
    line1: str | None
    line2: str | None
    postal_code: str | None
    city: str | None

    @classmethod
    def of(cls, address: Address) -> Self:
        """The address."""
        return cls.model_validate(address.model_dump())


def checked_tax_fields(address: Address | None, vat_id: str | None) -> str | None:
    """The VAT id as it is stored.

    Raises `InvalidInput` (`vat_id_needs_country`, `vat_id_malformed`, `vat_id_unsupported`).
    """
    if vat_id is None:
        return None
    if address is None:
        raise InvalidInput(
            "vat_id_needs_country", "a VAT id is of a country: write the customer's address too"
        )
    return checked_vat_id(vat_id, country=address.country)
