"""The HTTP application, put together from what it is given.

Owns the order of the middleware and the list of routers. Does not own connections
(`api.service`) nor any operation.
"""

from typing import Final

from fastapi import APIRouter, FastAPI
from fastapi.middleware import Middleware
from starlette.routing import BaseRoute

from api import (
    balances,
    catalog,
    catalog_versions,
    checkout,
    credit_notes,
    customers,
    discounts,
    disputes,
    entitlements,
    health,
    invoice_items,
    invoice_settings,
    invoices,
    migrations,
    net_terms,
    openapi,
    payment_methods,
    portal_sessions,
    problems,
    purchase_commands,
    purchases,
    received_payments,
    refunds,
    reports,
    subscription_changes,
    subscription_commands,
    subscriptions,
    test_clocks,
    upcoming_invoice,
    webhooks,
)
from api.body_limit import BodyLimit
from api.dependencies import Dependencies
from api.hosted import checkout_return, invoice_page, payment_return, script
from api.hosted.portal import card, change, ending, entrance, home
from api.request_log import RequestLog

ROUTERS: Final[tuple[APIRouter, ...]] = (
    entitlements.router,
    subscriptions.router,
    subscription_changes.router,
    subscription_commands.router,
    upcoming_invoice.router,
    customers.router,
    net_terms.router,
    payment_methods.router,
    catalog.router,
    catalog_versions.router,
    discounts.router,
    checkout.router,
    invoices.router,
    received_payments.router,
    purchases.router,
    purchase_commands.router,
    invoice_items.router,
    invoice_settings.subscription_router,
    invoice_settings.customer_router,
    invoice_settings.seller_router,
    credit_notes.router,
    refunds.router,
    disputes.router,
    balances.router,
    portal_sessions.router,
    migrations.router,
    test_clocks.router,
    reports.router,
    health.router,
    webhooks.router,
    checkout_return.router,
    payment_return.router,
    invoice_page.router,
    entrance.router,
    home.router,
    change.router,
    ending.router,
    card.router,
    script.router,
)
"""In the order in which an operation is looked for: what is asked for most comes first."""

_ROUTES: Final[list[BaseRoute]] = [route for router in ROUTERS for route in router.routes]
"""FastAPI works a route out when it is first asked for: once a process, not once an application.
One flat list: a router that includes others looks for an operation twice."""


def create_app(dependencies: Dependencies) -> FastAPI:
    """An application over open connections, which stay its caller's to close."""
    app = FastAPI(
        title="Perennial",
        redirect_slashes=False,
        routes=_ROUTES,
        middleware=[Middleware(RequestLog), Middleware(BodyLimit)],
    )
    app.state.dependencies = dependencies
    problems.install(app)
    openapi.describe(app)
    return app
