"""What the fuzz tests share: how hard they try, how bytes and plain data are damaged, and the corpus.

The usual run draws few examples. ``make fuzz`` draws many, from a seed that it prints: DRIFTD_FUZZ_EXAMPLES says
how many times as many. Inputs that once showed a defect lie in ``corpus`` and are tried in every run.
"""

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

CORPUS = Path(__file__).parent / "corpus"
TIMES = int(os.environ.get("DRIFTD_FUZZ_EXAMPLES", "1"))

#: Plain data that is rarely expected where it is put.
ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    2**31,
    2**53,
    2**63 - 1,
    -(2**63),
    2**64 - 1,
    0.5,
    -0.0,
    5e-324,
    1.7976931348623157e308,
    "",
    "x",
    "\x00",
    "\u2028",
    "9" * 5_000,
    "NaN",
    [],
    {},
    [[]],
    {"": None},
)
ODD_BYTES = (b"\x00", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xef\xbb\xbf", b'"', b"\\", b"\\ud800", b"NaN", b"1e999")


def examples(usual: int) -> settings:
    """Return Hypothesis settings for a test that draws so many examples in a usual run."""
    return settings(
        deadline=None,
        max_examples=usual * TIMES,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def corpus(folder: str) -> list[Path]:
    """Return the committed inputs of one kind."""
    found = sorted(path for path in (CORPUS / folder).iterdir() if path.is_file())
    assert found, f"the corpus of {folder} is empty"
    return found


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """Draw the bytes with a few flips, cuts, repeats and insertions."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        until = min(at + draw(st.integers(1, 40)), len(data))
        kind = draw(st.sampled_from(("flip", "cut", "repeat", "insert", "end")))
        if kind == "flip" and at < len(data):
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "cut":
            del data[at:until]
        elif kind == "repeat":
            data[at:at] = data[at:until] * draw(st.integers(1, 3))
        elif kind == "insert":
            data[at:at] = draw(st.sampled_from(ODD_BYTES) | st.binary(max_size=8))
        elif kind == "end":
            del data[at:]
    return bytes(data)


def places(document: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to everything in plain data, the whole of it excepted."""
    inner = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for step, value in inner:
        yield (*above, step)
        yield from places(value, (*above, step))


def changed(document: Any, way: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    """Return plain data with one place changed; what is not on the way is shared."""
    if not way:
        return change(document)
    step, *rest = way
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[step] = changed(copy[step], tuple(rest), change)
    return copy


def without(document: Any, way: tuple[Any, ...]) -> Any:
    """Return plain data with one place taken away."""
    *above, step = way

    def remove(container: Any) -> Any:
        copy = dict(container) if isinstance(container, dict) else list(container)
        del copy[step]
        return copy

    return changed(document, tuple(above), remove)


def altered(document: Any) -> st.SearchStrategy[Any]:
    """Draw plain data with one to three places replaced by something odd, doubled or taken away."""
    kinds: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for way in places(document):  # by kind of place first: a long list is no likelier than a single field
        kinds.setdefault(tuple("*" if isinstance(step, int) else step for step in way), []).append(way)
    change = st.tuples(
        st.sampled_from(sorted(kinds)).flatmap(lambda kind: st.sampled_from(kinds[kind])),
        st.sampled_from(("replace", "replace", "remove", "double")),
        st.sampled_from(ODD),
    )
    return st.lists(change, min_size=1, max_size=3).map(lambda changes: _changed_by(document, changes))


def _instead(odd: Any, _: Any) -> Any:
    return odd


def _changed_by(document: Any, changes: list[tuple[tuple[Any, ...], str, Any]]) -> Any:
    for way, kind, odd in changes:
        try:
            if kind == "remove":
                document = without(document, way)
            elif kind == "double":
                document = changed(document, way, lambda value: [value, value])
            else:
                document = changed(document, way, partial(_instead, odd))
        except (LookupError, TypeError):  # the change before has taken this place away
            continue
    return document
