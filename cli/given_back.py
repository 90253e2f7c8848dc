"""What was given back of an invoice that an operator forgives or writes off, told when they do.

On net terms a change gives back of an open invoice (policy P22), and that stays. Owns the sentence.
Does not own the amounts (`adapters.db.repositories.debits`).
"""

from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.db.engine import reading
from adapters.db.repositories import debits
from billing.money import Money
from billing.proration import Debit


async def warning(engine: AsyncEngine, invoice_id: str) -> str | None:
    """None where nothing of it was given back."""
    async with reading(engine) as connection:
        charged = await debits.of_invoice(connection, invoice_id)
    given = [_given(debit) for debit in charged]
    total = sum(given[1:], given[0]) if given else None
    if total is None or not total.amount_minor:
        return None
    return (
        f"{total} of {invoice_id} were given back before, as by a change, and stay given: the"
        " customer has them beside what is not paid now. If that is more than is meant, charge it"
        " anew, by an invoice item"
    )


def _given(debit: Debit) -> Money:
    tax = debit.tax
    if tax is None or tax.inclusive:
        return debit.credited
    minor = debit.credited.amount_minor + debit.tax_credited_minor
    return debit.credited.model_copy(update={"amount_minor": minor})
