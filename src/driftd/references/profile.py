"""The profile: a frozen picture of a model version's training data (architecture, section 5)."""

from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from driftd.values.keys import NO_VERSION, Channel, ColumnKey, Kind
from driftd.values.layout import HEADER, ColumnLayout, Layout
from driftd.values.privacy import Shown

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class BlockCounts:
    """The reference's own windows: consecutive blocks of training rows in time order.

    Row b of ``counts`` holds ``[n, missing, invalid, unseen, count of test bin 0, …]`` of block b.
    """

    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Calibration:
    """What the training rows' time order tells; ``None`` in a profile whose rows had no known order."""

    block_ms: int  # median span of a block
    block_rows: float  # mean rows of a block
    blocks: int
    deff: dict[ColumnKey, dict[Channel, float]]  # design effect x autocorrelation time, >= 1
    history: dict[ColumnKey, BlockCounts]  # of the columns whose own windows are known
    season: dict[ColumnKey, dict[Channel, tuple[float, ...]]] = field(default_factory=dict)  # see references.season
    spans: tuple[tuple[int, int], ...] = ()  # of the blocks in each history, (start_ms, end_ms); empty without a season


@dataclass(frozen=True)
class ColumnProfile:
    """One column's training data.

    A numeric column has sorted ``edges``; a value x lies in fine bin ``number of edges <= x``, so there
    are ``len(edges) + 1`` fine bins. ``test_of`` names the test bin of each fine bin (non-decreasing);
    the tail bins beyond the training minimum and maximum belong to the first and last test bin.
    A categorical column has ``categories`` by falling frequency, then text; fine bin i is category i and
    the last one is ``other``; each fine bin is a test bin. ``known`` holds the hashes (unsigned 64 bit,
    values.hashing) of rarer training categories counted in ``other``; ``open_vocabulary`` says that there
    were too many to keep: then no text is unseen.
    ``n = missing + invalid + sum(counts)`` holds. Where ``shown`` is not ``show``, the categories are tokens
    (values.privacy), and there are no moments and quantiles (references.masking).
    """

    key: ColumnKey
    kind: Kind
    n: int
    missing: int
    invalid: int
    counts: tuple[int, ...]  # per fine bin
    edges: tuple[float, ...] = ()
    test_of: tuple[int, ...] = ()
    categories: tuple[str, ...] = ()
    known: frozenset[int] = frozenset()
    open_vocabulary: bool = False
    moments: dict[str, float] = field(default_factory=dict)  # numeric: mean, sd, min, max
    quantiles: dict[str, float] = field(default_factory=dict)  # numeric: "0.01" … "0.99"
    vector: tuple[str, int] | None = None  # (feature, index) of an element of a vector feature
    class_name: str | None = None  # of a probability of one class
    shown: Shown = Shown.SHOW  # what outputs may show of its values

    @property
    def fine_bins(self) -> int:
        """Number of fine bins."""
        return len(self.counts)

    @cached_property
    def category_names(self) -> tuple[str, ...]:
        """What outputs call the categories: their texts, their tokens, or their ranks in training."""
        if self.shown is not Shown.HIDE:
            return self.categories
        return tuple(f"category {rank}" for rank in range(1, len(self.categories) + 1))

    @cached_property
    def test_bins(self) -> int:
        """Number of test bins."""
        return self.test_of[-1] + 1 if self.kind is Kind.NUMERIC else self.fine_bins

    def to_test(self, fine: Ints) -> Ints:
        """Sum counts per fine bin to counts per test bin."""
        if self.kind is Kind.CATEGORICAL:
            return fine
        return np.bincount(np.asarray(self.test_of), weights=fine, minlength=self.test_bins).astype(np.int64)

    @cached_property
    def test_counts(self) -> Ints:
        """Training counts per test bin."""
        return self.to_test(np.asarray(self.counts, dtype=np.int64))

    @cached_property
    def midranks(self) -> Floats:
        """Mean of u = CDF(x) in each test bin: a_b = P(lower bins) + p_b / 2."""
        total = max(int(self.test_counts.sum()), 1)
        upper = np.cumsum(self.test_counts) / total
        return np.asarray(upper - self.test_counts / total / 2, dtype=np.float64)


@dataclass(frozen=True)
class Profile:
    """A model version's training data, column by column, ordered by (role, name)."""

    model: str
    version: str
    rows: int
    columns: tuple[ColumnProfile, ...]
    left_out: dict[str, str] = field(default_factory=dict)  # column -> why it is not watched
    calibration: Calibration | None = None
    source: str = ""  # what it was built from; not part of the hashes
    binning_id: str = ""  # hash of the bins alone
    reference_id: str = ""  # hash of all of it, source excepted

    @property
    def version_or_none(self) -> str:
        """The version, ``none`` where the model has none."""
        return self.version or NO_VERSION

    @cached_property
    def layout(self) -> Layout:
        """How sums against this profile lie in one vector."""
        starts = [0, *accumulate(HEADER + column.fine_bins for column in self.columns)]
        return Layout(
            tuple(
                ColumnLayout(column.key, column.kind, start, column.fine_bins)
                for column, start in zip(self.columns, starts, strict=False)
            )
        )

    @cached_property
    def index(self) -> dict[ColumnKey, int]:
        """Position of each column."""
        return {column.key: position for position, column in enumerate(self.columns)}
