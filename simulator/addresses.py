"""Addresses and billing details, as several objects carry them.

Owns the fields and their parameters.
"""

from simulator.parameters import Clearable, Email, ParameterHash
from simulator.resource import Fields


class Address(Fields):
    """A postal address."""

    city: str | None = None
    country: str | None = None
    line1: str | None = None
    line2: str | None = None
    postal_code: str | None = None
    state: str | None = None


class BillingDetails(Fields):
    """Whom a payment method belongs to."""

    address: Address = Address()
    email: str | None = None
    name: str | None = None
    phone: str | None = None
    tax_id: str | None = None


class AddressParameters(ParameterHash):
    """An address in a request; empty values mean none."""

    city: Clearable | None = None
    country: Clearable | None = None
    line1: Clearable | None = None
    line2: Clearable | None = None
    postal_code: Clearable | None = None
    state: Clearable | None = None

    def address(self) -> Address:
        """The address that results."""
        return Address(
            city=self.city or None,
            country=self.country or None,
            line1=self.line1 or None,
            line2=self.line2 or None,
            postal_code=self.postal_code or None,
            state=self.state or None,
        )


class BillingDetailsParameters(ParameterHash):
    """Billing details in a request; empty values mean none."""

    address: AddressParameters | None = None
    email: Email | None = None
    name: Clearable | None = None
    phone: Clearable | None = None

    def billing_details(self) -> BillingDetails:
        """The details that result."""
        return BillingDetails(
            address=Address() if self.address is None else self.address.address(),
            email=self.email or None,
            name=self.name or None,
            phone=self.phone or None,
        )
