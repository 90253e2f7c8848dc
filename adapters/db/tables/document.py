"""Documents as customers got them: made once, and the same bytes for ever (policy P29)."""

from datetime import datetime

from sqlalchemy import CheckConstraint, LargeBinary
from sqlmodel import Field

from adapters.db.tables.document_counter import Document
from adapters.db.tables.schema import INSTANT, NOW, Row, one_of, table_of


class DocumentRow(Row, table=True):
    """The PDF of one invoice or credit note; append-only, and its hash is checked."""

    __tablename__ = "documents"
    __table_args__ = (
        one_of("document", Document),
        CheckConstraint("sha256 = encode(sha256(content), 'hex')", name="sha256"),
    )

    document: str = Field(primary_key=True)
    subject_id: str = Field(primary_key=True)
    content: bytes = Field(sa_type=LargeBinary)
    sha256: str
    made_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": NOW})


documents = table_of(DocumentRow)
