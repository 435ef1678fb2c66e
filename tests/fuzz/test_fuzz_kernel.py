"""The compiled summariser against the plain one: whatever comes, both tell the same, to the bit."""

import json
import math
import operator
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from random import Random

from fuzzing import corpus, examples
from hypothesis import example, given
from hypothesis import strategies as st
from kernel_profiles import PROFILES, Book, numeric
from kernel_runs import smallest, told
from kernel_traffic import SOURCE, START_MS, Read, Step, Tell, Traffic, traffic

from driftd.references.profile import Profile
from driftd.summarise.seam import Cursor
from driftd.summarise.settings import TopicSettings
from driftd.summarise.timestamps import EARLIEST_MS, LATEST_MS
from driftd.values.batch import Batch, RecordTime
from driftd.values.keys import Role
from driftd.values.layout import HEADER, INVALID, sums_from_bytes
from driftd.values.settings import LimitSettings, WindowSettings
from kernels import BUILT, NEEDS_KERNEL

pytestmark = NEEDS_KERNEL

MILLISECOND_WINDOWS = WindowSettings(duration="1ms", lateness="30d")
FRESH = Cursor(0, None)


def differs(made_up: Traffic) -> bool:
    """Whether the two tell differently."""
    return told(BUILT["plain"], made_up) != told(BUILT["compiled"], made_up)


def assert_same(made_up: Traffic) -> None:
    """Compare what the two tell; on a difference show the least traffic that makes it."""
    if differs(made_up):
        least = smallest(made_up, differs)
        assert told(BUILT["plain"], least) == told(BUILT["compiled"], least), least


def at_once(values: Sequence[bytes | None], profile: Profile, record_ms: int | None = None) -> Traffic:
    """Return records read in one batch, in windows of a millisecond."""
    offsets = range(len(values))
    timed = RecordTime.NONE if record_ms is None else RecordTime.LOG_APPEND
    batch = Batch(SOURCE, len(values), offsets, values, [record_ms or 0] * len(values), timed)
    steps: list[Step] = [Book((profile,)), Read(batch, FRESH), Tell(all=False)]
    return Traffic(TopicSettings(), MILLISECOND_WINDOWS, LimitSettings(), steps)


@examples(150)
@given(st.integers(0, 2**64 - 1))
def test_both_tell_the_same_of_any_traffic(seed: int) -> None:
    """Whole batches, told and passed windows, references that come and go: every tally and every part is the same."""
    assert_same(traffic(Random(seed)))


def test_both_tell_the_same_of_the_whole_corpus() -> None:
    """Every record that was once interesting, alone and after all the others."""
    records = [path.read_bytes() for path in corpus("events")]
    for profile in PROFILES:
        assert_same(at_once([*records, *reversed(records)], profile, START_MS))
        for record in records:
            assert_same(at_once([record], profile, START_MS))


def test_both_know_their_columns_among_more_keys_than_are_remembered() -> None:
    """Keys that mean nothing are forgotten when they are too many; what has a meaning never is."""
    columns = [numeric(Role.FEATURE, f"x{number}", (1.0,)) for number in range(30)]
    profile = Profile("fraud", "3", 1, tuple(sorted(columns, key=lambda column: column.key)), reference_id="r")
    rng = Random(1)

    def event(number: int) -> bytes:
        keys = [f"{stranger} of {number}" for stranger in range(1_500)] + [f"x{known}" for known in range(30)]
        rng.shuffle(keys)
        features = {key: rng.randrange(3) for key in keys}
        return json.dumps({"model": "fraud", "version": "3", "timestamp": START_MS, "features": features}).encode()

    assert_same(at_once([event(number % 7) for number in range(21)], profile))


def exactly(number: Fraction) -> str:
    """Write a number whose denominator is a power of two, to its last digit."""
    twos = number.denominator.bit_length() - 1
    return f"{number.numerator * 5**twos}e-{twos}"


@st.composite
def near_halfway(draw: st.DrawFn) -> str:
    """Write the middle between two neighbouring doubles, or what is a hair beside it."""
    low = draw(st.floats(0, allow_infinity=False, allow_nan=False))
    high = math.nextafter(low, math.inf)
    middle = Fraction(low) + (Fraction(high if math.isfinite(high) else 2.0**1023) - Fraction(low)) / 2
    mantissa, exponent = exactly(middle).split("e-")
    beside = draw(st.sampled_from(("", "0" * 30, "0" * 30 + "1")))
    mantissa = str(int(mantissa) - draw(st.integers(0, 1))) if not beside else mantissa + beside
    return f"{mantissa}e{-int(exponent) - len(beside)}"


@st.composite
def written_long(draw: st.DrawFn) -> str:
    """Write digits with a point anywhere, and an exponent that may take it back."""
    digits = draw(
        st.text("0123456789", min_size=1, max_size=30) | st.sampled_from(("9" * 400, "1" + "0" * 400, "0" * 40))
    )
    zeros = draw(st.integers(0, 40) | st.sampled_from((310, 400)))
    exponent = draw(st.integers(-30, 30) | st.sampled_from((zeros, -zeros, 308, -324, 10**9, -(10**30))))
    if draw(st.booleans()):
        return f"0.{'0' * zeros}{digits}{draw(st.sampled_from('eE'))}{exponent:+}"
    whole = digits.lstrip("0") or "0"
    return f"{whole}{'0' * zeros if whole != '0' else ''}.{digits}e{exponent:0{draw(st.integers(1, 30))}}"


BORDERS = [
    2**bits + beside for bits in (53, 54, 63, 64, 65) for beside in (-1025, -1024, -2, -1, 0, 1, 2, 3, 1024, 2048)
]
NUMBERS = st.one_of(
    near_halfway(),
    written_long(),
    st.floats(allow_infinity=False, allow_nan=False).map(repr),
    st.floats(allow_infinity=False, allow_nan=False).map(lambda number: format(Decimal(number), "f")),
    st.integers(-(2**70), 2**70).map(str),
    st.sampled_from(BORDERS).map(str),
    st.integers(1, 2**53).flatmap(lambda digits: st.integers(-330, 300).map(lambda exponent: f"{digits}e{exponent}")),
).flatmap(lambda number: st.sampled_from((number, number if number.startswith("-") else f"-{number}")))


@examples(150)
@given(st.lists(NUMBERS, min_size=1, max_size=8))
@example([f"0.500000000000000055511151231257827021181583404541015625{'0' * 720}"])
@example(["-0", "0", "-0.0", "0e9999999999", "1e-9999999999", "1e9999999999"])
@example([f"5{'0' * 400_000}e-400000", f"0.{'0' * 400_000}5e400001"])
@example([f"5{'0' * 700_000}e-700000"])
@example([f"0.{'0' * 700_000}5e700001"])
def test_every_number_is_rounded_correctly(numbers: list[str]) -> None:
    """With bins whose edges are the nearest double and its neighbours, a wrong last bit is another bin."""
    nearest = [float(number) for number in numbers]
    edges = [sorted({math.nextafter(x, -math.inf), x, math.nextafter(x, math.inf)}) for x in nearest]
    columns = [numeric(Role.FEATURE, f"{at:03}", _finite(edges[at])) for at in range(len(numbers))]
    profile = Profile("fraud", "3", 1, tuple(columns), reference_id="r")
    members = ",".join(f'"{at:03}":{number}' for at, number in enumerate(numbers))
    record = f'{{"model":"fraud","version":"3","timestamp":{START_MS},"features":{{{members}}}}}'.encode()
    for make in BUILT.values():
        *_, (part,), _ = told(make, at_once([record], profile))
        sums = sums_from_bytes(part.sums)
        for column, layout, number in zip(columns, profile.layout.columns, nearest, strict=True):
            place = HEADER + bisect_right(column.edges, number) if math.isfinite(number) else INVALID
            assert sums[layout.start + place] == 1


def _finite(edges: Iterable[float]) -> list[float]:
    return [edge for edge in edges if math.isfinite(edge)]


TIME_TEXTS = st.one_of(
    st.builds(
        "{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}{}{}".format,
        st.integers(0, 9999) | st.sampled_from((0, 1, 1900, 1970, 2000, 2024, 9999)),
        st.integers(0, 13),
        st.integers(0, 32) | st.integers(28, 31),
        st.sampled_from("TTTt _"),
        st.integers(0, 24),
        st.integers(0, 60),
        st.integers(0, 61) | st.integers(59, 60),
        st.sampled_from(("", "", ".", ",5", ".0", ".9", ".9999999999", ".0019", ".123456789", "." + "9" * 300)),
        st.sampled_from(("Z", "Z", "z", "", "+00:00", "-00:00", "+23:59", "-23:59", "+24:00", "-00:60", "+0100", " Z")),
    ),
    st.text("0123456789-:+.TtZz ٣", min_size=18, max_size=32),
).map(json.dumps)
MAGNITUDES = [10**power + beside for power in (0, 10, 11, 14, 17, 18) for beside in (-1, 0, 1)]
LIMITS_MS = [bound + beside for bound in (EARLIEST_MS, LATEST_MS, 0) for beside in (-1, 0, 1)]
TIME_NUMBERS = st.one_of(
    st.integers(-(2**64), 2**65),
    st.sampled_from(MAGNITUDES) | st.sampled_from(MAGNITUDES).map(operator.neg),
    st.tuples(st.sampled_from(LIMITS_MS), st.sampled_from((1, 1_000, 10**6))).map(lambda pair: pair[0] * pair[1]),
    st.sampled_from(LIMITS_MS).map(lambda ms: ms // 1_000),
).flatmap(
    lambda number: st.sampled_from((f"{number}", f"-{abs(number)}", f"{number}.0", f"{number}.999", f"{number}e0"))
)
TIME_DOUBLES = st.one_of(
    st.floats(-1e20, 1e20, allow_nan=False).map(repr),
    st.sampled_from((1e11, 1e14, 1e17))
    .flatmap(
        lambda bound: st.sampled_from([math.nextafter(bound, to) * sign for to in (0, math.inf) for sign in (1, -1)])
    )
    .map(repr),
    st.sampled_from(("null", "true", "[]", "{}", '""', "NaN", "-Infinity", "1e400", "-0", "-0.0", "1e-400")),
)


@examples(300)
@given(st.lists(TIME_TEXTS | TIME_NUMBERS | TIME_DOUBLES, min_size=1, max_size=30), st.none() | st.just(START_MS))
def test_every_time_is_read_alike(written: list[str], record_ms: int | None) -> None:
    """Texts and numbers of every form, with and without a record's timestamp to fall back on and be held against."""
    records = [f'{{"model":"fraud","timestamp":{time}}}'.encode() for time in written]
    assert_same(at_once(records, PROFILES[-3], record_ms))
    for record in records:
        assert_same(at_once([record], PROFILES[-3], record_ms))
