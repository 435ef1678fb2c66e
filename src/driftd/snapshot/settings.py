"""Settings of the state that survives a restart."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from driftd.values.settings import DurationMs, Section


class StateSettings(Section):
    """Where and how often the daemon's memory is written."""

    mode: Literal["embedded"] = Field("embedded", description="one process keeps all state in one file")
    directory: Path = Field(Path("/var/lib/driftd"), description="holds the snapshot; one process locks it")
    checkpoint_interval: DurationMs = Field(
        10_000, ge=100, le=20_000, description="how often the snapshot is written, and the group's positions committed"
    )
    on_gap: Literal["continue", "stop"] = Field(
        "continue",
        description="where retention overtook the position: go on behind the gap, or wait for a person (stop)",
    )
