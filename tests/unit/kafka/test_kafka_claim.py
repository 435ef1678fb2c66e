import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftd.errors import InstanceConflict
from driftd.kafka.claim import Claim, refuse_conflict

NOW_MS = 1_700_000_000_000


@given(st.text(), st.integers(0, 2**53), st.booleans())
def test_a_claim_survives_being_written(instance: str, time_ms: int, stopped: bool) -> None:  # noqa: FBT001
    """What is read from the metadata is what was written."""
    claim = Claim(instance, time_ms, stopped)
    assert Claim.from_metadata(claim.to_metadata()) == claim


def test_a_claim_is_compact_json() -> None:
    """Brokers bound the metadata's length, so nothing is wasted."""
    written = [Claim("a", 5).to_metadata(), Claim("a", 5, stopped=True).to_metadata()]
    assert written == ['{"instance":"a","time_ms":5}', '{"instance":"a","time_ms":5,"stopped":true}']


@pytest.mark.parametrize("metadata", [None, "", "text", "[]", "7", '{"instance":"a"}', '{"instance":1,"time_ms":5}'])
def test_other_metadata_is_no_claim(metadata: str | None) -> None:
    """Other programs write what they like into the metadata."""
    assert Claim.from_metadata(metadata) is None


def conflict(*claims: Claim) -> tuple[str, float] | None:
    """Return the other instance and how long ago it was at work, if that is a conflict."""
    try:
        refuse_conflict(claims, "g", "me", NOW_MS, 30.0)
    except InstanceConflict as found:
        return found.other, found.seconds_ago
    return None


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        (Claim("other", NOW_MS - 2_000), ("other", 2.0)),
        (Claim("other", NOW_MS + 2_000), ("other", 0.0)),
        (Claim("other", NOW_MS - 30_000), None),
        (Claim("other", NOW_MS - 2_000, stopped=True), None),
        (Claim("me", NOW_MS - 2_000), None),
    ],
)
def test_another_ones_fresh_claim_is_a_conflict(claim: Claim, expected: tuple[str, float] | None) -> None:
    """Another instance, a short time ago by either clock, and not stopped cleanly."""
    assert conflict(claim) == expected


def test_the_newest_other_claim_is_named() -> None:
    """With several partitions committed by several instances, the latest is told."""
    assert conflict(Claim("a", NOW_MS - 9_000), Claim("b", NOW_MS - 1_000), Claim("me", NOW_MS)) == ("b", 1.0)
