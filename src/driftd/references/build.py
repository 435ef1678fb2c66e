"""Building a profile from training rows: two passes in bounded memory (architecture, section 5).

Memory: per column the sample for its bins (all columns together at most SAMPLE_VALUES values while there are
at most ``SAMPLE_VALUES / LEAST_SAMPLE`` of them), at most ``survey.DISTINCT_KEPT`` texts, and the newest
blocks (``blocks.COUNTS_KEPT``); never the rows.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np

from driftd.errors import ProfileError
from driftd.references.blocks import BlockCutter, BlockRule
from driftd.references.calibration import HISTORY_BLOCKS, calibrate
from driftd.references.codec import with_ids
from driftd.references.profile import Ints, Profile
from driftd.references.rows import Row, cells, chunked
from driftd.references.shape import ERROR, LABEL, PREDICTION, Flat, RowShape, errors
from driftd.references.survey import Survey
from driftd.references.tally import Tally, tally_of
from driftd.values.keys import NO_VERSION, ColumnKey, Kind, Role
from driftd.values.layout import HEADER
from driftd.values.settings import LimitSettings

CHUNK_ROWS = 4_096
SAMPLE_VALUES = 2**24
LEAST_SAMPLE, MOST_SAMPLE = 5_000, 100_000

Rows = Callable[[], Iterable[Row]]
Progress = Callable[[int], None]


def build_profile(
    rows: Rows,
    *,
    model: str,
    version: str = NO_VERSION,
    blocks: BlockRule | None = None,
    limits: LimitSettings | None = None,
    progress: Progress | None = None,
    source: str = "",
) -> Profile:
    """Build the profile of training rows.

    ``rows`` is called twice and must give the same rows. ``blocks`` says that the rows are in time order
    (each with its ``time_ms``) and how they are cut for the calibration. ``progress`` is told the number of
    rows just done, over both passes. Raises ProfileError: no rows, no column worth watching, more than
    ``limits.columns`` columns, or rows out of time order.
    """
    name = f"{model}/{version}"
    told = progress or (lambda _rows: None)
    survey = _Surveys(name, (limits or LimitSettings()).columns)
    for chunk in chunked(rows(), CHUNK_ROWS):
        survey.add(chunk)
        told(len(chunk))
    if not survey.rows:
        raise ProfileError(name, "there are no rows to build it from")
    tallies = survey.tallies()
    if not tallies:
        raise ProfileError(name, "no column is worth watching: " + _listed(survey.left_out))
    count = _Counts(name, survey.shape, tallies, blocks)
    for chunk in chunked(rows(), CHUNK_ROWS):
        count.add(chunk)
        told(len(chunk))
    if count.rows != survey.rows:
        raise ProfileError(name, f"the data changed while they were read: {survey.rows} rows, then {count.rows}")
    profile = Profile(
        model=model,
        version=version,
        rows=count.rows,
        columns=(),
        left_out={str(key): reason for key, reason in sorted(survey.left_out.items())},
        source=source,
    )
    return with_ids(count.fill(profile))


def _listed(left_out: dict[ColumnKey, str]) -> str:
    return "; ".join(f"{key}: {reason}" for key, reason in sorted(left_out.items())) or "the rows are empty"


class _Surveys:
    """The first pass: what every column that turns up is."""

    def __init__(self, name: str, column_limit: int) -> None:
        self.rows = 0
        self.shape = RowShape()
        self.left_out: dict[ColumnKey, str] = {}
        self._name = name
        self._column_limit = column_limit
        self._sample_size = MOST_SAMPLE
        self._surveys: dict[ColumnKey, Survey] = {}
        # Whether an error is a distance or a mismatch is known when the prediction's kind is.
        self._errors = {kind: Survey(ERROR, MOST_SAMPLE) for kind in Kind}

    def add(self, chunk: list[Row]) -> None:
        """Take in some rows."""
        self.rows += len(chunk)
        self.shape.learn(chunk)
        if self.shape.size > self._column_limit:
            reason = f"{self.shape.size} columns are more than limits.columns = {self._column_limit}"
            raise ProfileError(self._name, f"{reason}: ignore some of them or raise the limit")
        self._share_samples()
        for flat in self.shape.columns(chunk):
            if flat.key not in self._surveys:
                self._surveys[flat.key] = Survey(flat.key, self._sample_size)
            self._surveys[flat.key].add(cells(flat.values))
        if self.shape.single_prediction:
            for kind, survey in self._errors.items():
                survey.add(cells(errors(chunk, kind).values))

    def _share_samples(self) -> None:
        """Share the room for samples between the columns known by now."""
        fair = min(max(SAMPLE_VALUES // max(self.shape.size, 1), LEAST_SAMPLE), MOST_SAMPLE)
        if fair < self._sample_size:
            self._sample_size = fair
            for survey in (*self._surveys.values(), *self._errors.values()):
                survey.shrink(fair)

    def tallies(self) -> dict[ColumnKey, Tally]:
        """Return an empty tally for every column worth watching, by key; ``left_out`` then names the others."""
        self.left_out = self.shape.left_out | dict.fromkeys(self.shape.always_null, "no values")
        tallies: dict[ColumnKey, Tally] = {}
        for key in sorted(self.shape.keys()):
            survey = self._surveys[key]
            kind, reason = survey.verdict()
            if kind is not None:
                tallies[key] = tally_of(kind, survey)
            elif survey.present or key.role is Role.FEATURE:
                self.left_out[key] = reason
        if PREDICTION in tallies and LABEL in tallies:
            survey = self._errors[tallies[PREDICTION].kind]
            if survey.present:
                tallies[ERROR] = tally_of(Kind.NUMERIC, survey)
        return dict(sorted(tallies.items()))


class _Counts:
    """The second pass: exact counts, and blocks where the rows are in time order."""

    def __init__(self, name: str, shape: RowShape, tallies: dict[ColumnKey, Tally], rule: BlockRule | None) -> None:
        self.rows = 0
        self._name = name
        self._shape = shape
        self._tallies = tallies
        self._flats: dict[ColumnKey, Flat] = {}
        self._to_test = {
            key: np.concatenate((np.arange(HEADER), HEADER + tally.test_of)) for key, tally in tallies.items()
        }
        test_bins = [int(tally.test_of[-1]) + 1 for tally in tallies.values()]
        self._cutter = BlockCutter(rule, test_bins, at_least=HISTORY_BLOCKS) if rule else None
        self._newest_ms = -(2**63)

    def add(self, chunk: list[Row]) -> None:
        """Take in some rows."""
        slots: dict[ColumnKey, tuple[Ints | None, Ints]] = {}
        for flat in self._flat_columns(chunk):
            if flat.key in self._tallies:
                found = self._tallies[flat.key].add(cells(flat.values))
                slots[flat.key] = (flat.due, self._to_test[flat.key][found])
                self._flats[flat.key] = flat._replace(values=[])
        if self._cutter is not None:
            self._cutter.add(self._times(chunk), [slots[key] for key in self._tallies])
        self.rows += len(chunk)

    def _flat_columns(self, chunk: list[Row]) -> Iterator[Flat]:
        yield from self._shape.columns(chunk)
        if ERROR in self._tallies:
            yield errors(chunk, self._tallies[PREDICTION].kind)

    def _times(self, chunk: list[Row]) -> Ints:
        for at, row in enumerate(chunk, start=self.rows):
            if row.time_ms is None:
                raise ProfileError(self._name, f"row {at} has no time, so the rows have no order")
            if row.time_ms < self._newest_ms:
                raise ProfileError(
                    self._name, f"row {at} is earlier than the row before: the rows are not in time order"
                )
            self._newest_ms = row.time_ms
        return np.array([row.time_ms for row in chunk], dtype=np.int64)

    def fill(self, profile: Profile) -> Profile:
        """Put the columns, and the calibration if there are blocks, into a profile."""
        columns = tuple(tally.column(self._flats[key]) for key, tally in self._tallies.items())
        calibration = calibrate(columns, self._cutter.blocks()) if self._cutter is not None else None
        return replace(profile, columns=columns, calibration=calibration)
