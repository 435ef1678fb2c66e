"""Settings of what is exported."""

from typing import Literal

from pydantic import Field

from driftd.values.settings import Section


class MetricsSettings(Section):
    """Which series there are."""

    columns: Literal["all", "suspects", "none"] = Field(
        "all", description="series of columns: of all, only of those that drift or are suspect, or of none"
    )
