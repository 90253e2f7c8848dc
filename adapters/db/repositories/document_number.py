"""The numbers of documents: one series per kind and issuing entity, without gaps (policy P29).

Owns the part of a statement that takes a number. The counter's row stays locked until the
transaction ends, so a document that is not stored leaves no gap. A transaction that takes several
numbers takes the invoice's first: two that wait for one another in turn are a deadlock.
"""

from typing import Final

from adapters.db.tables.document_counter import Document

ISSUER: Final = "default"
"""The issuing entity; each has counters of its own."""


def next_number(document: Document) -> str:
    """SQL that returns `issuer`, `sequence` and `number`, unless the CTE `known` has a row."""
    return f"""
        UPDATE document_counters SET last_sequence = last_sequence + 1
        WHERE issuer = '{ISSUER}' AND document = '{document}' AND NOT EXISTS (SELECT FROM known)
        RETURNING issuer, last_sequence AS sequence, prefix || lpad(
            last_sequence::text, greatest(6, length(last_sequence::text)), '0'
        ) AS number
    """  # noqa: S608 - put together from constants
