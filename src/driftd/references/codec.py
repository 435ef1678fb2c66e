"""A profile as one versioned JSON document, and back. The bytes are a function of the content.

``binning_id`` is the hash of what shapes the sums (keys, kinds, edges, categories), ``reference_id`` of all
but ``source``. A document is refused whose ids do not follow from its content: it was edited or damaged.
"""

from dataclasses import replace
from typing import Any

import orjson
from pydantic import ValidationError

from driftd.errors import ProfileError
from driftd.references.document import CalibrationDocument, ColumnDocument, ProfileDocument
from driftd.references.profile import BlockCounts, Calibration, ColumnProfile, Profile
from driftd.values.hashing import content_id
from driftd.values.keys import ColumnKey
from driftd.values.privacy import Shown

FORMAT = 1
_BINNING = (
    "role",
    "name",
    "kind",
    "edges",
    "test_of",
    "categories",
    "known",
    "open_vocabulary",
    "vector",
    "class_name",
)


def profile_to_json(profile: Profile) -> bytes:
    """Write a profile: UTF-8, sorted keys, a line feed at the end."""
    document = {**_document(profile), "binning_id": profile.binning_id, "reference_id": profile.reference_id}
    return _canonical({**document, "source": profile.source}) + b"\n"


def profile_from_json(data: bytes, name: str) -> Profile:
    """Read a profile; ``name`` (of its file) stands in every error. Raises ProfileError for whatever is wrong."""
    _check_format(data, name)
    try:
        document = ProfileDocument.model_validate_json(data)
    except ValidationError as error:
        raise ProfileError(name, _first(error)) from None
    profile = _profile(document)
    expected = with_ids(profile)
    for field in ("binning_id", "reference_id"):
        if getattr(profile, field) != getattr(expected, field):
            reason = f"{field} is {getattr(profile, field)!r}, but the content gives {getattr(expected, field)!r}"
            raise ProfileError(name, f"{reason}: it was changed after it was built; build it again")
    return expected


def with_ids(profile: Profile) -> Profile:
    """Return the profile with the ids that follow from its content."""
    document = _document(profile)
    binning = [{field: column[field] for field in _BINNING} for column in document["columns"]]
    return replace(profile, binning_id=content_id(_canonical(binning)), reference_id=content_id(_canonical(document)))


def _canonical(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _check_format(data: bytes, name: str) -> None:
    try:
        raw = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ProfileError(name, f"is not JSON: {error}") from None
    if not isinstance(raw, dict) or "driftd_profile" not in raw:
        raise ProfileError(name, "is not a driftd profile: there is no field driftd_profile")
    if raw["driftd_profile"] != FORMAT:
        written = raw["driftd_profile"]
        shown = repr(written) if isinstance(written, int) else "no number"
        reason = f"driftd_profile is {shown}, but this release reads {FORMAT}"
        raise ProfileError(name, f"{reason}: build the profile with this release")


def _first(error: ValidationError) -> str:
    """Say what is wrong with the first field that is, by its place."""
    problem = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(step) for step in problem["loc"]) or "the document"
    return f"{place}: {problem['msg'].removeprefix('Value error, ')}"


def _document(profile: Profile) -> dict[str, Any]:
    """Return all that is hashed into the reference's id."""
    return {
        "driftd_profile": FORMAT,
        "model": profile.model,
        "version": profile.version,
        "rows": profile.rows,
        "columns": [_column_document(column) for column in profile.columns],
        "left_out": profile.left_out,
        "calibration": profile.calibration and _calibration_document(profile.calibration),
    }


def _column_document(column: ColumnProfile) -> dict[str, Any]:
    return {
        "role": column.key.role,
        "name": column.key.name,
        "kind": column.kind,
        "n": column.n,
        "missing": column.missing,
        "invalid": column.invalid,
        "counts": column.counts,
        "edges": column.edges,
        "test_of": column.test_of,
        "categories": column.categories,
        "known": sorted(column.known),
        "open_vocabulary": column.open_vocabulary,
        "moments": column.moments,
        "quantiles": column.quantiles,
        "vector": column.vector,
        "class_name": column.class_name,
        # left out where everything is shown: profiles built before there was this key keep their bytes and ids
        **({} if column.shown is Shown.SHOW else {"values": column.shown}),
    }


def _calibration_document(calibration: Calibration) -> dict[str, Any]:
    return {
        "block_ms": calibration.block_ms,
        "block_rows": calibration.block_rows,
        "blocks": calibration.blocks,
        # left out where there is no season: profiles built before there were any keep their bytes and ids
        **({"spans": calibration.spans} if calibration.spans else {}),
        "columns": [
            {
                "role": key.role,
                "name": key.name,
                "deff": {channel.value: deff for channel, deff in calibration.deff[key].items()},
                "history": calibration.history[key].counts if key in calibration.history else (),
                **_season_document(calibration, key),
            }
            for key in sorted(calibration.deff)
        ],
    }


def _season_document(calibration: Calibration, key: ColumnKey) -> dict[str, Any]:
    season = calibration.season.get(key)
    return {"season": {channel.value: terms for channel, terms in season.items()}} if season else {}


def _profile(document: ProfileDocument) -> Profile:
    return Profile(
        model=document.model,
        version=document.version,
        rows=document.rows,
        columns=tuple(_column(column) for column in document.columns),
        left_out=document.left_out,
        calibration=None if document.calibration is None else _calibration(document.calibration),
        source=document.source,
        binning_id=document.binning_id,
        reference_id=document.reference_id,
    )


def _column(column: ColumnDocument) -> ColumnProfile:
    fields = {name: getattr(column, name) for name in ColumnDocument.model_fields if name not in {"role", "name"}}
    return ColumnProfile(key=ColumnKey(column.role, column.name), **{**fields, "known": frozenset(column.known)})


def _calibration(calibration: CalibrationDocument) -> Calibration:
    columns = {ColumnKey(column.role, column.name): column for column in calibration.columns}
    return Calibration(
        block_ms=calibration.block_ms,
        block_rows=calibration.block_rows,
        blocks=calibration.blocks,
        deff={key: dict(column.deff) for key, column in columns.items()},
        history={key: BlockCounts(column.history) for key, column in columns.items() if column.history},
        season={key: dict(column.season) for key, column in columns.items() if column.season},
        spans=calibration.spans,
    )
