"""What the API is given: its connections to the other parts.

Owns the value that `create_app` injects and how endpoints get at it. Does not own how the parts
are connected (`api.service`).
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from adapters.db.known_keys import KnownKeys
from adapters.db.tax_rates import SqlTaxRates
from adapters.settings import Settings
from billing.ports.gateway import PaymentGateway
from billing.ports.tax import TaxRates
from workflows.messages import SUBSCRIPTION_TASK_QUEUE


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """Open connections; whoever opened them closes them."""

    engine: AsyncEngine
    temporal: Client
    gateway: PaymentGateway
    settings: Settings
    keys: KnownKeys | None = None
    """Who recognises API keys without reading each; None for the database at every request."""
    taxes: TaxRates | None = None
    """Who knows which tax is charged; None for the table in the database."""
    task_queue: str = SUBSCRIPTION_TASK_QUEUE
    """Where subscriptions' workflows are started; tests have their own."""
    caller_patience: timedelta = timedelta(seconds=20)
    """How long a request waits for a workflow before it is answered with 503."""
    browser_patience: timedelta = timedelta(seconds=8)
    """How long a browser is kept waiting before it is shown a page that asks again by itself."""

    @property
    def known_keys(self) -> KnownKeys:
        """Remembers nothing where nobody tells it what changes."""
        return KnownKeys(self.engine) if self.keys is None else self.keys

    @property
    def tax_rates(self) -> TaxRates:
        """The same as the worker asks, so that a preview is what is charged."""
        return SqlTaxRates(self.engine) if self.taxes is None else self.taxes


def dependencies_of(request: Request) -> Dependencies:
    """What the application was created with."""
    dependencies = request.app.state.dependencies
    if not isinstance(dependencies, Dependencies):
        raise TypeError("the application was created without its dependencies")
    return dependencies


async def injected_dependencies(request: Request) -> Dependencies:
    """The same for endpoints; async, because FastAPI runs other functions in a thread."""
    return dependencies_of(request)


Deps = Annotated[Dependencies, Depends(injected_dependencies)]
