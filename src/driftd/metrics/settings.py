"""Settings of what is exported."""

from typing import Literal, NamedTuple

from pydantic import Field

from driftd.values.settings import LimitSettings, Section

ColumnChoice = Literal["all", "suspects", "none"]


class MetricsSettings(Section):
    """Which series there are."""

    columns: ColumnChoice = Field(
        "all", description="series of columns: of all, only of those that drift or are suspect, or of none"
    )


class Export(NamedTuple):
    """What a scrape goes by: ``metrics.columns`` and ``limits.series``, with the defaults of the settings."""

    columns: ColumnChoice = MetricsSettings().columns
    series: int = LimitSettings().series
