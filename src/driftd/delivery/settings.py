"""Settings of delivery: who is told."""

from pathlib import Path

from pydantic import Field

from driftd.values.settings import DurationMs, Section


class WebhookSettings(Section):
    """One receiver of drift events over HTTP."""

    url: str = Field(description="address that each drift event is posted to")
    secret_file: Path | None = Field(None, description="holds the key that each request is signed with (HMAC-SHA256)")
    authorization_file: Path | None = Field(None, description="holds the value of the Authorization header")
    timeout: DurationMs = Field(10_000, ge=100, le=120_000, description="how long one request may take")


class DeliverySettings(Section):
    """Where drift events and rejected events go, beside the metrics and the API."""

    topic: str | None = Field(None, description="topic that drift events are written to; it must exist")
    dead_letter_topic: str | None = Field(None, description="topic that rejected events are written to; it must exist")
    webhooks: dict[str, WebhookSettings] = Field(
        default_factory=dict, description="by a name of your own: receivers of drift events over HTTP"
    )
    backlog: int = Field(
        10_000, ge=10, le=1_000_000, description="documents kept for a receiver that does not answer; beyond: dropped"
    )
