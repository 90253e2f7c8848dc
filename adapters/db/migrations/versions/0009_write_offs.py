"""An account for what is written off, and a reason for money that came for what is not owed."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Wider checks."""
    op.execute("ALTER TABLE postings DROP CONSTRAINT postings_account_check")
    op.execute("""
        ALTER TABLE postings ADD CONSTRAINT postings_account_check
            CHECK (account IN ('receivable', 'cash', 'deferred_revenue', 'customer_balance',
            'refunds_payable', 'disputes', 'dispute_losses', 'bad_debt', 'write_offs'))
    """)
    op.execute("ALTER TABLE credit_notes DROP CONSTRAINT credit_notes_reason_check")
    op.execute("""
        ALTER TABLE credit_notes ADD CONSTRAINT credit_notes_reason_check
            CHECK (reason IN ('canceled', 'paused', 'change_lapsed', 'no_longer_owed',
            'requested', 'refunded_at_gateway'))
    """)
