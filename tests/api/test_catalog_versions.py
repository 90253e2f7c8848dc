"""Publishing the catalog through the API: planned, done once, listed and taken back."""

from typing import Final

from adapters.db.engine import reading
from adapters.db.queries import audit
from tests.api.shop import Shop

_TEAM: Final = """\
products:
  - id: team
    name: Team
    family: plan
    prices:
      - {id: team_monthly, amount: "16.00", currency: USD, interval: month, unit: seat,
         maximum_quantity: 1000}
"""
_DEARER: Final = _TEAM.replace('amount: "16.00"', 'version: 2, amount: "18.00"')


async def test_a_plan_is_carried_out_once_and_named_in_the_audit_log(idle_shop: Shop) -> None:
    body = {"files": {"catalog.yaml": _DEARER}}
    plan = await idle_shop.made("/v1/catalog/plan", body)
    assert plan["refusals"] == []
    actions = {(c["action"], c["kind"], c["id"]) for c in plan["changes"]}
    assert ("changed", "price", "team_monthly") in actions
    assert ("retired", "product", "pro") in actions
    applied = body | {"plan": plan["digest"], "reason": "dearer"}
    version = await idle_shop.made("/v1/catalog/apply", applied, key="once")
    assert (version["number"], version["status"], version["reason"]) == (2, "in_force", "dearer")
    again = await idle_shop.made("/v1/catalog/apply", body)
    assert again["number"] == 2
    stale = await idle_shop.post("/v1/catalog/apply", applied)
    assert (stale.status_code, stale.json()["code"]) == (409, "catalog_changed")
    exported = await idle_shop.read("/v1/catalog/export")
    assert exported == {"version": 2, "files": {"catalog.yaml": _DEARER}}
    [price] = (await idle_shop.read("/v1/prices"))["data"]
    assert price["version"] == 2
    async with reading(idle_shop.deps.engine) as connection:
        [entry] = await audit.of_subject(connection, "catalog/2", limit=9)
    assert (entry.actor.kind, entry.reason) == ("api_key", "dearer")


async def test_a_scheduled_version_is_listed_and_withdrawn(idle_shop: Shop) -> None:
    body = {"files": {"catalog.yaml": _DEARER}, "effective_at": "2100-01-01T00:00:00Z"}
    assert (await idle_shop.made("/v1/catalog/apply", body))["status"] == "scheduled"
    gone = await idle_shop.made("/v1/catalog/versions/2/withdraw", {"reason": "too early"})
    assert gone["status"] == "withdrawn"
    first = await idle_shop.read("/v1/catalog/versions", limit=1)
    assert [v["status"] for v in first["data"]] == ["withdrawn"]
    rest = await idle_shop.read("/v1/catalog/versions", before=first["next_before"])
    assert [(v["number"], v["status"]) for v in rest["data"]] == [(1, "in_force")]
    assert rest["next_before"] is None
    refused = await idle_shop.post("/v1/catalog/versions/1/withdraw")
    assert (refused.status_code, refused.json()["code"]) == (409, "catalog_version_in_force")
    missing = await idle_shop.post("/v1/catalog/versions/9/withdraw")
    assert missing.status_code == 404


async def test_mistakes_are_told_with_file_and_line_and_nothing_is_published(
    idle_shop: Shop,
) -> None:
    for content, says in (
        (_TEAM.replace("famil", "fam"), "plans.yaml:4: a product has no 'famy'"),
        (_TEAM + "\t", "plans.yaml:8: not YAML: indent with spaces"),
        ("a: &a [*a]", "anchors and aliases"),
    ):
        refused = await idle_shop.post("/v1/catalog/apply", {"files": {"plans.yaml": content}})
        assert refused.status_code == 422
        assert refused.json()["code"] == "catalog_file_invalid"
        assert says in refused.json()["detail"], refused.text
    changed = _TEAM.replace("16.00", "17.00")
    sold = await idle_shop.post("/v1/catalog/apply", {"files": {"plans.yaml": changed}})
    assert (sold.status_code, sold.json()["code"]) == (409, "price_version_immutable")
    plan = await idle_shop.made("/v1/catalog/plan", {"files": {"plans.yaml": changed}})
    [refusal] = plan["refusals"]
    assert refusal["message"].startswith("plans.yaml:6: version 1 of price team_monthly")
    for name in ("../catalog.yaml", "/etc/catalog.yaml", ".hidden.yaml", "a//b.yaml"):
        refused = await idle_shop.post("/v1/catalog/apply", {"files": {name: _TEAM}})
        assert refused.status_code == 422
    too_much = await idle_shop.post("/v1/catalog/plan", {"files": {"a.yaml": "#" * 10_000_000}})
    assert too_much.status_code == 413
    assert len((await idle_shop.read("/v1/catalog/versions"))["data"]) == 1


async def test_publishing_needs_its_scope(idle_shop: Shop) -> None:
    secret = await idle_shop.api_key(scopes=("catalog:read",))
    refused = await idle_shop.client.post(
        "/v1/catalog/apply",
        json={"files": {"catalog.yaml": _TEAM}},
        headers={"Authorization": f"Bearer {secret}"},
    )
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
