"""Where a customer is.

Owns the value. Does not own what follows for tax (`billing.tax`) nor which countries and fields a
caller may write (`api.fields`).
"""

from billing.value import Value


class Address(Value):
    """A postal address; the country alone decides which tax table is looked at."""

    country: str
    """ISO 3166-1 alpha-2."""
    region: str | None = None
    """What follows the country in ISO 3166-2: `NY` of `US-NY`."""
    line1: str | None = None
    line2: str | None = None
    postal_code: str | None = None
    city: str | None = None
