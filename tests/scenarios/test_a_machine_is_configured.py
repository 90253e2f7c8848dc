"""A machine that costs by its size and region: bought, made larger, and renewed so."""

from adapters.catalog_file import parse_catalog
from tests.api.shop import problem
from tests.scenarios.company import Company, Customer, Json

APRIL = "2026-04-01T00:00:00Z"
MID_APRIL = "2026-04-16T00:00:00Z"
MAY = "2026-05-01T00:00:00Z"
JUNE = "2026-06-01T00:00:00Z"
CATALOG = b"""
products:
  - id: machine
    name: Machine
    family: machine
    prices:
      - id: machine_monthly
        model: matrix
        dimensions:
          - {name: size, values: [small, large]}
          - {name: region, values: [eu, us]}
        cells:
          - {at: [small, eu], amount: "10.00"}
          - {at: [large, eu], amount: "30.00"}
          - {at: [small, us], amount: "8.00"}
        refused: [[large, us]]
        currency: USD
        interval: month
        unit: machine
  - id: migration
    name: Migration service
    family: service
    prices:
      - id: migration_share
        model: percentage
        rate: "2.5"
        fixed_amount: "0.30"
        currency: USD
        interval: once
"""
LARGE_EU = {"size": "large", "region": "eu"}


async def _buyer(company: Company) -> Customer:
    async with company.shop.transactions() as tx:
        await tx.catalog.put_on_sale(parse_catalog(CATALOG, source="catalog.yaml"))
    return await company.customer(APRIL, card="pm_card_visa")


async def _bought(company: Company, ada: Customer, **changes: object) -> Json:
    small = {"size": "small", "region": "eu"}
    body = {"customer": ada.id, "price": "machine_monthly", "quantity": 2, "dimensions": small}
    return await company.shop.made("/v1/subscriptions", body | changes)


async def test_a_cell_is_bought_changed_at_mid_period_and_renewed(company: Company) -> None:
    ada = await _buyer(company)
    machine = await _bought(company, ada)
    assert machine["dimensions"] == {"size": "small", "region": "eu"}
    assert await company.captured() == 2000

    await ada.live_until(MID_APRIL)
    path = f"/v1/subscriptions/{machine['id']}"
    wanted = {"dimensions": LARGE_EU}
    previewed = await company.shop.client.post(f"{path}/change/preview", json=wanted)
    assert previewed.status_code == 200, previewed.text
    quote = previewed.json()["quote"]
    changed = await company.shop.client.post(f"{path}/change", json={"quote": quote})
    assert changed.status_code == 200, changed.text
    # Half of 2 x $10.00 is given back, half of 2 x $30.00 is charged.
    assert await company.captured() == 2000 - 1000 + 3000

    await ada.live_until(MAY)
    invoices = await company.shop.read(f"/v1/invoices?subscription={machine['id']}")
    assert (
        invoices["data"][0]["lines"][0]["description"]
        == "Machine, eu, large, 2 machines, every month"
    )
    assert await company.captured() == 4000 + 6000
    assert (await ada.subscription(machine["id"]))["dimensions"] == LARGE_EU
    assert await company.books_balance()


async def test_a_smaller_cell_waits_for_the_period_s_end(company: Company) -> None:
    ada = await _buyer(company)
    machine = await _bought(company, ada, dimensions=LARGE_EU)
    path = f"/v1/subscriptions/{machine['id']}"
    smaller = {"dimensions": {"size": "small", "region": "us"}}
    changed = await company.shop.client.post(f"{path}/change", json=smaller)
    assert changed.status_code == 200, changed.text
    await ada.live_until(MAY)
    assert await company.captured() == 6000 + 1600


async def test_a_share_of_an_amount_is_charged_once(company: Company) -> None:
    ada = await _buyer(company)
    machine = await _bought(company, ada)
    body = {
        "subscription": machine["id"],
        "price": "migration_share",
        "base_amount_minor": 100_000,
        "when": "now",
    }
    await company.shop.made(f"/v1/customers/{ada.id}/invoice_items", body)
    await ada.live_until(MID_APRIL)
    assert await company.captured() == 2000 + 2530
    assert await company.books_balance()


async def test_what_is_not_sold_so_is_refused_and_nothing_is_charged(company: Company) -> None:
    ada = await _buyer(company)
    body: dict[str, object] = {"customer": ada.id, "price": "machine_monthly", "quantity": 2}
    wrong: dict[str, dict[str, object]] = {
        "dimension_required": {},
        "dimension_unknown": {"dimensions": {"size": "huge", "region": "eu"}},
        "combination_not_sold": {"dimensions": {"size": "large", "region": "us"}},
        "base_amount_unknown": {"dimensions": LARGE_EU, "base_amount_minor": 5},
    }
    for code, given in wrong.items():
        answer = await company.shop.client.post("/v1/subscriptions", json=body | given)
        problem(answer, 422, code)
    assert await company.captured() == 0
