"""Settings that more than one stage needs, and the types that settings are written in."""

import re
from typing import Annotated, NamedTuple

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from driftd.values.state import State

_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
DURATION_FORM = "a duration such as 500ms, 60s, 5m, 1h or 30d"
LONGEST_DAYS = 36_500


def parse_duration_ms(value: object) -> int:
    """Read a duration (text with a unit) as whole milliseconds; ValueError says what would be right."""
    if isinstance(value, int) and not isinstance(value, bool) and value == 0:
        return 0
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"must be {DURATION_FORM}")
    ms = float(match[1]) * _UNITS_MS[match[2]]
    if ms > LONGEST_DAYS * _UNITS_MS["d"]:  # event times with this added stay within 64 bits
        raise ValueError(f"must be {DURATION_FORM}, and not longer than {LONGEST_DAYS}d")
    return round(ms)


def format_duration(ms: int) -> str:
    """Write whole milliseconds as a duration in the largest unit that divides them."""
    for unit in ("d", "h", "m", "s"):
        if ms and ms % _UNITS_MS[unit] == 0:
            return f"{ms // _UNITS_MS[unit]}{unit}"
    return f"{ms}ms" if ms else "0s"


#: Whole milliseconds, written with a unit: ``60s``.
DurationMs = Annotated[
    int, BeforeValidator(parse_duration_ms), PlainSerializer(format_duration, return_type=str, when_used="json")
]


class Section(BaseModel):
    """A section of the configuration: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    def plain(self) -> State:
        """Return it as plain data that it can be validated from again; infinities as texts, since JSON has none."""
        state: State = orjson.loads(self.model_dump_json())
        return state


class WindowSettings(Section):
    """How event time is cut into windows, and how long a window waits."""

    duration: DurationMs = Field(60_000, description="length of a window")
    lateness: DurationMs = Field(30_000, description="how far behind a partition's newest event another may come")
    idle_timeout: DurationMs = Field(
        30_000, description="how long a drained partition holds a window the others have passed"
    )
    max_hold: DurationMs = Field(600_000, description="how long an unreachable partition holds a window")
    max_ahead: DurationMs = Field(3_600_000, description="a partition this far ahead of the slowest is paused")
    max_skew: DurationMs = Field(300_000, description="an event this far ahead of the clock is rejected as future")
    max_span: DurationMs = Field(3_600_000, description="how long a column with few observations is carried over")
    min_observations: int = Field(200, ge=1, description="a column with fewer is carried into the next window")


class LimitSettings(Section):
    """Bounds of everything that input can grow."""

    models: int = Field(100, ge=1, le=1_000_000, description="models watched")
    monitors: int = Field(1000, ge=1, le=1_000_000, description="monitors (model, version, segment) watched")
    columns: int = Field(2000, ge=1, description="columns of one profile")
    event_bytes: int = Field(1_048_576, ge=1024, le=2**30, description="a larger record is rejected as too_large")
    name_length: int = Field(
        200, ge=8, le=4_000, description="characters of a model's or version's name; longer: limit"
    )
    series: int = Field(20_000, ge=100, description="series on /metrics: beyond that, those of columns are shed")
    expire_after: DurationMs = Field(
        604_800_000, ge=60_000, description="a monitor without windows for this long (event time) is forgotten"
    )


#: The page rule that keeps the budget, by name.
EVIDENCE = "evidence"

#: The detector that tells of a column which moved while the evidence looked on to learn how its windows depend.
CALIBRATION = "calibration"


class PageRule(NamedTuple):
    """What may page: a detector or ``gross``, or a distance with the threshold that it must exceed."""

    name: str
    threshold: float | None = None

    def __str__(self) -> str:
        return self.name if self.threshold is None else f"{self.name}>{self.threshold:g}"
