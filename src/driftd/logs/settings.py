"""Settings of the logs."""

from typing import Literal

from pydantic import Field

from driftd.values.settings import Section


class LogSettings(Section):
    """What is logged, and how it looks."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="the least level that is logged")
    format: Literal["json", "console"] = Field("json", description="json for machines, console for people")
