"""Reports over HTTP: as JSON and as CSV."""

import pytest

from tests.api.shop import Shop, problem


async def test_reports_of_nothing_are_empty_tables(idle_shop: Shop) -> None:
    months = {"from": "2026-01", "to": "2026-12"}
    assert await idle_shop.read("/v1/reports/revenue", **months) == {"months": []}
    assert await idle_shop.read("/v1/reports/tax", **months) == {"data": []}
    empty = await idle_shop.read("/v1/reports/receivables", as_of="2026-01-31T00:00:00Z")
    assert empty == {"as_of": "2026-01-31T00:00:00Z", "data": [], "has_more": False}
    for path, query in (("revenue", months), ("tax", months), ("receivables", {})):
        answer = await idle_shop.client.get(f"/v1/reports/{path}", params=query | {"format": "csv"})
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.text.count("\r\n") == 1


async def test_what_no_report_can_be_is_refused(idle_shop: Shop, subtests: pytest.Subtests) -> None:
    for query in (
        "revenue?from=2026-01",
        "revenue?from=2026-13&to=2026-12",
        "revenue?from=2026-12&to=2026-01",
        "revenue?from=1990-01&to=2026-01",
        "revenue?from=2026-01&to=2026-01&format=xml",
        "tax?from=2026-12&to=2026-01",
        "receivables?as_of=yesterday",
        "receivables?customer=nobody",
    ):
        with subtests.test(query=query):
            answer = await idle_shop.client.get(f"/v1/reports/{query}")
            problem(answer, 422, answer.json()["code"])
