"""A season in a profile: built from rows, written and read, and kept where a reference is accepted."""

from typing import Any

import numpy as np
import orjson
import pytest

from driftd.errors import ProfileError
from driftd.references.accept import accepted_profile
from driftd.references.blocks import BlockRule
from driftd.references.build import build_profile
from driftd.references.codec import profile_from_json, profile_to_json
from driftd.references.profile import Calibration, Profile
from driftd.references.rows import Row
from driftd.references.season import DAY_MS, TERMS, terms
from driftd.values.keys import Channel, ColumnKey, Role
from driftd.values.layout import HEADER, N
from driftd.values.windows import Window

DAYS, A_DAY = 4, 2_400
X, FLAT = ColumnKey(Role.FEATURE, "x"), ColumnKey(Role.FEATURE, "flat")


def profile(amplitude: float) -> Profile:
    """Return the profile of four days; ``x`` rises and falls with the day, and so does its missing rate."""
    rng = np.random.default_rng(1)
    rows = []
    for at in range(DAYS * A_DAY):
        day = np.sin(2 * np.pi * at / A_DAY)
        missing = rng.random() < 0.1 + amplitude * 0.08 * day
        x = None if missing else float(rng.normal() + amplitude * day)
        rows.append(Row({"x": x, "flat": float(rng.normal())}, time_ms=at * DAY_MS // A_DAY))
    return build_profile(lambda: rows, model="m", version="1", blocks=BlockRule(rows=25))


SEASONAL, PLAIN = profile(1.0), profile(0.0)


def calibration_of(one: Profile) -> Calibration:
    """Return the calibration, which there is."""
    assert one.calibration is not None
    return one.calibration


def test_each_channel_has_the_season_that_it_has() -> None:
    """Location and missing rate of one column, and its scale, which is off twice a day; the other has none."""
    found = calibration_of(SEASONAL).season
    assert set(found) == {X}
    assert set(found[X]) == {Channel.LOCATION, Channel.SCALE, Channel.MISSING}
    assert [place for place, value in enumerate(found[X][Channel.SCALE]) if value and place] == [7, 8]
    assert found[X][Channel.MISSING][5:7] == pytest.approx((0.0, 0.08), abs=0.02)


def test_the_spans_are_those_of_the_blocks_that_are_kept() -> None:
    """The newest 256 of 384, from the first row of each to its last."""
    found = calibration_of(SEASONAL)
    step = DAY_MS // A_DAY
    assert len(found.spans) == len(found.history[X].counts) == 256
    assert found.spans[-1] == ((DAYS * A_DAY - 25) * step, (DAYS * A_DAY - 1) * step)


def test_a_season_is_written_and_read() -> None:
    """To the bit; a profile without any says nothing about seasons, as before there were any."""
    written = profile_to_json(SEASONAL)
    assert profile_from_json(written, "p") == SEASONAL
    assert profile_to_json(profile_from_json(written, "p")) == written
    calibration = orjson.loads(profile_to_json(PLAIN))["calibration"]
    assert set(calibration) == {"block_ms", "block_rows", "blocks", "columns"}
    assert all(set(column) == {"role", "name", "deff", "history"} for column in calibration["columns"])


@pytest.mark.parametrize(
    ("column", "field", "value", "message"),
    [
        (1, "season", {"location": [0.0] * (TERMS - 1)}, "calibration.columns.1.season.location: Tuple should have at"),
        (1, "season", {"location": ["1"] * TERMS}, "calibration.columns.1.season.location.0: Input should be a valid"),
        (1, "season", {"shape": [0.0] * TERMS}, "calibration.columns.1: season: shape is no mean and has none"),
        (None, "spans", [[0, 1]], "calibration: spans must be as many as the blocks of a history with a season"),
        (None, "spans", [[1, 0]] * 256, "calibration: spans must not end before they start"),
        (None, "spans", [[0]] * 256, "calibration.spans.0.1: Field required"),
    ],
)
def test_a_hostile_season_is_refused_by_its_field(column: int | None, field: str, value: Any, message: str) -> None:
    """A changed field is a ProfileError that names what is wrong."""
    document = orjson.loads(profile_to_json(SEASONAL))
    place = document["calibration"] if column is None else document["calibration"]["columns"][column]
    place[field] = value
    with pytest.raises(ProfileError) as caught:
        profile_from_json(orjson.dumps(document), "p")
    assert str(caught.value).startswith(f"p: {message}")


def test_an_accepted_reference_keeps_the_season_about_its_own_level() -> None:
    """It was summed at some hours only: over those its season is 0. Columns that it leaves alone keep theirs."""
    span = Window(DAYS * DAY_MS, DAYS * DAY_MS + DAY_MS // 4)
    sums = np.zeros(SEASONAL.layout.size, dtype=np.int64)
    for place in SEASONAL.layout.columns:
        sums[place.start + N], sums[place.start + HEADER + 20] = 1_000, 1_000
    made = accepted_profile(SEASONAL, "1", sums, (), rows=1_000, span=span, least=1, source="")
    before, after = (calibration_of(one).season[X][Channel.LOCATION] for one in (SEASONAL, made))
    assert after[1:] == before[1:]
    over = terms(np.array([span.start_ms]), np.array([span.end_ms]))[0]
    assert over @ after == pytest.approx(0.0, abs=1e-8)
    assert abs(over @ before) > 0.1
    assert profile_from_json(profile_to_json(made), "p") == made
    left = accepted_profile(SEASONAL, "1", sums, (), rows=1_000, span=span, least=2_000, source="")
    assert calibration_of(left).season == calibration_of(SEASONAL).season
