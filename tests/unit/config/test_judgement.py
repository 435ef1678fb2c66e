"""Which settings decide verdicts, and which of them are in force when."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftd.config.judgement import Judgement, JudgementBook, judgement_of
from driftd.config.load import load_config
from driftd.errors import SnapshotFromFuture
from driftd.incidents.settings import IncidentSettings
from driftd.values.budget import BudgetTerms, parse_budget
from driftd.values.settings import PageRule


def configured(**sections: Mapping[str, Any]) -> Judgement:
    """Return the judgement of a configuration with these sections."""
    return judgement_of(load_config(None, {}, sections))


def by_hold(minutes: int) -> Judgement:
    """Return a judgement that is told from others by its hold."""
    return configured(incidents={"hold": f"{minutes}m"})


FIRST, SECOND, THIRD = by_hold(1), by_hold(2), by_hold(3)


def test_each_model_has_its_own_settings_in_full() -> None:
    """What a model does not set for itself is as in the common section."""
    judgement = configured(incidents={"hold": "2h"}, models={"fraud": {"incidents": {"join": "3h"}}})
    assert IncidentSettings.model_validate({"hold": "2h", "join": "3h"}) == judgement.incidents_of("fraud")
    assert IncidentSettings.model_validate({"hold": "2h"}) == judgement.incidents_of("churn")


def test_judgements_that_judge_alike_are_equal() -> None:
    """Whether a setting is written down or a default, and whether a model repeats what holds for all."""
    assert Judgement() == configured()
    assert configured() == configured(incidents={"hold": "60m"}, detect={"gross": {"windows": 3}})
    assert configured() == configured(models={"fraud": {"incidents": {"join": "1h"}}})
    assert configured() == configured(incidents={"budget": "1 per 720h", "fleet_budget": None})
    assert configured() == configured(models={"fraud": {"columns": {"age": {"importance": 1, "values": "hide"}}}})
    assert configured() == configured(windows={"lateness": "5s"}, limits={"series": 500}, log={"level": "debug"})


@pytest.mark.parametrize(
    "sections",
    [
        {"detect": {"detectors": {"page_hinkley": None}}},
        {"detect": {"gross": {"psi": 0.3}}},
        {"incidents": {"page_on": ["gross"]}},
        {"incidents": {"fleet_budget": "5 per 30d"}},
        {"models": {"fraud": {"incidents": {"silence": "3h"}}}},
        {"models": {"fraud": {"incidents": {"budget": "2 per 30d"}}}},
        {"models": {"fraud": {"columns": {"age": {"importance": 2}}}}},
    ],
)
def test_a_setting_that_verdicts_follow_from_makes_another_judgement(sections: dict[str, Any]) -> None:
    """All of ``detect`` and ``incidents``, what differs for a model, and what its columns weigh."""
    assert configured() != configured(**sections)


def test_a_window_is_judged_by_what_was_in_force_at_its_start() -> None:
    """Before the first change by the first judgement, from each change on by the next."""
    book = JudgementBook(FIRST)
    book.add(SECOND, 100)
    book.add(THIRD, 200)
    expected = [FIRST, FIRST, SECOND, SECOND, THIRD, THIRD]
    assert expected == [book.at(start_ms) for start_ms in (-(10**15), 99, 100, 199, 200, 10**15)]
    assert THIRD == book.newest
    assert (180_000, 60_000) == (book.incidents_at("fraud", 200).hold, book.incidents_at("fraud", 0).hold)


def test_what_pages_is_read_for_each_model_and_window() -> None:
    """Members of ``page_on`` are parsed: detectors, and distances with their threshold."""
    book = JudgementBook(configured(incidents={"page_on": ["psi>0.2"]}))
    fraud = {"incidents": {"page_on": ["gross"]}}
    book.add(configured(incidents={"page_on": ["evidence", "adwin"]}, models={"fraud": fraud}), 100)
    assert (PageRule("psi", 0.2),) == book.paging_at("fraud", 99).rules
    assert (PageRule("gross"),) == book.paging_at("fraud", 100).rules
    assert (PageRule("evidence"), PageRule("adwin")) == book.paging_at("churn", 100).rules


def test_the_budget_is_that_of_the_model_and_the_window() -> None:
    """Its own where it has one, else the common one; beside it what binds all models together."""
    book = JudgementBook(configured())
    fraud = {"incidents": {"budget": "2 per 30d"}}
    book.add(configured(incidents={"budget": "1 per 7d", "fleet_budget": "9 per 30d"}, models={"fraud": fraud}), 100)
    fleet = parse_budget("9 per 30d")
    assert BudgetTerms(parse_budget("1 per 30d"), None) == book.paging_at("fraud", 99).budget
    assert BudgetTerms(parse_budget("2 per 30d"), fleet) == book.paging_at("fraud", 100).budget
    assert BudgetTerms(parse_budget("1 per 7d"), fleet) == book.paging_at("churn", 100).budget


def test_importances_are_those_of_the_model_and_the_window() -> None:
    """By name of a column; one that is not named has 1, as all had before."""
    book = JudgementBook(configured())
    columns = {"age": {"importance": 1.0}, "amount": {"importance": 3}, "iban": {"values": "hide"}}
    book.add(configured(models={"fraud": {"columns": columns}}), 100)
    assert {} == book.paging_at("fraud", 99).importances
    assert {"amount": 3.0} == book.paging_at("fraud", 100).importances
    assert {} == book.paging_at("churn", 100).importances


def test_the_join_is_that_of_the_model_and_the_window() -> None:
    """The evidence lets columns join for as long as their incident can be joined."""
    book = JudgementBook(configured())
    book.add(configured(incidents={"join": "2h"}, models={"fraud": {"incidents": {"join": "3h"}}}), 100)
    found = [
        book.paging_at(model, start_ms).join_ms for model, start_ms in (("fraud", 99), ("fraud", 100), ("churn", 100))
    ]
    assert [3_600_000, 10_800_000, 7_200_000] == found


def test_a_change_that_changes_nothing_adds_nothing() -> None:
    """Nor does one that is taken back before its window has come."""
    book = JudgementBook(FIRST)
    book.add(FIRST, 100)
    assert [None] == [s.from_ms for s in book.sets]
    book.add(SECOND, 100)
    book.add(FIRST, 100)
    assert [(None, FIRST)] == list(book.sets)


def test_the_last_of_several_changes_for_one_window_holds() -> None:
    """A judgement that no window was judged by leaves no trace."""
    book = JudgementBook(FIRST)
    book.add(SECOND, 100)
    book.add(THIRD, 100)
    assert [(None, FIRST), (100, THIRD)] == list(book.sets)


def test_what_no_window_can_need_is_forgotten() -> None:
    """The judgement in force at the time, and those to come, are kept."""
    book = JudgementBook(FIRST)
    book.add(SECOND, 100)
    book.add(THIRD, 200)
    book.forget(99)
    assert [None, 100, 200] == [s.from_ms for s in book.sets]
    book.forget(100)
    assert [100, 200] == [s.from_ms for s in book.sets]
    book.forget(10**15)
    assert [200] == [s.from_ms for s in book.sets]


def test_a_change_at_the_start_of_the_only_judgement_left_takes_its_place() -> None:
    """All windows before are closed, none has come since, and settings change once more."""
    book = JudgementBook(FIRST)
    book.add(SECOND, 100)
    book.forget(100)
    book.add(THIRD, 100)
    assert [(100, THIRD)] == list(book.sets)


changes = st.lists(st.tuples(st.integers(-5, 30), st.integers(0, 3)), max_size=8)


@given(changes, st.integers(-10, 40))
def test_forgetting_never_changes_what_is_still_to_be_judged(made: list[tuple[int, int]], passed_ms: int) -> None:
    """Whatever changed when, every window from there on is judged as by a book that forgets nothing."""
    whole, pruned = JudgementBook(FIRST), JudgementBook(FIRST)
    for from_ms, hold in sorted(made):
        whole.add(by_hold(hold), from_ms)
        pruned.add(by_hold(hold), from_ms)
    pruned.forget(passed_ms)
    to_come = range(passed_ms, 50)
    assert [whole.at(start_ms) for start_ms in to_come] == [pruned.at(start_ms) for start_ms in to_come]


judgements = st.builds(
    configured,
    detect=st.fixed_dictionaries(
        {
            "detectors": st.fixed_dictionaries(
                {
                    "kswin": st.sampled_from([None, {}, {"alpha": 0.01}]),
                    "page_hinkley": st.floats(1e-300, allow_infinity=True).map(lambda at: {"threshold": at}),
                }
            ),
            "gross": st.fixed_dictionaries({"psi": st.floats(1e-300), "windows": st.integers(1, 1000)}),
        }
    ),
    incidents=st.fixed_dictionaries(
        {
            "page_on": st.lists(st.sampled_from(["evidence", "adwin", "gross", "psi>0.2", "ks > 1e-05"])),
            "hold": st.integers(0, 10**12).map(lambda ms: f"{ms}ms"),
            "budget": st.sampled_from(["2 per 30d", "1 per 8640 windows"]),
            "fleet_budget": st.sampled_from(["2 per 30d", "1 per 8640 windows", None]),
        }
    ),
    models=st.dictionaries(
        st.text(min_size=1, max_size=5),
        st.fixed_dictionaries(
            {
                "incidents": st.sampled_from([{}, {"page_on": ["js>0.5"]}, {"budget": "3 per 30d"}]),
                "columns": st.dictionaries(
                    st.text(max_size=3), st.floats(0, 1_000, exclude_min=True).map(lambda by: {"importance": by})
                ),
            }
        ),
    ),
)


@given(st.lists(judgements, min_size=1, max_size=3))
def test_a_book_reads_back_as_it_was_written(drawn: list[Judgement]) -> None:
    """Through JSON and back nothing is lost, infinite thresholds neither."""
    book = JudgementBook(drawn[0])
    for number, judgement in enumerate(drawn[1:]):
        book.add(judgement, number)
    written = orjson.dumps(book.to_state(), option=orjson.OPT_SORT_KEYS)
    other = JudgementBook(Judgement())
    other.restore(orjson.loads(written))
    assert book.sets == other.sets
    assert written == orjson.dumps(other.to_state(), option=orjson.OPT_SORT_KEYS)


def test_a_setting_that_an_older_release_did_not_have_takes_its_default() -> None:
    """As it did then, whatever it was called."""
    book = JudgementBook(THIRD)
    book.restore({"sets": [{"from_ms": None, "incidents": {"hold": "1m"}}]})
    assert [(None, FIRST)] == list(book.sets)


@pytest.mark.parametrize(
    ("told", "where"),
    [
        ({"weather": {}}, "weather"),
        ({"detect": {"detectors": {"oracle": {}}}}, "detect.detectors.oracle"),
        ({"incidents": {"page_on": ["oracle"]}}, "incidents"),
        ({"detect": {"gross": {"windows": 10**6}}}, "detect.gross.windows"),
        ({"importances": {"fraud": {"age": 0}}}, "importances.fraud.age"),
        ({"fleet_budget": "1 per moon"}, "fleet_budget"),
    ],
)
def test_a_setting_of_a_later_release_is_refused(told: dict[str, Any], where: str) -> None:
    """Windows would be judged by something else than the snapshot says; the error names the setting and a way out."""
    with pytest.raises(SnapshotFromFuture, match=f"({where}).*run the release .* driftd state reset"):
        JudgementBook(FIRST).restore({"sets": [{"from_ms": None, **told}]})
