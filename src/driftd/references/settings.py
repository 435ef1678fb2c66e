"""Where profiles come from."""

from pathlib import Path

from pydantic import Field

from driftd.references.book import Missing
from driftd.values.settings import DurationMs, Section


class ReferenceSettings(Section):
    """The directory of profiles, and what happens to a version that has none there."""

    directory: Path | None = Field(None, description="directory of profiles, found by their content (model, version)")
    missing: Missing = Field(
        "previous", description="a version without a profile uses its predecessor's (previous) or is rejected (reject)"
    )
    poll_interval: DurationMs = Field(10_000, ge=100, description="how often the directory is looked at")
