"""The counters of documents' numbers, which have no gaps (policy P29)."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, text
from sqlmodel import Field

from adapters.db.tables.schema import MINOR_UNITS, Row, one_of, table_of


class Document(StrEnum):
    """What is numbered, each kind in a series of its own per issuing entity."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class DocumentCounterRow(Row, table=True):
    """The last number given; its row lock makes the numbers gapless."""

    __tablename__ = "document_counters"
    __table_args__ = (
        one_of("document", Document),
        CheckConstraint("last_sequence >= 0", name="last_sequence"),
    )

    issuer: str = Field(primary_key=True)
    document: str = Field(primary_key=True)
    prefix: str
    last_sequence: int = Field(sa_type=MINOR_UNITS, sa_column_kwargs={"server_default": text("0")})


document_counters = table_of(DocumentCounterRow)
