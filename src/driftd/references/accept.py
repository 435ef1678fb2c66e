"""A profile made of live sums: what serving looks like now becomes what it is held against.

Sums know no values, only counts per bin, so the fine bins and their edges stay as they are, and the counts are
exact. The test bins are cut anew from the fine bins: after a change some hold nothing, and others more than their
share, where no further change would be seen. So the binning is another one, which costs nothing: a reference
takes effect at the start of a window, and no window is held against two.
"""

from collections import Counter
from dataclasses import replace

from driftd.references.bins import regroup
from driftd.references.codec import with_ids
from driftd.references.estimates import estimate
from driftd.references.profile import Calibration, ColumnProfile, Ints, Profile
from driftd.references.season import recentred
from driftd.references.tally import CATEGORIES
from driftd.values.hashing import text_hash
from driftd.values.keys import ColumnKey, Kind
from driftd.values.layout import HEADER, INVALID, MISSING, UNSEEN, N, Sums
from driftd.values.part import Unseen, UnseenCategory
from driftd.values.privacy import Shown, hash_in
from driftd.values.windows import Window

LEAST_VALUES = 200  # with fewer values the test bins stay as they are
OPEN_ABOVE = 0.001  # of the values: so many whose texts are not known, and the vocabulary counts as open


def accepted_profile(
    profile: Profile, version: str, sums: Sums, unseen: Unseen, *, rows: int, span: Window, least: int, source: str
) -> Profile:
    """Return the profile of a version's live data, which were held against ``profile``.

    ``sums`` are those of ``rows`` events in this ``span``, laid out as ``profile.layout`` says; ``unseen`` is sorted
    by column. A column with fewer than ``least`` observations in them keeps its reference. Columns, kinds, edges and
    what is left out stay; moments and quantiles are estimated from the bins. Design effects stay, and so do seasons,
    about the level of the span; the history of the training rows does not: it is of another level. O(bins).
    """
    columns = []
    seen: set[ColumnKey] = set()
    for position, (column, place) in enumerate(zip(profile.columns, profile.layout.columns, strict=True)):
        run = sums[place.start : place.stop]
        if run[N] < least:
            columns.append(column)
            continue
        seen.add(column.key)
        columns.append(_live(column, run, [category for category in unseen if category.column == position]))
    return with_ids(
        replace(
            profile,
            version=profile.version if profile.version_or_none == version else version,
            rows=rows,
            columns=tuple(columns),
            calibration=_at_new_level(profile.calibration, seen, span),
            source=source,
        )
    )


def _at_new_level(calibration: Calibration | None, columns: set[ColumnKey], span: Window) -> Calibration | None:
    if calibration is None:
        return None
    history = {key: kept for key, kept in calibration.history.items() if key not in columns}
    season = {
        key: {channel: recentred(one, span) if key in columns else one for channel, one in found.items()}
        for key, found in calibration.season.items()
    }
    return replace(calibration, history=history, season=season)


def _live(column: ColumnProfile, run: Sums, unseen: list[UnseenCategory]) -> ColumnProfile:
    counted = replace(column, n=int(run[N]), missing=int(run[MISSING]), invalid=int(run[INVALID]))
    counts = run[HEADER:]
    if not counts.any():  # nothing is known of where values lie: the bins wait for some to come back
        return replace(counted, counts=tuple(counts.tolist()))
    if column.kind is Kind.NUMERIC:
        return _numeric(counted, counts)
    return _categorical(counted, counts, int(run[UNSEEN]), unseen)


def _numeric(column: ColumnProfile, counts: Ints) -> ColumnProfile:
    live = replace(column, counts=tuple(counts.tolist()))
    if counts.sum() >= LEAST_VALUES:
        live = replace(live, test_of=regroup(counts))
    if column.shown is not Shown.SHOW or not column.edges:
        return live
    moments, quantiles = estimate(column.edges, counts)
    return replace(live, moments=moments, quantiles=quantiles)


def _categorical(
    column: ColumnProfile, counts: Ints, unseen_events: int, unseen: list[UnseenCategory]
) -> ColumnProfile:
    """Name the most frequent texts as categories, the unseen ones among them; the others are known, in ``other``.

    Of unseen texts 16 are kept with their counts. Where those are not nearly all, the vocabulary counts as open:
    else the new normal would be unseen for good.
    """
    *named, other = counts.tolist()
    events = Counter(dict(zip(column.categories, named, strict=True)))
    hashes = {category: hash_in(category) if _masked(column) else text_hash(category) for category in column.categories}
    known = set(column.known)
    for category in unseen:
        if _masked(column) or text_hash(category.text) == category.hash:
            hashes[category.text] = category.hash
            events[category.text] = category.events
            other -= category.events
        else:  # only the beginning of the text is kept
            known.add(category.hash)
    order = sorted(events, key=lambda text: (-events[text], text))
    kept = [text for text in order[:CATEGORIES] if events[text]]
    rarer = order[len(kept) :]
    not_known = unseen_events - sum(category.events for category in unseen)
    is_open = column.open_vocabulary or not_known > OPEN_ABOVE * sum(counts.tolist())
    return replace(
        column,
        categories=tuple(kept),
        counts=(*(events[text] for text in kept), other + sum(events[text] for text in rarer)),
        known=frozenset() if is_open else frozenset(known | {hashes[text] for text in rarer}),
        open_vocabulary=is_open,
    )


def _masked(column: ColumnProfile) -> bool:
    return column.shown is not Shown.SHOW
