"""Configuration of every process, read from environment variables and `.env`.

Owns the names, defaults and validation of settings. Does not own Temporal's connection settings:
`temporalio.envconfig` reads `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`,
`TEMPORAL_TLS*` and profiles, so that a cluster or Temporal Cloud needs nothing of ours.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """One frozen value per process; a missing or malformed variable fails at start-up by name."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, populate_by_name=True
    )

    database_url: Annotated[SecretStr, Field(alias="DATABASE_URL")]
    """`postgresql://user:password@host:port/name`."""

    stripe_api_key: Annotated[SecretStr, Field(alias="STRIPE_API_KEY")]
    """A secret or restricted key; `sk_test_…` for sandbox mode."""

    stripe_api_base: Annotated[str | None, Field(alias="STRIPE_API_BASE")] = None
    """Set when another server than Stripe's answers: the local simulator."""

    stripe_webhook_secret: Annotated[SecretStr, Field(alias="STRIPE_WEBHOOK_SECRET")]
    """Signing secret (`whsec_…`) of the webhook endpoint that points at our API."""

    link_secret: Annotated[SecretStr, Field(alias="PERENNIAL_LINK_SECRET", min_length=16)]
    """Signs the links of hosted pages; any random text. A new one ends the links under way."""

    public_url: Annotated[str, Field(alias="PERENNIAL_PUBLIC_URL")] = "http://127.0.0.1:8000"
    """Where customers' browsers reach the API's hosted pages; no trailing slash."""

    api_host: Annotated[str, Field(alias="PERENNIAL_API_HOST")] = "127.0.0.1"
    api_port: Annotated[int, Field(alias="PERENNIAL_API_PORT", ge=0, le=65535)] = 8000
    worker_health_port: Annotated[int, Field(alias="WORKER_HEALTH_PORT", ge=0, le=65535)] = 8001

    tax: Annotated[Literal["catalog", "stripe"], Field(alias="PERENNIAL_TAX")] = "catalog"
    """Who knows which tax is charged: the catalog's table of rates, or Stripe Tax."""

    catalog_path: Annotated[Path, Field(alias="PERENNIAL_CATALOG")] = Path("examples/catalog.yaml")
    """The catalog, a file or a folder, that the API publishes at its first start."""

    mail_outbox: Annotated[Path | None, Field(alias="PERENNIAL_MAIL_OUTBOX")] = None
    """Folder that receives one file per message; unset: messages go to the log alone."""

    smtp_url: Annotated[SecretStr | None, Field(alias="SMTP_URL")] = None
    """`smtp://user:password@host:587` (STARTTLS) or `smtps://…`; unset: no mail leaves."""

    mail_from: Annotated[str, Field(alias="PERENNIAL_MAIL_FROM")] = "billing@localhost"

    log_format: Annotated[str, Field(alias="PERENNIAL_LOG_FORMAT", pattern="^(console|json)$")] = (
        "json"
    )

    @property
    def is_sandbox(self) -> bool:
        """Test clocks exist only where no real money can move."""
        return not self.stripe_api_key.get_secret_value().startswith(("sk_live_", "rk_live_"))
