"""Entitlements: what a customer may do now, and what operators grant beyond what was bought.

Owns their operations. The read is asked at every step of the seller's own product: it is one
statement and wakes no workflow. What subscriptions give is stored with their states.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import BaseModel, Field, StringConstraints

from adapters.db.engine import reading, transactions
from adapters.db.queries import entitlements
from adapters.db.queries.entitlements import CustomerEntitlements, Given
from adapters.db.repositories.entitlements import Grant
from adapters.db.tables.entitlement import EntitlementSource
from api.authentication import CallerOf
from api.customers import require_customer
from api.dependencies import Deps
from api.fields import Body, CustomerId, FeatureId, Flag, GrantId, Reason, Timestamp, example
from api.idempotency import Ids
from api.page import DEFAULT_LIMIT, Cursor, Limit, Page
from api.present import present_on
from api.route import ApiRoute
from billing.entitlement import LARGEST_LIMIT, Combine, Entitlement, combined, granted
from billing.errors import InvalidInput, NotFound

router = APIRouter(
    prefix="/v1/customers/{customer_id}", tags=["entitlements"], route_class=ApiRoute
)

_FEATURE = "scanned_repositories"


class EntitlementKind(StrEnum):
    """What kind of thing is included."""

    FEATURE = "feature"
    LIMIT = "limit"


class SourceView(BaseModel):
    """Who gives it, and how much of it."""

    type: EntitlementSource
    id: str = Field(examples=["sub_4a1b9c0d2e3f4a1b9c0d2e3f"])
    limit: int | None
    unlimited: bool
    combine: Combine | None
    until: datetime | None

    @classmethod
    def of(cls, given: Given) -> Self:
        """One source of an entitlement."""
        limit = given.entitlement.limit
        return cls(
            type=given.source,
            id=given.source_id,
            limit=None if limit is None else limit.amount,
            unlimited=_is_unlimited(given.entitlement),
            combine=None if limit is None else limit.combine,
            until=given.until,
        )


class EntitlementView(BaseModel):
    """One thing that the customer may do, from all sources together."""

    feature: str = Field(examples=[_FEATURE])
    kind: EntitlementKind
    limit: int | None = Field(description="Null without a limit", examples=[12])
    unlimited: bool
    unit: str | None = Field(description="What the limit counts", examples=["repository"])
    sources: list[SourceView]

    @classmethod
    def of(cls, entitlement: Entitlement, given: tuple[Given, ...]) -> Self:
        """With those of `given` that it comes from."""
        limit = entitlement.limit
        return cls(
            feature=entitlement.feature,
            kind=EntitlementKind.FEATURE if limit is None else EntitlementKind.LIMIT,
            limit=None if limit is None else limit.amount,
            unlimited=_is_unlimited(entitlement),
            unit=entitlement.unit,
            sources=[
                SourceView.of(each)
                for each in given
                if each.entitlement.feature == entitlement.feature
            ],
        )


class EntitlementsView(BaseModel):
    """All that a customer may do; what is not listed is not included."""

    customer: str
    at: datetime = Field(description="When that holds, on the customer's clock")
    entitlements: list[EntitlementView]

    @classmethod
    def of(cls, customer_id: str, found: CustomerEntitlements) -> Self:
        """By feature."""
        together = combined(each.entitlement for each in found.given)
        return cls(
            customer=customer_id,
            at=found.at,
            entitlements=[EntitlementView.of(each, found.given) for each in together],
        )


class GrantInput(Body):
    """A feature to grant, how much of it, until when and why."""

    model_config = example(
        {
            "feature": _FEATURE,
            "limit": 10,
            "until": "2026-06-30T00:00:00Z",
            "reason": "A trial of the larger plan",
        }
    )

    feature: FeatureId
    limit: Annotated[int, Field(strict=True, ge=0, le=LARGEST_LIMIT)] | None = None
    unlimited: Flag = False
    combine: Combine = Field(
        default=Combine.SUM,
        description="`sum`: on top of what the customer has; `highest`: at least that much",
    )
    until: Timestamp | None = Field(default=None, description="null: until it is revoked")
    reason: Reason


class RevokeInput(Body):
    """Why a grant ends."""

    model_config = example({"reason": "Granted by mistake"})

    reason: Reason


class GrantView(BaseModel):
    """What an operator gives a customer beyond what they bought."""

    id: str = Field(examples=["grant_4a1b9c0d2e3f4a1b9c0d2e3f"])
    customer: str
    feature: str = Field(examples=[_FEATURE])
    limit: int | None = Field(examples=[10])
    unlimited: bool
    unit: str | None = Field(examples=["repository"])
    combine: Combine | None
    until: datetime | None
    reason: str
    granted_by: Annotated[str, StringConstraints(min_length=1)] = Field(examples=["key_9c0d"])
    created_at: datetime
    ended_at: datetime | None = Field(
        description="When it was revoked or its time passed; may be told up to an hour late"
    )

    @classmethod
    def of(cls, grant: Grant) -> Self:
        """The grant."""
        limit = grant.entitlement.limit
        return cls(
            id=grant.id,
            customer=grant.customer_id,
            feature=grant.entitlement.feature,
            limit=None if limit is None else limit.amount,
            unlimited=_is_unlimited(grant.entitlement),
            unit=grant.entitlement.unit,
            combine=None if limit is None else limit.combine,
            until=grant.until,
            reason=grant.reason,
            granted_by=grant.actor.id,
            created_at=grant.created_at,
            ended_at=grant.ended_at,
        )


@router.get(
    "/entitlements",
    operation_id="read_entitlements",
    summary="Read what a customer may do now",
)
async def read_entitlements(customer_id: CustomerId, deps: Deps) -> EntitlementsView:
    """All features and limits, from subscriptions that run and from grants.

    A subscription gives what it was sold with while it is `trialing`, `active` or `past_due`. Of
    several limits of a feature the highest holds, and those that `sum` come on top.
    """
    found = await entitlements.of_customer(deps.engine, customer_id)
    if found is None:
        raise NotFound("customer_not_found", f"no customer {customer_id}")
    return EntitlementsView.of(customer_id, found)


@router.post(
    "/entitlement_grants",
    status_code=201,
    operation_id="grant_entitlement",
    summary="Grant a customer a feature",
)
async def grant_entitlement(
    customer_id: CustomerId, body: GrantInput, deps: Deps, caller: CallerOf, ids: Ids
) -> GrantView:
    """In force at once. The feature must be one that a product was ever sold with."""
    async with transactions(deps.engine)() as tx:
        customer = await require_customer(tx.connection, customer_id)
        now = (await present_on(tx.connection, customer.test_clock_id)).now
        if body.until is not None and body.until <= now:
            raise InvalidInput("until_in_past", "a grant ends later than now")
        grant = Grant(
            id=ids.new("grant"),
            customer_id=customer_id,
            entitlement=granted(
                body.feature,
                unit=await tx.entitlements.unit_of(body.feature),
                amount=body.limit,
                unlimited=body.unlimited,
                combine=body.combine,
            ),
            until=body.until,
            reason=body.reason,
            actor=caller.actor,
            created_at=now,
        )
        await tx.entitlements.grant(grant)
        await tx.audit.append(
            command_id=ids.new("cmd"),
            command="grant_entitlement",
            subject=grant.id,
            actor=caller.actor,
            reason=body.reason,
            at=now,
        )
        stored = await entitlements.grant(tx.connection, customer_id, grant.id)
    return GrantView.of(stored or grant)


@router.get(
    "/entitlement_grants",
    operation_id="list_entitlement_grants",
    summary="List what was granted to a customer",
)
async def list_entitlement_grants(
    customer_id: CustomerId, deps: Deps, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Page[GrantView]:
    """Newest first, those that have ended too."""
    async with reading(deps.engine) as connection:
        await require_customer(connection, customer_id)
        page = await entitlements.grants_of(connection, customer_id, cursor=cursor, limit=limit)
    return Page[GrantView].of(page, GrantView.of)


@router.post(
    "/entitlement_grants/{grant_id}/revoke",
    operation_id="revoke_entitlement_grant",
    summary="Revoke a grant",
)
async def revoke_entitlement_grant(
    customer_id: CustomerId,
    grant_id: GrantId,
    body: RevokeInput,
    deps: Deps,
    caller: CallerOf,
    ids: Ids,
) -> GrantView:
    """It gives nothing from now on. Refused where it has ended (`grant_ended`)."""
    async with transactions(deps.engine)() as tx:
        customer = await require_customer(tx.connection, customer_id)
        now = (await present_on(tx.connection, customer.test_clock_id)).now
        is_first = await tx.audit.append_first(
            command_id=ids.new("cmd"),
            command="revoke_entitlement_grant",
            subject=grant_id,
            actor=caller.actor,
            reason=body.reason,
            at=now,
        )
        if is_first:
            await tx.entitlements.end_grant(customer_id, grant_id, at=now)
        ended = await entitlements.grant(tx.connection, customer_id, grant_id)
    if ended is None:
        raise NotFound("grant_not_found", f"no grant {grant_id} of this customer")
    return GrantView.of(ended)


def _is_unlimited(entitlement: Entitlement) -> bool:
    return entitlement.limit is not None and entitlement.limit.amount is None
