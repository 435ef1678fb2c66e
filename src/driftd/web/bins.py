"""A column's bins: the reference's shares beside the newest window's."""

from collections.abc import Sequence
from typing import Any

from driftd.references.profile import ColumnProfile
from driftd.values.keys import Kind
from driftd.values.privacy import Shown


def bin_documents(profile: ColumnProfile, live: Sequence[int] | None) -> list[dict[str, Any]]:
    """Return one document per test bin: its bounds or its category, and the counts and shares of both sides.

    A numeric bin holds ``from <= x < to``; null stands for no bound. Where values are hidden it has its number
    instead, the lowest one is 1. The last bin of a categorical column is ``other``. ``live`` holds the newest
    window's counts per test bin, None where there is none.
    Shares are of the values that fell into bins: missing and invalid ones are left out.
    """
    bounds = _intervals(profile) if profile.kind is Kind.NUMERIC else _categories(profile)
    reference = profile.test_counts.tolist()
    if live is None or len(live) != len(reference):  # counted against another profile
        return [
            bound | {"reference": part, "live": None} for bound, part in zip(bounds, _parts(reference), strict=True)
        ]
    return [
        bound | {"reference": before, "live": now}
        for bound, before, now in zip(bounds, _parts(reference), _parts(live), strict=True)
    ]


def _parts(counts: Sequence[int]) -> list[dict[str, float]]:
    total = sum(counts)
    return [{"count": count, "share": count / total if total else 0.0} for count in counts]


def _intervals(profile: ColumnProfile) -> list[dict[str, Any]]:
    """Return the bounds of the test bins: the edges at which the fine bins' test bin changes."""
    if profile.shown is not Shown.SHOW:
        return [{"bin": number} for number in range(1, profile.test_bins + 1)]
    inner = [
        edge
        for edge, below, above in zip(profile.edges, profile.test_of, profile.test_of[1:], strict=False)
        if below != above
    ]
    return [{"from": low, "to": high} for low, high in zip([None, *inner], [*inner, None], strict=True)]


def _categories(profile: ColumnProfile) -> list[dict[str, Any]]:
    named: list[dict[str, Any]] = [{"category": category} for category in profile.category_names]
    return [*named, {"category": None, "other": True}]
