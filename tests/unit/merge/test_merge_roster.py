"""Who is watched: limits, profiles of one's own, expiry."""

from hypothesis import given
from hypothesis import strategies as st

from driftd.merge.roster import Roster
from driftd.values.closed import Expired
from driftd.values.keys import MonitorKey
from driftd.values.settings import LimitSettings

MINUTE = 60_000
A, B, C, D = (MonitorKey("fraud", name) for name in "abcd")
ADS, CHURN = MonitorKey("ads"), MonitorKey("churn")


def roster(*, models: int = 9, monitors: int = 3, expire_after: str = "10m") -> Roster:
    """An empty roster for windows of a minute."""
    limits = {"models": models, "monitors": monitors, "expire_after": expire_after}
    return Roster(LimitSettings.model_validate(limits), MINUTE)


def taken(seats: Roster, *monitors: MonitorKey, own: bool = False, at: int = 1) -> list[Expired]:
    """Take in a window that ends so many minutes after the epoch."""
    return seats.seat(dict.fromkeys(monitors, own), at * MINUTE)


def test_newcomers_are_taken_by_key_up_to_the_limit() -> None:
    """Not in the order in which they are named."""
    seats = roster(monitors=2)
    assert taken(seats, C, B, A) == []
    assert seats.monitors == {A, B}


def test_profiles_of_their_own_come_first() -> None:
    """Versions that borrow a profile have what is left."""
    seats = roster(monitors=2)
    seats.seat({A: False, B: False, D: True}, MINUTE)
    assert seats.monitors == {A, D}


def test_a_profile_of_its_own_takes_the_seat_of_the_silent_that_borrows() -> None:
    """Who has been silent for longest goes, then the least key; never one with a profile of its own."""
    seats = roster()
    taken(seats, A, own=True)
    taken(seats, B, C)
    taken(seats, B, at=2)
    assert taken(seats, D, own=True, at=3) == [Expired(C, 3 * MINUTE)]
    assert seats.monitors == {A, B, D}


def test_among_equals_the_least_key_goes() -> None:
    """The choice does not depend on who came first."""
    seats = roster(monitors=2)
    taken(seats, C, B)
    assert taken(seats, A, own=True, at=2) == [Expired(B, 2 * MINUTE)]


def test_nobody_makes_room_for_a_borrowed_profile() -> None:
    """Crowds of made-up versions push out no one."""
    seats = roster(monitors=1)
    taken(seats, B)
    assert taken(seats, A, at=2) == []
    assert seats.monitors == {B}


def test_models_are_limited_too() -> None:
    """A further version of a watched model is taken, another model is not: nobody makes room for it."""
    seats = roster(models=1)
    taken(seats, A)
    assert taken(seats, B, ADS, own=True) == []
    assert seats.monitors == {A, B}


def test_a_version_whose_profile_came_later_is_no_longer_one_that_borrows() -> None:
    """What holds is how its newest window was judged."""
    seats = roster(monitors=1)
    taken(seats, A)
    taken(seats, A, own=True, at=2)
    assert taken(seats, B, own=True, at=3) == []


def test_monitor_expires_at_the_first_window_end_beyond_the_limit() -> None:
    """Silent for exactly expire_after is not too long."""
    seats = roster()
    taken(seats, A)
    assert seats.expire(11 * MINUTE) == []
    assert seats.expire(12 * MINUTE) == [Expired(A, 12 * MINUTE)]
    assert A not in seats


def test_each_window_puts_off_the_end() -> None:
    """Only silence counts."""
    seats = roster()
    taken(seats, A, B)
    taken(seats, A, at=9)
    assert seats.expire(19 * MINUTE) == [Expired(B, 12 * MINUTE)]
    assert seats.expire(20 * MINUTE) == [Expired(A, 20 * MINUTE)]


def test_expired_monitors_are_told_by_event_time_then_by_key() -> None:
    """However far event time has come at once."""
    seats = roster()
    taken(seats, C)
    taken(seats, B, A, at=2)
    assert seats.expire(99 * MINUTE) == [Expired(C, 12 * MINUTE), Expired(A, 13 * MINUTE), Expired(B, 13 * MINUTE)]


def test_seats_of_the_expired_are_free() -> None:
    """Of monitors, and of models."""
    seats = roster(models=1, monitors=1)
    taken(seats, A)
    seats.expire(12 * MINUTE)
    taken(seats, ADS, at=13)
    assert seats.monitors == {ADS}


def test_model_stays_while_one_of_its_monitors_does() -> None:
    """Its seat is free when the last one has gone."""
    seats = roster(models=1)
    taken(seats, A, B)
    taken(seats, B, at=5)
    seats.expire(12 * MINUTE)
    taken(seats, ADS, at=13)
    assert seats.monitors == {B}


steps = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.dictionaries(st.sampled_from([A, B, C, D, ADS, CHURN]), st.booleans(), max_size=5),
    ),
    max_size=25,
)


@given(steps, st.integers(0, 24))
def test_restored_roster_goes_on_like_the_one_that_was_saved(windows: list[tuple[int, dict]], cut: int) -> None:  # type: ignore[type-arg]
    """Saved at any window; and the limits hold after each."""
    one, other = (roster(models=2, expire_after="3m") for _ in range(2))
    at = 0
    for number, (gap, own) in enumerate(windows):
        at += 1 + gap
        if number == cut:
            saved, other = other.seats(), roster(models=2, expire_after="3m")
            other.restore(reversed(saved))
        assert one.expire(at * MINUTE) == other.expire(at * MINUTE)
        assert one.seat(own, at * MINUTE) == other.seat(dict(reversed(own.items())), at * MINUTE)
        assert one.seats() == other.seats()
        assert len(one.monitors) <= 3
        assert len({monitor.model for monitor in one.monitors}) <= 2


@given(steps, st.lists(st.integers(1, 100), max_size=10))
def test_expiry_does_not_depend_on_how_far_event_time_leaps(windows: list[tuple[int, dict]], looks: list[int]) -> None:  # type: ignore[type-arg]
    """Looking more often in between changes neither who expires nor when, nor who is taken."""
    seldom, often = (roster(models=2, expire_after="3m") for _ in range(2))
    at = 0
    told: tuple[list[Expired], list[Expired]] = ([], [])
    for gap, own in windows:
        before, at = at, at + 1 + gap
        for look in sorted({look for look in looks if before < look < at}):
            told[1].extend(often.expire(look * MINUTE))
        for seats, heard in zip((seldom, often), told, strict=True):
            heard.extend(seats.expire(at * MINUTE) + seats.seat(own, at * MINUTE))
    assert told[0] == told[1]
    assert seldom.seats() == often.seats()
