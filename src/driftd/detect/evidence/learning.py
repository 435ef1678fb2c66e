"""How much a monitor's windows depend on each other: learnt from the training rows' order, and further while it lives.

Training tables are short: 40 to 200 windows are the normal case. What they leave open, the columns learn from
each other and from the windows that follow, a segment at a time, except from those of an incident.
"""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from driftd.detect.baseline import Baseline
from driftd.detect.evidence.arrays import pack, unpack
from driftd.detect.evidence.bets import BETS, CLIP, DEPENDENT_CLIP
from driftd.detect.evidence.innovations import Innovations, Mask
from driftd.detect.evidence.scores import MEANS, RANKS, Means, Scores
from driftd.detect.evidence.seasons import Seasons
from driftd.detect.evidence.shape import CONCENTRATIONS, ShapeNull, dispersion_of, log_e_values
from driftd.references.dependence import MODELS, Dependence, learn, log_likelihoods, over
from driftd.references.profile import Floats, Ints
from driftd.values.layout import HEADER
from driftd.values.state import State

SEGMENT = 64  # windows that are learnt from together
MOST_BLOCKS = 2016  # then all has been learnt
_STRIDE = 16  # windows between two looks at what has been learnt
_SURE = 4.0  # standard errors between two halves of what is learnt from that are no chance
_OTHER_SPAN = 0.25  # what a block counts for where windows are much shorter or longer
_TOLL_BLOCKS = 20_000
_OWN_TOLL = 1000  # blocks from which on what one column says of its own tails counts for half
_MOST_LOG = 12.0  # one block of the training rows says so much at most
#: Windows of so many blocks can be foreseen from blocks: the model says how a mean over several behaves.
_LEAST_SPAN, _MOST_SPAN = 0.5, 16.0


class Training(NamedTuple):
    """The blocks of the training rows, oldest first: (columns, channels, blocks), and what the shape needs of them."""

    y: Floats
    sampling: Floats
    seen: Mask
    dispersion: Floats  # of all counts together, per column

    @property
    def blocks(self) -> Ints:
        """Number of blocks of each column; one of a constant column tells of its rates."""
        return np.asarray(self.seen.any(axis=1).sum(axis=1), dtype=np.int64)


def training_of(scores: Scores, baselines: Sequence[Baseline], seasons: Seasons) -> Training:
    """Return the training rows' blocks as the means that windows will be, without season; none if in no known order."""
    histories = [baseline.history for baseline in baselines]
    blocks = max((len(history) for history in histories), default=0)
    shape = (len(scores), len(MEANS), blocks)
    y, sampling, seen = np.zeros(shape), np.ones(shape), np.zeros(shape, dtype=bool)
    dispersion = seasons.dispersion(scores)
    for at, history in enumerate(histories):
        if not len(history):
            continue
        last, width = slice(blocks - len(history), blocks), history.shape[1] - HEADER
        counts, headers = history[:, HEADER:], history[:, :HEADER]
        n = np.empty((len(history), len(MEANS)))
        n[:, :RANKS] = counts.sum(axis=1)[:, None]
        n[:, RANKS:] = headers[:, :1]
        sums = np.empty_like(n)
        for number in range(RANKS):
            sums[:, number] = (counts * scores.ranks[number, at, :width]).sum(axis=1)
        sums[:, RANKS:] = headers[:, [1, 3, 2]]  # missing, unseen, invalid
        rows = np.maximum(n, 1)
        y[at, :, last] = ((sums / rows - scores.means[at]) / scores.unit[at]).T - seasons.of_blocks(at)
        sampling[at, :, last] = (scores.nominal[at] / rows).T
        seen[at, :, last] = ((n > 0) & scores.varies[at]).T
        dispersion[at] = max(dispersion[at], dispersion_of(counts, baselines[at].counts))
    return Training(y, sampling, seen, dispersion)


class Learning:
    """What is known of the dependence of each channel of each column: log likelihoods of the models, and from how much.

    ``of_blocks`` is what they say of the training rows' blocks, ``dependence`` of windows, each of which is as long as
    ``blocks_each`` blocks. State per channel: one number a model, and one segment of windows.
    """

    def __init__(self, training: Training, blocks_each: float) -> None:
        columns = len(training.y)
        worth = 1.0 if _LEAST_SPAN <= blocks_each <= _MOST_SPAN else _OTHER_SPAN
        self._blocks_each = max(blocks_each, 1.0)
        self._likelihoods = np.zeros((columns, len(MEANS), MODELS), dtype=np.float32)
        self._add(training.y / np.sqrt(training.sampling), training.seen, worth)
        self.blocks = np.minimum(training.blocks * worth, MOST_BLOCKS)
        self._segment = np.zeros((columns, len(MEANS), SEGMENT), dtype=np.float32)
        self._filled = np.zeros(columns, dtype=np.int64)
        self._spoiled = np.zeros(columns, dtype=bool)
        self._news = False
        self._windows = 0
        self._learn()

    def observe(self, means: Means, present: Mask, disturbed: Mask) -> bool:
        """Take in a window; tell whether the dependence is now another.

        A segment in which a column was ``disturbed`` (in an incident) is not learnt from.
        """
        wanted = present & (self.blocks < MOST_BLOCKS)
        at = np.flatnonzero(wanted)
        self._segment[at, :, self._filled[at]] = means.y[at]
        self._filled[at] += 1
        self._spoiled |= disturbed
        full = np.flatnonzero(self._filled >= SEGMENT)
        if len(full):
            self._take(full[~self._spoiled[full]], SEGMENT, _typical(means))
            self._filled[full], self._segment[full] = 0, 0.0
            self._spoiled[full] = disturbed[full]
        self._windows += 1
        if not self._news or self._windows % _STRIDE:
            return False
        self._news = False
        self._learn()
        return True

    def close(self, columns: Mask, means: Means) -> None:
        """Learn at once from what these columns have of their first segment; of the others it is thrown away.

        ``means`` are those of its newest window.
        """
        for filled in sorted(set(self._filled.tolist())):
            at = np.flatnonzero((self._filled == filled) & columns)
            self._take(at, filled, _typical(means))
        self._filled[:], self._segment[:] = 0, 0.0
        self._spoiled[:] = False
        self._news = False
        self._learn()

    @property
    def independent(self) -> Mask:
        """The channels whose windows do not depend on each other."""
        return np.asarray(self.of_blocks.gain == 0)

    def unsteady(self, scores: Scores, means: Means) -> Mask:
        """Tell which columns moved in the open segment: its halves differ, or it is off the reference.

        ``means`` are those of its newest window.
        """
        first, second, half = self._halves()
        spread = np.sqrt((self.dependence.long_run - 1 + means.sampling) / np.maximum(half, 1)[:, None])
        apart = np.abs(first - second) > _SURE * np.sqrt(2) * spread
        own = np.sqrt(self.of_blocks.long_run * scores.level_variance)
        off = np.abs((first + second) / 2) > _SURE * np.sqrt(spread**2 / 2 + own**2)
        return np.asarray(((apart | off) & scores.varies).any(axis=1) & (half > 0))

    def _halves(self) -> tuple[Floats, Floats, Ints]:
        """Return the means of y over the first and the second half of the open segment, and how long one is."""
        half = self._filled // 2
        place = np.arange(SEGMENT)
        first = (place < half[:, None])[:, None, :]
        second = ((place >= half[:, None]) & (place < 2 * half[:, None]))[:, None, :]
        rows = np.maximum(half, 1)[:, None]
        of_first, of_second = ((self._segment * mask).sum(axis=2, dtype=np.float64) / rows for mask in (first, second))
        return of_first, of_second, half

    def to_state(self) -> State:
        """Return all that is remembered."""
        return {
            "likelihoods": pack(self._likelihoods),
            "blocks": pack(self.blocks),
            "segment": pack(self._segment[:, :, : self._filled.max(initial=0)]),
            "filled": pack(self._filled),
            "spoiled": pack(self._spoiled),
            "news": self._news,
            "windows": self._windows,
            "blocks_each": self._blocks_each,
            "gain": pack(self.of_blocks.gain),
            "decay": pack(self.of_blocks.decay),
        }

    def restore(self, state: State) -> None:
        """Take back what ``to_state`` gave."""
        self._likelihoods = unpack(state["likelihoods"], self._likelihoods)
        self.blocks = unpack(state["blocks"], self.blocks)
        self._filled = unpack(state["filled"], self._filled)
        open_segment = self._segment[:, :, : self._filled.max(initial=0)]
        open_segment[:] = unpack(state["segment"], open_segment)
        self._spoiled = unpack(state["spoiled"], self._spoiled)
        self._news, self._windows = state["news"], state["windows"]
        self._blocks_each = state["blocks_each"]
        like = self.of_blocks.gain
        self._hold(Dependence(unpack(state["gain"], like), unpack(state["decay"], like)))

    def inherit(self, other: "Learning", ours: Ints, theirs: Ints) -> None:
        """Take over what another monitor knows of these of its columns, where that is from more windows."""
        more = other.blocks[theirs] > self.blocks[ours]
        ours, theirs = ours[more], theirs[more]
        self._likelihoods[ours] = other._likelihoods[theirs]  # noqa: SLF001 -- one of its own
        self.blocks[ours] = other.blocks[theirs]
        self._learn()

    def _take(self, columns: Ints, length: int, sampling: float) -> None:
        if not len(columns) or not length:
            return
        y = self._segment[columns, :, :length].astype(np.float64).reshape(-1, length)
        found = log_likelihoods(y, self._blocks_each, sampling).reshape(len(columns), len(MEANS), MODELS)
        self._likelihoods[columns] += found.astype(np.float32)
        self.blocks[columns] += length
        self._news = True

    def _add(self, z: Floats, seen: Mask, worth: float) -> None:
        lengths = seen.sum(axis=2)
        for length in sorted(set(lengths.ravel().tolist())):
            columns, channels = np.nonzero(lengths == length)
            if length:
                rows = z[columns, channels][seen[columns, channels]].reshape(-1, length)
                self._likelihoods[columns, channels] += (worth * log_likelihoods(rows)).astype(np.float32)

    def _learn(self) -> None:
        """Learn each statistic's dependence over all columns together."""
        found = [learn(self._likelihoods[:, n].astype(np.float64), self.blocks) for n in range(len(MEANS))]
        self._hold(Dependence(np.stack([d.gain for d in found], axis=1), np.stack([d.decay for d in found], axis=1)))

    def _hold(self, of_blocks: Dependence) -> None:
        self.of_blocks = of_blocks
        self.dependence = over(of_blocks, self._blocks_each)


def _typical(means: Means) -> float:
    """Return the variance by sampling that is usual for a mean of ranks in this window."""
    seen = means.seen[:, 0]
    return float(np.median(means.sampling[seen, 0])) if seen.any() else 1.0


def errors_over(training: Training, start: Innovations) -> tuple[Floats, Floats]:
    """Return what filters that ``start`` so say of every block: errors and variances, (columns, channels, blocks)."""
    filters = start.copy()
    errors, variances = np.zeros(training.y.shape), np.ones(training.y.shape)
    for block in range(training.y.shape[2]):
        errors[..., block], variances[..., block] = filters.step(
            training.y[..., block], training.sampling[..., block], training.seen[..., block]
        )
    return errors, variances


def tolls(training: Training, start: Innovations, independent: Mask) -> Floats:
    """Return what each bet must win beyond the Gaussian price to break even over the training rows, in logs.

    (columns, channels, bets): the mean over all columns that are taken for dependent, or for independent, or, if
    that is more, what the column's own blocks say, as far as they are many.
    """
    errors, _ = errors_over(training, start)
    clip = np.where(independent, CLIP.min(), DEPENDENT_CLIP)[..., None]
    blocks = training.seen.sum(axis=2)
    own = np.zeros((*independent.shape, len(BETS)))
    for number, bet in enumerate(BETS.tolist()):
        grown = sum(np.exp(bet * np.minimum(side * errors, clip) - bet * bet / 2) for side in (1, -1))
        own[..., number] = np.where(training.seen, grown, 0.0).sum(axis=2) / 2 / np.maximum(blocks, 1)
    out = np.zeros_like(own)
    for kind, channel in product((False, True), range(len(MEANS))):
        chosen = (independent[:, channel] == kind) & (blocks[:, channel] > 0)
        weights = blocks[chosen, channel]
        if weights.sum() >= SEGMENT:
            out[chosen, channel] = (own[chosen, channel] * weights[:, None]).sum(axis=0) / weights.sum()
    trust = (blocks / (blocks + _OWN_TOLL))[..., None]
    toll = np.maximum(np.log(np.maximum(out, 1.0)), trust * np.log(np.maximum(own, 1.0)))
    return np.asarray(toll, dtype=np.float64)


def shape_tolls(scores: Scores, baselines: Sequence[Baseline], null: ShapeNull) -> Floats:
    """Return ln of the mean e-value of the shape over the training rows' blocks, where above 0: per concentration."""
    total, blocks = np.zeros(len(CONCENTRATIONS)), 0
    newest = max(_TOLL_BLOCKS // max(len(baselines), 1), 20)  # of each column: enough of all together
    for at, baseline in enumerate(baselines):
        history = baseline.history[-newest:]
        if not len(history):
            continue
        width = history.shape[1] - HEADER
        shares, concentration, trust = (np.repeat(part[at : at + 1], len(history), axis=0) for part in null[:3])
        one = ShapeNull(shares[:, :width], concentration, trust, null.toll)
        log_e = log_e_values(
            history[:, HEADER:], np.repeat(scores.live[at : at + 1, :width], len(history), axis=0), one
        )
        total += np.exp(np.minimum(log_e, _MOST_LOG)).sum(axis=0)
        blocks += len(history)
    return np.maximum(np.log(total / blocks), 0.0) if blocks else total
