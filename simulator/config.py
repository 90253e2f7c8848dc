"""What an operator decides about a simulator before it starts.

Owns the settings and their defaults. Does not read the environment or the command line.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

API_VERSION = "2026-10-28.endive"
LIVE_KEY_PREFIXES = ("sk_live_", "rk_live_")


class SimulatorConfig(BaseModel):
    """Settings of one simulator; frozen, because nothing may change under a running one.

    `database` None keeps everything in memory. `public_url` is where browsers reach the hosted
    pages; None takes the host that each request names. `settlement_seconds` is how long a bank
    takes over a debit that is `processing` and over a refund that ends later than it begins; None
    leaves both there until the control API settles them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    database: Path | None = None
    api_key: str = Field(default="sk_test_perennial", min_length=8)
    control_token: str | None = Field(default=None, min_length=8)
    public_url: str | None = None
    strict: bool = False
    settlement_seconds: float | None = Field(default=None, ge=0)
    webhook_backoff_seconds: float = Field(default=1.0, gt=0)
    webhook_backoff_ceiling_seconds: float = Field(default=3600.0, gt=0)
    webhook_attempts: int = Field(default=16, ge=1)
    webhook_timeout_seconds: float = Field(default=10.0, gt=0)
    recorded_requests: int = Field(default=20_000, ge=1)

    @property
    def livemode(self) -> bool:
        """Whether a live key is configured: the control API must then be absent."""
        return self.api_key.startswith(LIVE_KEY_PREFIXES)
