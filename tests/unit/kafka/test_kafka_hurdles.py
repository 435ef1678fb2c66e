from hypothesis import given
from hypothesis import strategies as st

from driftd.kafka.hurdles import first_readable


@given(st.integers(0, 2**40), st.integers(1, 5_000), st.integers(0, 5_000), st.integers(0, 4_999))
def test_exactly_a_damaged_batch_is_left_out(first: int, length: int, rest: int, within: int) -> None:
    """From any offset within it, whatever its length, in few questions; up to the end if nothing follows."""
    asked: list[int] = []
    behind, end = first + length, first + length + rest

    def readable(offset: int) -> bool:
        asked.append(offset)
        assert first <= offset < end
        return offset >= behind

    assert first_readable(first + within % length, end, readable) == behind
    assert len(asked) <= 2 * length.bit_length() + 2


@given(st.lists(st.booleans(), min_size=1, max_size=200))
def test_reading_goes_on_where_it_is_readable_behind_what_is_not(damaged: list[bool]) -> None:
    """With any pattern of damage behind the first offset."""
    pattern = [True, *damaged]
    found = first_readable(0, len(pattern), lambda offset: not pattern[offset])
    assert found == len(pattern) or not pattern[found]
    assert pattern[found - 1]
