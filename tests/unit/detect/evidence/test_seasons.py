"""Seasons as the evidence takes them out: at the time of each column's own span, and of each block of the training."""

import json

import numpy as np
import pytest

from driftd.detect.evidence.monitor import MonitorEvidence
from driftd.detect.evidence.scores import MEANS, Means, Scores
from driftd.detect.evidence.seasons import Seasons
from driftd.references.season import DAY_MS, terms
from driftd.values.keys import Channel
from driftd.values.windows import Window
from season_world import WINDOW_MS, SeasonWorld

COLUMNS = 3
WORLD = SeasonWorld(1, COLUMNS, amplitude=3.0, blocks=4 * 288)
FLAT = SeasonWorld(1, COLUMNS, amplitude=0.0, blocks=4 * 288)
LOCATION = MEANS.index(Channel.LOCATION)


def seasons_of(world: SeasonWorld) -> tuple[Seasons, Scores]:
    """Return the seasons of a world, and the scores that give their unit."""
    baselines = world.baselines()
    scores = Scores(baselines, world.calibration.block_rows)
    return Seasons(baselines, scores.unit), scores


def means() -> Means:
    """Return means that are all on their level."""
    shape = (COLUMNS, len(MEANS))
    return Means(np.zeros(shape), np.ones(shape), np.full(shape, 200.0), np.ones(shape, dtype=bool))


def test_each_column_is_taken_at_its_own_span() -> None:
    """What is left of a window on its level is minus the season there: of a carried column, over all its span."""
    seasons, scores = seasons_of(WORLD)
    spans = [Window(0, WINDOW_MS), Window(DAY_MS // 3, DAY_MS // 3 + 2 * WINDOW_MS), Window(DAY_MS // 2, DAY_MS)]
    left = seasons.without(means(), range(COLUMNS), spans).y[:, LOCATION]
    for column, span in enumerate(spans):
        season = WORLD.baselines()[column].season[Channel.LOCATION]
        expected = terms(np.array([span.start_ms]), np.array([span.end_ms]))[0] @ season
        assert left[column] == pytest.approx(-expected / scores.unit[column, LOCATION])
    assert np.abs(left).max() > 1


def test_where_there_is_no_season_nothing_is_done() -> None:
    """The very same means come back, and the training is as it was."""
    seasons, scores = seasons_of(FLAT)
    given = means()
    assert seasons.without(given, range(COLUMNS), [Window(0, WINDOW_MS)] * COLUMNS) is given
    assert not seasons.of_blocks(0).any()
    assert seasons.dispersion(scores).tolist() == [1.0] * COLUMNS


def test_the_blocks_of_the_training_lose_their_season() -> None:
    """Then their means are as far apart as those of independent rows."""
    seasons, scores = seasons_of(WORLD)
    for column, baseline in enumerate(WORLD.baselines()):
        y = (baseline.history[:, 4:] @ scores.ranks[LOCATION, column] / 200) / scores.unit[column, LOCATION]
        assert np.std(y) > 1.5
        assert np.std(y - seasons.of_blocks(column)[LOCATION]) == pytest.approx(1.0, abs=0.15)


def test_the_shape_is_given_the_room_that_the_season_takes() -> None:
    """A peak of 3 standard deviations in one of 19 directions: chi-squared per degree of freedom of 1 + 9 / 19."""
    seasons, scores = seasons_of(WORLD)
    assert seasons.dispersion(scores) == pytest.approx([1 + 9 / 19] * COLUMNS, abs=0.12)


def test_a_restart_amid_a_season_changes_nothing() -> None:
    """The season is the profile's, not the memory's."""
    world = SeasonWorld(2, COLUMNS, amplitude=3.0, blocks=4 * 288)
    undisturbed, restarted = (MonitorEvidence(world.baselines(), WINDOW_MS) for _ in range(2))
    for number in range(40):
        if number == 20:
            memory = json.dumps(restarted.to_state())
            restarted = MonitorEvidence(world.baselines(), WINDOW_MS)
            restarted.restore(json.loads(memory))
        observed, window = world.window()
        assert restarted.observe(observed, window, 300.0, 0) == undisturbed.observe(observed, window, 300.0, 0)


def test_a_column_carried_over_windows_is_judged_at_its_own_span() -> None:
    """Told the wrong span, the same counts lie off their season, and page."""
    carried, wrong = (MonitorEvidence(WORLD.baselines(), WINDOW_MS) for _ in range(2))
    most = {"right": 0.0, "wrong": 0.0}
    for _ in range(40):
        observed, window = WORLD.window()
        other = Window(window.start_ms + DAY_MS // 2, window.end_ms + DAY_MS // 2)
        right = carried.observe(observed, other, 300.0, 0, spans=[window] * COLUMNS)
        most["right"] = max(most["right"], right.log10)
        most["wrong"] = max(most["wrong"], wrong.observe(observed, other, 300.0, 0).log10)
    assert most["right"] < np.log10(300) < most["wrong"]
