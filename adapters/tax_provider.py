"""Who knows which tax is charged, as the settings say.

Owns the choice, the same for every process: a preview is what is charged.
"""

from datetime import UTC, datetime
from functools import partial

from sqlalchemy.ext.asyncio import AsyncEngine
from stripe import StripeClient

from adapters.db.queries.buyers import buyer
from adapters.db.tax_rates import SqlTaxRates
from adapters.settings import Settings
from adapters.stripe.tax import StripeTaxRates
from billing.ports.tax import TaxRates


def tax_rates(settings: Settings, *, engine: AsyncEngine, stripe: StripeClient) -> TaxRates:
    """The catalog's table, or Stripe Tax."""
    match settings.tax:
        case "catalog":
            return SqlTaxRates(engine)
        case "stripe":
            return StripeTaxRates(
                stripe, buyer=partial(buyer, engine), real_now=lambda: datetime.now(UTC)
            )
