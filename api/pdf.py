"""PDFs as answers.

Owns their head: the file's name, and the hash under which the bytes are kept as `ETag`. Does not
own how a document is made (`adapters.documents`).
"""

from starlette.responses import Response

from adapters.documents.archive import Pdf


class PdfResponse(Response):
    """A PDF; browsers show it or save it under its number."""

    media_type = "application/pdf"

    @classmethod
    def of(cls, pdf: Pdf) -> "PdfResponse":
        """The document."""
        return cls(
            pdf.content,
            headers={
                "content-disposition": f'inline; filename="{pdf.number}.pdf"',
                "etag": f'"{pdf.sha256}"',
                "cache-control": "private, no-cache",
                "x-content-type-options": "nosniff",
            },
        )
