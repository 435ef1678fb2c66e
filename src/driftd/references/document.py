"""What a profile's JSON document must look like. Nothing is converted silently; what is wrong is named by its place."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from driftd.references.season import TERMS
from driftd.values.keys import Channel, ColumnKey, Kind, Role
from driftd.values.layout import HEADER, INVALID, MISSING, N
from driftd.values.privacy import Shown, is_token

Name = Annotated[str, Field(min_length=1)]
MonitorName = Annotated[str, Field(max_length=1_000)]  # version numbers of more digits could not be compared
Count = Annotated[int, Field(ge=0, le=2**53)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Hash = Annotated[int, Field(ge=0, lt=2**64)]
Moment = Annotated[int, Field(ge=-(2**53), le=2**53)]  # milliseconds since the epoch
Index = Annotated[int, Field(ge=0, lt=2**20)]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ColumnDocument(_Document):
    """One column: see references.profile.ColumnProfile."""

    role: Role
    name: Name
    kind: Kind
    n: Count
    missing: Count
    invalid: Count
    counts: tuple[Count, ...] = Field(min_length=1)
    edges: tuple[Number, ...]
    test_of: tuple[Index, ...]
    categories: tuple[str, ...]
    known: tuple[Hash, ...]
    open_vocabulary: bool
    moments: dict[str, Number]
    quantiles: dict[str, Number]
    vector: tuple[Name, Index] | None
    class_name: str | None
    shown: Shown = Field(Shown.SHOW, alias="values")

    @property
    def key(self) -> ColumnKey:
        """The column's key."""
        return ColumnKey(self.role, self.name)

    @property
    def test_bins(self) -> int:
        """Number of test bins."""
        return self.test_of[-1] + 1 if self.kind is Kind.NUMERIC else len(self.counts)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.n != self.missing + self.invalid + sum(self.counts):
            raise ValueError("n must be missing + invalid + the sum of counts")
        if self.kind is Kind.NUMERIC:
            self._check_numeric()
        else:
            self._check_categorical()
        return self

    def _check_numeric(self) -> None:
        if self.categories or self.known or self.open_vocabulary:
            raise ValueError("a numeric column has no categories, known or open_vocabulary")
        if any(low >= high for low, high in pairwise(self.edges)):
            raise ValueError("edges must be strictly increasing")
        if not len(self.counts) == len(self.test_of) == len(self.edges) + 1:
            raise ValueError("counts and test_of must be one longer than edges")
        if self.test_of[0] != 0 or any(after - before not in {0, 1} for before, after in pairwise(self.test_of)):
            raise ValueError("test_of must start at 0 and rise by 0 or 1")
        if self.shown is not Shown.SHOW:
            self._check_hidden()
            return
        if set(self.moments) != {"mean", "sd", "min", "max"}:
            raise ValueError("moments must be mean, sd, min and max")
        if self.moments["sd"] < 0 or not self.moments["min"] <= self.moments["mean"] <= self.moments["max"]:
            raise ValueError("moments: sd must not be negative, and mean must lie between min and max")
        if not self.quantiles or not all(_is_level(level) for level in self.quantiles):
            raise ValueError("quantiles must be named by their levels, such as 0.05")
        by_level = [self.quantiles[level] for level in sorted(self.quantiles, key=float)]
        if any(low > high for low, high in pairwise(by_level)):
            raise ValueError("quantiles must not fall")

    def _check_hidden(self) -> None:
        if self.shown is not Shown.HIDE:
            raise ValueError("the values of a numeric column are shown or hidden")
        if self.quantiles or self.moments not in ({}, {"min": 0.0, "max": 1.0}):
            raise ValueError("a numeric column with hidden values has no quantiles and moments")

    def _check_categorical(self) -> None:
        if self.edges or self.test_of or self.moments or self.quantiles:
            raise ValueError("a categorical column has no edges, test_of, moments or quantiles")
        if len(self.counts) != len(self.categories) + 1:
            raise ValueError("counts must be one longer than categories")
        if len(set(self.categories)) != len(self.categories):
            raise ValueError("categories must be different")
        if self.shown is not Shown.SHOW and not all(map(is_token, self.categories)):
            raise ValueError("categories whose values are not shown must be tokens: # and 16 hexadecimal digits")
        if any(low >= high for low, high in pairwise(self.known)):
            raise ValueError("known must be strictly increasing")


class DeffDocument(_Document):
    """The calibration of one column."""

    role: Role
    name: Name
    deff: dict[Channel, Annotated[float, Field(ge=1, allow_inf_nan=False)]]
    history: tuple[tuple[Count, ...], ...]
    season: dict[Channel, Annotated[tuple[Number, ...], Field(min_length=TERMS, max_length=TERMS)]] = Field(
        default_factory=dict
    )

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        absent = [channel.value for channel in Channel if channel not in self.deff]
        if absent:
            raise ValueError(f"deff lacks {', '.join(absent)}")
        if Channel.SHAPE in self.season:
            raise ValueError("season: shape is no mean and has none")
        return self

    def check(self, column: ColumnDocument) -> None:
        """Raise ValueError where the history is not one of this column."""
        width = HEADER + column.test_bins
        for block, run in enumerate(self.history):
            if len(run) != width:
                raise ValueError(f"history of {column.key}: block {block} has {len(run)} counts, expected {width}")
            if run[N] != run[MISSING] + run[INVALID] + sum(run[HEADER:]):
                raise ValueError(f"history of {column.key}: block {block} does not add up to its n")


class CalibrationDocument(_Document):
    """What the time order of the training rows tells."""

    block_ms: Count
    block_rows: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    blocks: Annotated[int, Field(ge=1, le=2**53)]
    columns: tuple[DeffDocument, ...]
    spans: tuple[tuple[Moment, Moment], ...] = ()

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if any(start > end for start, end in self.spans):
            raise ValueError("spans must not end before they start")
        for column in self.columns:
            if column.season and column.history and len(column.history) != len(self.spans):
                raise ValueError("spans must be as many as the blocks of a history with a season")
        return self


class ProfileDocument(_Document):
    """A whole profile, version 1 of its format."""

    driftd_profile: int
    model: Annotated[MonitorName, Field(min_length=1)]
    version: MonitorName
    rows: Count
    columns: tuple[ColumnDocument, ...] = Field(min_length=1)
    left_out: dict[str, str]
    calibration: CalibrationDocument | None
    source: str
    binning_id: str
    reference_id: str

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        keys = [column.key for column in self.columns]
        _check_order("columns", keys)
        if self.calibration is not None:
            calibrated = [ColumnKey(column.role, column.name) for column in self.calibration.columns]
            _check_order("calibration.columns", calibrated)
            if calibrated != keys:
                raise ValueError("calibration.columns must be the same as columns")
            for column, calibration in zip(self.columns, self.calibration.columns, strict=True):
                calibration.check(column)
        return self


def _is_level(text: str) -> bool:
    try:
        return 0 < float(text) < 1
    except ValueError:
        return False


def _check_order(place: str, keys: Iterable[ColumnKey]) -> None:
    if any(before >= after for before, after in pairwise(keys)):
        raise ValueError(f"{place} must be ordered by role and name, each once")
