"""Profiles of which outputs show fewer values: categories as tokens, no moments and quantiles.

A masked profile is a profile with ids of its own, so everything that knows profiles knows masked ones; what is
counted and judged against it never meets a text (docs/privacy.md).
"""

from collections.abc import Mapping
from dataclasses import replace

from driftd.errors import ProfileError
from driftd.references.codec import with_ids
from driftd.references.profile import ColumnProfile, Profile
from driftd.values.hashing import text_hash
from driftd.values.keys import Kind, Role
from driftd.values.privacy import Shown, names, shown_of, stricter, token_of


def mask(profile: Profile, settings: Mapping[str, Shown]) -> Profile:
    """Return a profile with the columns that are named masked (values.privacy); itself where nothing changes.

    Bins and counts stay as they are. No column is shown more than before: what is masked cannot be taken back.
    Raises ProfileError if two categories have the same hash.
    """
    wanted = (stricter(column.shown, shown_of(column.key.name, settings)) for column in profile.columns)
    columns = tuple(_masked(profile, column, shown) for column, shown in zip(profile.columns, wanted, strict=True))
    if all(after is before for after, before in zip(columns, profile.columns, strict=True)):
        return profile
    return with_ids(replace(profile, columns=columns))


def unknown_names(profile: Profile, settings: Mapping[str, Shown]) -> tuple[str, ...]:
    """Return the names that no column of the profile has, watched or left out."""
    left_out = [key.partition(":")[2] for key in profile.left_out]
    columns = [*(column.key.name for column in profile.columns), *left_out]
    return tuple(sorted(setting for setting in settings if not any(names(setting, column) for column in columns)))


def _masked(profile: Profile, column: ColumnProfile, shown: Shown) -> ColumnProfile:
    if column.kind is Kind.NUMERIC and shown is not Shown.SHOW:
        shown = Shown.HIDE  # of a number a hash would tell nothing that is of use
    if shown is column.shown:
        return column
    if column.kind is Kind.NUMERIC:
        return replace(column, shown=shown, moments=_of_mismatches(column), quantiles={})
    if column.shown is not Shown.SHOW:
        return replace(column, shown=shown)  # tokens already
    tokens = tuple(token_of(text_hash(category)) for category in column.categories)
    if len(set(tokens)) != len(tokens):
        reason = f"two categories of {column.key} have the same hash: its values can only be shown"
        raise ProfileError(f"{profile.model}/{profile.version_or_none}", reason)
    return replace(column, shown=shown, categories=tokens)


def _of_mismatches(column: ColumnProfile) -> dict[str, float]:
    """Return the extremes of an error that is 0 or 1: its kind and no more, and what detects goes by them."""
    extremes = (column.moments.get("min"), column.moments.get("max"))
    return {"min": 0.0, "max": 1.0} if column.key.role is Role.ERROR and extremes == (0.0, 1.0) else {}
