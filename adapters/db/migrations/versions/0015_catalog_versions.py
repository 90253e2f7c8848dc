"""The catalog has versions; what is on sale is what the version in force has.

What is on sale now becomes version 1, as it cannot be said which files it was made of. Products and
prices keep what never changes.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_TABLES: Final = (
    """
    CREATE TABLE catalog_versions (
        number INTEGER NOT NULL,
        digest VARCHAR NOT NULL,
        files JSONB NOT NULL,
        sections JSONB NOT NULL,
        actor_kind VARCHAR NOT NULL,
        actor_id VARCHAR NOT NULL,
        reason VARCHAR,
        published_at TIMESTAMP WITH TIME ZONE NOT NULL,
        effective_at TIMESTAMP WITH TIME ZONE NOT NULL,
        withdrawn_at TIMESTAMP WITH TIME ZONE,
        withdrawn_by_kind VARCHAR,
        withdrawn_by_id VARCHAR,
        CONSTRAINT catalog_versions_pkey PRIMARY KEY (number),
        CONSTRAINT catalog_versions_number_check CHECK (number >= 1),
        CONSTRAINT catalog_versions_actor_kind_check
            CHECK (actor_kind IN ('api_key', 'customer', 'operator', 'system')),
        CONSTRAINT catalog_versions_withdrawn_by_kind_check
            CHECK (withdrawn_by_kind IN ('api_key', 'customer', 'operator', 'system')),
        CONSTRAINT catalog_versions_files_check CHECK (jsonb_typeof(files) = 'object'),
        CONSTRAINT catalog_versions_sections_check CHECK (jsonb_typeof(sections) = 'object'),
        CONSTRAINT catalog_versions_withdrawn_check
            CHECK ((withdrawn_at IS NULL) = (withdrawn_by_kind IS NULL)
            AND (withdrawn_at IS NULL) = (withdrawn_by_id IS NULL)),
        CONSTRAINT catalog_versions_withdrawn_before_check CHECK (withdrawn_at < effective_at)
    )
    """,
    """
    CREATE TABLE catalog_products (
        catalog_number INTEGER NOT NULL,
        product_id VARCHAR NOT NULL,
        document JSONB NOT NULL,
        CONSTRAINT catalog_products_pkey PRIMARY KEY (catalog_number, product_id),
        CONSTRAINT catalog_products_catalog_number_fkey
            FOREIGN KEY (catalog_number) REFERENCES catalog_versions (number),
        CONSTRAINT catalog_products_product_id_fkey
            FOREIGN KEY (product_id) REFERENCES products (id),
        CONSTRAINT catalog_products_document_check CHECK (document ->> 'id' = product_id)
    )
    """,
    """
    CREATE TABLE catalog_prices (
        catalog_number INTEGER NOT NULL,
        price_id VARCHAR NOT NULL,
        price_version INTEGER NOT NULL,
        replaced_by VARCHAR,
        CONSTRAINT catalog_prices_pkey PRIMARY KEY (catalog_number, price_id),
        CONSTRAINT catalog_prices_catalog_number_fkey
            FOREIGN KEY (catalog_number) REFERENCES catalog_versions (number),
        CONSTRAINT catalog_prices_price_id_price_version_fkey
            FOREIGN KEY (price_id, price_version) REFERENCES prices (id, version)
    )
    """,
    """
    CREATE INDEX catalog_prices_price_id_price_version_idx
        ON catalog_prices (price_id, price_version)
    """,
)

_FIRST_VERSION: Final = (
    """
    INSERT INTO catalog_versions (number, digest, files, sections, actor_kind, actor_id, reason,
        published_at, effective_at)
    SELECT 1, 'unknown', '{}', '{}', 'system', 'migration',
        'what was on sale before the catalog had versions', now(), now()
    WHERE EXISTS (SELECT FROM products WHERE active)
    """,
    """
    INSERT INTO catalog_products (catalog_number, product_id, document)
    SELECT 1, id, rules || jsonb_build_object('id', id, 'name', name, 'family', family,
        'trial', CASE WHEN trial_days IS NOT NULL THEN jsonb_build_object('days', trial_days,
            'without_payment_method', trial_without_payment_method) END)
    FROM products WHERE active
    """,
    """
    INSERT INTO catalog_prices (catalog_number, price_id, price_version)
    SELECT 1, id, version FROM prices WHERE active AND EXISTS (SELECT FROM catalog_versions)
    """,
)

_VERSION_CHANGE: Final = """
    CREATE FUNCTION check_catalog_version_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.withdrawn_at IS NOT NULL
            OR to_jsonb(NEW) - ARRAY['withdrawn_at', 'withdrawn_by_kind', 'withdrawn_by_id']
            IS DISTINCT FROM
            to_jsonb(OLD) - ARRAY['withdrawn_at', 'withdrawn_by_kind', 'withdrawn_by_id']
        THEN
            RAISE EXCEPTION 'version % of the catalog can only be withdrawn, once', OLD.number
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
"""

_TRIGGERS: Final = (
    """
    CREATE TRIGGER immutable BEFORE UPDATE ON catalog_versions
    FOR EACH ROW EXECUTE FUNCTION check_catalog_version_change()
    """,
    """
    CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON catalog_versions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    *(
        f"""
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """
        for table in ("catalog_products", "catalog_prices")
    ),
)

_REMOVED: Final = ("name", "trial_days", "trial_without_payment_method", "rules", "active")


def upgrade() -> None:
    for statement in (*_TABLES, *_FIRST_VERSION, _VERSION_CHANGE, *_TRIGGERS):
        op.execute(statement)
    for column in _REMOVED:
        op.drop_column("products", column)
    op.drop_index("prices_active_id_key", "prices")
    op.drop_column("prices", "active")


def downgrade() -> None:
    """What the version in force sells is on sale; the versions themselves are lost."""
    op.add_column("products", sa.Column("name", sa.String(), server_default="", nullable=False))
    op.add_column("products", sa.Column("trial_days", sa.Integer(), nullable=True))
    op.add_column("products", sa.Column("trial_without_payment_method", sa.String(), nullable=True))
    op.execute("ALTER TABLE products ADD COLUMN rules JSONB DEFAULT '{}'::jsonb NOT NULL")
    for table in ("products", "prices"):
        op.execute(f"ALTER TABLE {table} ADD COLUMN active BOOLEAN DEFAULT false NOT NULL")
    in_force = """
        (SELECT max(number) FROM catalog_versions
        WHERE effective_at <= now() AND withdrawn_at IS NULL)
    """
    op.execute(f"""
        UPDATE products SET active = true, name = document ->> 'name',
            trial_days = (document #>> '{{trial,days}}')::integer,
            trial_without_payment_method = document #>> '{{trial,without_payment_method}}',
            rules = document - ARRAY['id', 'name', 'family', 'trial']
        FROM catalog_products WHERE product_id = id AND catalog_number = {in_force}
    """)  # noqa: S608 - a constant
    op.execute(f"""
        UPDATE prices SET active = true FROM catalog_prices
        WHERE price_id = id AND price_version = version AND replaced_by IS NULL
            AND catalog_number = {in_force}
    """)  # noqa: S608 - a constant
    for table in ("products", "prices"):
        op.execute(f"ALTER TABLE {table} ALTER COLUMN active SET DEFAULT true")
    op.alter_column("products", "name", server_default=None)
    op.execute("""
        ALTER TABLE products
            ADD CONSTRAINT products_trial_days_check CHECK (trial_days > 0),
            ADD CONSTRAINT products_trial_check
            CHECK ((trial_days IS NULL) = (trial_without_payment_method IS NULL)),
            ADD CONSTRAINT products_trial_without_payment_method_check
            CHECK (trial_without_payment_method IN ('cancel', 'pause', 'invoice')),
            ADD CONSTRAINT products_rules_check CHECK (jsonb_typeof(rules) = 'object')
    """)
    op.execute("CREATE UNIQUE INDEX prices_active_id_key ON prices (id) WHERE active")
    for table in ("catalog_prices", "catalog_products", "catalog_versions"):
        op.drop_table(table)
    op.execute("DROP FUNCTION check_catalog_version_change()")
