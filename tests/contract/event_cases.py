"""The table of docs/events.md as records and what must become of each."""

import json
from typing import Any, NamedTuple

from summarisers import NOON_MS, event

from driftd.summarise.settings import TopicSettings
from driftd.summarise.timestamps import EARLIEST_MS, LATEST_MS
from driftd.values.batch import RecordTime
from driftd.values.hashing import text_hash
from driftd.values.keys import Reason
from driftd.values.privacy import token_of
from driftd.values.settings import LimitSettings

#: Rows about more than one record: tests/contract/test_summariser.py.
ELSEWHERE = {"V13", "W1", "W2", "W3", "W4", "W6", "W7"}


class Case(NamedTuple):
    """A record, the row of the law that it tries, and (part of) what must become of it."""

    row: str
    value: bytes | None
    expected: dict[str, Any]
    circumstances: dict[str, Any]


CASES: list[Case] = []


def _case(row: str, value: bytes | None, expected: dict[str, Any] | Reason, **circumstances: Any) -> None:
    if isinstance(expected, Reason):
        expected = {"rejected": expected}
    CASES.append(Case(row, value, expected, circumstances))


def _raw(amount: str | bytes, extra: str | bytes = b"") -> bytes:
    """Return an event whose amount, and whatever follows its features, is written as given."""
    amount, extra = (part.encode() if isinstance(part, str) else part for part in (amount, extra))
    return b'{"model":"plain","timestamp":1700000000,"features":{"amount":' + amount + b"}" + extra + b"}"


def _nested(depth: int) -> str:
    """Return an ignored field that makes an event ``depth`` deep."""
    return ',"ignored":' + "[" * (depth - 1) + "]" * (depth - 1)


TIMED = {"model": "plain", "time_ms": NOON_MS}

# Records
_case("R1", None, Reason.TOMBSTONE)
_case("R2", b" " * (LimitSettings().event_bytes + 1), Reason.TOO_LARGE)
_case("R2", b"\x1f\x8b" * LimitSettings().event_bytes, Reason.TOO_LARGE)
_case("R2", event() + b" " * (LimitSettings().event_bytes - len(event())), TIMED)
_case("R3", b"\x1f\x8b\x08\x00", Reason.UNSUPPORTED)
_case("R4", b"\x00\x00\x00\x00\x07" + event(), Reason.UNSUPPORTED)
_case("R4", b"\x01", Reason.UNSUPPORTED)
_case("R5", b"", Reason.MALFORMED)
_case("R5", b" \t\r\n", Reason.MALFORMED)

# JSON
for text in (b"[]", b"1", b'"{}"', b"null", b"NaN", b"[" + event() + b"]"):
    _case("J1", text, Reason.MALFORMED)
_case("J2", _raw("18446744073709551615"), {"amount": "bin 3"})
_case("J2", _raw("-9223372036854775808"), {"amount": "bin 0"})
_case("J2", event(model=18446744073709551615), {"model": "18446744073709551615"})
_case("J3", _raw("18446744073709551616"), {"amount": "bin 3"})
_case("J3", event(model=18446744073709551616), Reason.MISSING_MODEL)
_case("J3", event(version=-9223372036854775809), Reason.MALFORMED)
_case("J4", _raw("9.9999999999999999999999999999"), {"amount": "bin 2"})
_case("J4", _raw("9.999999999999999"), {"amount": "bin 1"})
_case("J4", _raw("-1e-400"), {"amount": "bin 1"})
_case("J4", _raw("0." + "0" * 400 + "1e401"), {"amount": "bin 1"})
for text in (b"1e400", b"-1e400", b"9" * 400, b"-" + b"9" * 400 + b".5", b"1e99999999999999999999"):
    _case("J5", _raw(text), {"amount": "invalid", "country": "missing"})
    _case("J5", _raw("1", b',"ignored":' + text), {"amount": "bin 1"})
for text in (b"NaN", b"Infinity", b"-Infinity"):
    _case("J6", _raw(text), {"amount": "invalid", "country": "missing"})
    _case("J6", _raw("1", b',"ignored":[ ' + text + b' ,"NaN 1 \\" 2"]'), {"amount": "bin 1"})
    _case("J6", event()[:-1] + b',"prediction":' + text + b"}", {"prediction": "invalid"})
for word in (
    "nan",
    "-NaN",
    "+Infinity",
    "inf",
    "Inf",
    "infinity",
    "1NaN",
    "NaN1",
    "- Infinity",
    "NaNInfinity",
    "1e400e",
):
    _case("J7", _raw(word), Reason.MALFORMED)
_case("J8", _raw("-0"), {"amount": "bin 1"})
_case("J8", _raw("-0.0"), {"amount": "bin 1"})
for word in ("01", "+1", ".5", "1.", "1e", "0x1", "1_000", "-", "1e+", "--1", "00", "-01"):
    _case("J9", _raw(word), Reason.MALFORMED)
    _case("J9", _raw("NaN", f',"ignored":{word}'), Reason.MALFORMED)
_case("J10", _raw('1,"amount":50'), {"amount": "bin 2"})
_case("J10", _raw('NaN,"amount":50'), {"amount": "bin 2"})
_case("J10", _raw('1,"country":"DE"', ',"features":{"country":"FR"}'), {"amount": "missing", "country": "bin 1"})
for bad in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"):
    _case("J11", _raw("1", b',"ignored":"' + bad + b'"'), Reason.MALFORMED)
    _case("J11", _raw("1", b',"' + bad + b'":1'), Reason.MALFORMED)
    _case("J11", _raw("NaN", b',"ignored":"' + bad + b'","ignored":1'), Reason.MALFORMED)
for escape in (rb"\ud800", rb"\udc00\ud800", rb"\uD83D\u0041", rb"\uDE00", rb"\ud800\\udc00"):
    _case("J12", _raw("1", b',"ignored":"' + escape + b'"'), Reason.MALFORMED)
    _case("J12", _raw("1", b',"' + escape + b'":1'), Reason.MALFORMED)
    _case("J12", _raw("NaN", b',"ignored":["' + escape + b'"],"ignored":1'), Reason.MALFORMED)
_case("J13", _raw(rb'1,"country":"\ud83d\ude00"'), {"country": "bin 3"})
_case("J13", _raw(rb'NaN,"country":"\ud83d\ude00"'), {"country": "bin 3"})
_case("J14", b"\xef\xbb\xbf" + event(), Reason.MALFORMED)
_case("J14", b"\xef\xbb\xbf" + _raw("NaN"), Reason.MALFORMED)
for control in (b"\x00", b"\n", b"\x1f"):
    _case("J15", _raw("1", b',"ignored":"' + control + b'"'), Reason.MALFORMED)
    _case("J15", _raw("NaN", b',"ignored":"' + control + b'"'), Reason.MALFORMED)
_case("J16", event(model="a\x00b\n"), {"model": "a\x00b\n"})
_case("J16", event(model="a").replace(b'"a"', b'"\x7f"'), {"model": "\x7f"})
for escape in (rb"\q", rb"\x41", rb"\u12", rb"\u12G4", rb"\U00000041"):
    _case("J17", _raw("1", b',"ignored":"' + escape + b'"'), Reason.MALFORMED)
_case("J18", b" \t\r\n" + event().replace(b":", b"\t:\r\n").replace(b",", b" , ") + b"\n", TIMED)
for space in (b"\x0b", b"\x0c", b"\xc2\xa0", b"\xe2\x80\xa8"):
    _case("J19", space + event(), Reason.MALFORMED)
    _case("J19", _raw(space + b"NaN"), Reason.MALFORMED)
for rest in (b"{}", b"x", b"\x00", b",", b"NaN", b" 1"):
    _case("J20", event() + rest, Reason.MALFORMED)
for amount in ("1", "NaN"):
    _case("J21", _raw(amount, _nested(1024)), {"country": "missing"})
    _case("J22", _raw(amount, _nested(1025)), Reason.MALFORMED)
    _case("J22", _raw(amount, _nested(100_000)), Reason.MALFORMED)
_case("J22", _raw("1", ',"ignored":' + '{"a":' * 1024 + "1" + "}" * 1024), Reason.MALFORMED)
for cut in (1, 10, 40, 60):
    _case("J23", _raw("NaN")[:cut], Reason.MALFORMED)
    _case("J23", _raw("12345")[:cut], Reason.MALFORMED)
_case("J24", _raw("1,"), Reason.MALFORMED)
_case("J24", _raw("1", ',"ignored":[1,]'), Reason.MALFORMED)
_case("J24", _raw("1 /* one */"), Reason.MALFORMED)
_case("J24", _raw("'1'"), Reason.MALFORMED)
_case("J24", _raw("1", ",ignored:1"), Reason.MALFORMED)
_case("J24", _raw("1", ",NaN:1"), Reason.MALFORMED)

# Model, version, features
_case("N1", event(model=" Fraud "), {"model": " Fraud ", "version": "none"})
_case("N2", event(model=-7), {"model": "-7"})
_case("N2", _raw("1", ',"model":-0'), {"model": "0"})
_case("N3", b'{"timestamp":1}', Reason.MISSING_MODEL)
WRONG_MODELS: tuple[Any, ...] = (None, "", 1.5, 3.0, True, [], {}, float("nan"))
for wrong in WRONG_MODELS:
    _case("N3", event(model=wrong), Reason.MISSING_MODEL)
_case("N4", event(version="3"), {"version": "3"})
_case("N5", event(version=3), {"version": "3"})
for nothing in (None, "", "none"):
    _case("N6", event(version=nothing), {"version": "none"})
for wrong in (1.5, 3.0, False, [], {"a": 1}):
    _case("N7", event(version=wrong), Reason.MALFORMED)
    _case("N7", event(model=None, version=wrong), Reason.MALFORMED)
_case("N8", event(model="m" * 201), Reason.LIMIT)
_case("N8", event(version="v" * 201, timestamp="?"), Reason.LIMIT)
_case("N8", event(model="😀" * 200), {"model": "😀" * 200})
_case("N9", event(), {"amount": "missing", "place[0]": "missing"})
_case("N9", event(features=None), {"amount": "missing", "country": "missing"})
for wrong in ([], "amount", 1, True):
    _case("N10", event(features=wrong), Reason.MALFORMED)

# Time
for written, read_ms in (
    ("2023-11-14T22:13:20Z", NOON_MS),
    ("2023-11-14t22:13:20z", NOON_MS),
    ("2023-11-14 22:13:20.5Z", NOON_MS + 500),
    ("2023-11-15T03:43:20+05:30", NOON_MS),
    ("2023-11-14T14:13:20-08:00", NOON_MS),
    ("2024-02-29T00:00:00Z", 1_709_164_800_000),
    ("0001-01-01T00:00:00Z", EARLIEST_MS),
    ("9999-12-31T23:59:59.999999Z", LATEST_MS),
):
    _case("T1", event(timestamp=written), {"time_ms": read_ms})
_case("T2", event(timestamp="2023-11-14T22:13:20.1239999Z"), {"time_ms": NOON_MS + 123})
_case("T2", event(timestamp="2023-11-14T22:13:20." + "9" * 5000 + "Z"), {"time_ms": NOON_MS + 999})
_case("T2", event(timestamp="1969-12-31T23:59:59.0019Z"), {"time_ms": -999})
for wrong in (
    "2023-11-14T22:13:20",
    "2023-11-14",
    "2023-11-14T22:13:20,5Z",
    "2023-11-14T22:13:20.Z",
    "2023-11-14T22:13:20+0530",
    "20231114T221320Z",
    "٢023-11-14T22:13:20Z",
    " 2023-11-14T22:13:20Z",
    "2023-11-14T22:13:20Z\n",
    "2023-11-14T22:13Z",
):
    _case("T3", event(timestamp=wrong), Reason.NO_TIMESTAMP)
for wrong in (
    "2023-02-30T00:00:00Z",
    "2023-02-29T00:00:00Z",
    "2023-13-01T00:00:00Z",
    "2023-11-14T24:00:00Z",
    "2023-11-14T23:60:00Z",
    "2023-11-14T23:59:61Z",
    "2023-11-14T22:13:20+24:00",
    "2023-11-14T22:13:20+00:60",
    "0000-12-31T23:59:59-01:00",
):
    _case("T4", event(timestamp=wrong), Reason.NO_TIMESTAMP)
_case("T5", event(timestamp="2016-12-31T23:59:60.25Z"), {"time_ms": 1_483_228_800_250})
_case("T5", event(timestamp="2023-11-14T22:12:60Z"), {"time_ms": NOON_MS - 20_000})
_case("T6", event(timestamp="2023-11-14T22:13:20-00:00"), {"time_ms": NOON_MS})
_case("T7", event(timestamp=0), {"time_ms": 0})
_case("T7", event(timestamp=-1), {"time_ms": -1_000})
_case("T7", event(timestamp=99_999_999_999), {"time_ms": 99_999_999_999_000})
_case("T8", event(timestamp=100_000_000_000), {"time_ms": 100_000_000_000})
_case("T8", event(timestamp=99_999_999_999_999), {"time_ms": 99_999_999_999_999})
_case("T9", event(timestamp=100_000_000_000_999), {"time_ms": 100_000_000_000})
_case("T9", event(timestamp=-100_000_000_000_001), {"time_ms": -100_000_000_001})
_case("T9", event(timestamp=99_999_999_999_999_999), {"time_ms": 99_999_999_999_999})
_case("T10", event(timestamp=100_000_000_000_000_000), {"time_ms": 100_000_000_000})
_case("T10", event(timestamp=1_700_000_000_000_999_999), {"time_ms": NOON_MS})
_case("T11", event(timestamp=1_700_000_000.5), {"time_ms": NOON_MS + 500})
_case("T11", event(timestamp=-0.0005), {"time_ms": -1})
_case("T11", event(timestamp=1_700_000_000_000.9), {"time_ms": NOON_MS})
_case("T11", event(timestamp=1.7e15), {"time_ms": NOON_MS})
_case("T11", event(timestamp=1.7e18), {"time_ms": NOON_MS})
for wrong in (1e300, 10**22, -99_999_999_999, "9999-12-31T23:59:59-00:01", "0001-01-01T00:00:00+00:01"):
    _case("T12", event(timestamp=wrong), Reason.NO_TIMESTAMP)
for wrong in (True, [], {}, "", "now", float("nan"), float("-inf")):
    _case("T13", event(timestamp=wrong), Reason.NO_TIMESTAMP)
    _case("T13", event(timestamp=wrong), Reason.NO_TIMESTAMP, timestamp_ms=NOON_MS, record_time=RecordTime.LOG_APPEND)
for value in (event(timestamp=None), b'{"model":"plain"}'):
    _case("T14", value, TIMED, timestamp_ms=NOON_MS, record_time=RecordTime.CREATE)
    _case("T14", value, TIMED, timestamp_ms=NOON_MS, record_time=RecordTime.LOG_APPEND)
    _case("T15", value, Reason.NO_TIMESTAMP)
    for unusable in (-1, LATEST_MS + 1):
        _case("T15", value, Reason.NO_TIMESTAMP, timestamp_ms=unusable, record_time=RecordTime.CREATE)

# Clocks
SKEW_MS = 300_000
AHEAD = event(timestamp=NOON_MS + SKEW_MS + 1)
JUST = event(timestamp=NOON_MS + SKEW_MS)
STANDING: dict[str, Any] = {"rejected": Reason.FUTURE, "moved": None, "refused": []}
for row, kind in (("C1", RecordTime.LOG_APPEND), ("C2", RecordTime.CREATE)):
    _case(row, AHEAD, STANDING, timestamp_ms=NOON_MS, record_time=kind, clock_ms=NOON_MS)
    _case(row, JUST, {"time_ms": NOON_MS + SKEW_MS}, timestamp_ms=NOON_MS, record_time=kind, clock_ms=NOON_MS)
_case("C1", AHEAD, {"model": "plain"}, timestamp_ms=NOON_MS + 1, record_time=RecordTime.LOG_APPEND, clock_ms=0)
_case("C2", AHEAD, {"model": "plain"}, timestamp_ms=-1, record_time=RecordTime.CREATE, clock_ms=NOON_MS + 1)
BY_OUR_CLOCK = {"rejected": Reason.FUTURE, "moved": None, "refused": [0]}
_case("C3", AHEAD, BY_OUR_CLOCK, timestamp_ms=NOON_MS + 1, record_time=RecordTime.CREATE, clock_ms=NOON_MS)
_case("C3", event(timestamp=None), BY_OUR_CLOCK, timestamp_ms=NOON_MS, record_time=RecordTime.CREATE, clock_ms=0)
_case("C3", AHEAD, {"model": "plain"}, timestamp_ms=NOON_MS + 1, record_time=RecordTime.CREATE)
_case("C4", event(timestamp="9999-12-31T23:59:59.999Z"), {"time_ms": LATEST_MS}, clock_ms=NOON_MS)
_case("W5", event(timestamp="?"), {"rejected": Reason.NO_TIMESTAMP, "moved": None})
_case("W5", event(model=""), {"rejected": Reason.MISSING_MODEL, "moved": None})

# Values
for name in ("amount", "country", "place"):
    seen = "place[0]" if name == "place" else name
    _case("V11" if name == "place" else "V1", event(features={}), {seen: "missing"})
    _case("V11" if name == "place" else "V1", event(features={name: None}), {seen: "missing"})
for number, position in ((-5, 0), (0, 1), (9.5, 1), (10, 2), (10.0, 2), (1e300, 3)):
    _case(
        "V2", event(features={"amount": number, "country": number}), {"amount": f"bin {position}", "country": "invalid"}
    )
for number in (float("nan"), float("inf"), float("-inf")):
    _case("V3", event(features={"amount": number, "country": number}), {"amount": "invalid", "country": "invalid"})
_case("V4", event(features={"amount": True, "flag": True}), {"amount": "bin 1", "flag": "bin 1"})
_case("V4", event(features={"amount": False, "flag": False}), {"amount": "bin 1", "flag": "bin 0"})
_case("V5", event(features={"amount": "12", "country": ""}), {"amount": "invalid", "country": "bin 2"})
_case("V5", event(features={"amount": "", "country": "FR"}), {"amount": "invalid", "country": "bin 1"})
for wrong in ({}, {"amount": 1}, [], [1], ["DE"]):
    _case("V6", event(features={"amount": wrong, "country": wrong}), {"amount": "invalid", "country": "invalid"})
_case("V7", event(features={"country": "IT", "free": "anything"}), {"country": "bin 4", "free": "bin 1"})
_case("V8", event(features={"country": "de", "free": "b"}), {"country": "bin 4, unseen", "free": "bin 1"})
_case("V8", event(features={"country": "DE "}), {"country": "bin 4, unseen"})
for masked in ("hashed", "hidden"):
    _case("V12", event(masked, features={"amount": 5, "country": "FR"}), {"amount": "bin 1", "country": "bin 1"})
    _case("V12", event(masked, features={"amount": "5", "country": "IT"}), {"amount": "invalid", "country": "bin 4"})
    _case("V12", event(masked, features={"country": "de", "free": "b"}), {"country": "bin 4, unseen", "free": "bin 1"})
    _case("V12", event(masked, features={"flag": True, "country": None}), {"flag": "bin 1", "country": "missing"})
    _case("V12", event(masked, features={"country": token_of(text_hash("DE"))}), {"country": "bin 4, unseen"})
_case("V9", event(features={"place": [-1, "ignored", "x"]}), {"place[0]": "bin 0", "place[2]": "bin 0"})
_case("V9", event(features={"place": [True, 0, None]}), {"place[0]": "bin 1", "place[2]": "missing"})
_case("V9", event(features={"place": ["1", 0, [1]]}), {"place[0]": "invalid", "place[2]": "invalid"})
for wrong in ([], [1, 2], [1, 2, "x", 4], {"0": 1}, 1, "xyz", True):
    _case("V10", event(features={"place": wrong}), {"place[0]": "invalid", "place[2]": "invalid"})
_case("V9", event("longer", features={"place": [1, 2, 3]}), {"place[0]": "bin 1"})
_case("V10", event("longer", features={"place": [1]}), {"place[0]": "invalid"})

# Prediction, label, error
_case("P1", event(prediction=0.75), {"prediction": "bin 1", "error": "not looked at"})
_case("P1", event(prediction={"yes": 1}), {"prediction": "invalid"})
_case("P1", event("classes", prediction="yes"), {"prediction": "bin 1"})
_case("P2", event("chances", prediction={"yes": 0.75, "no": 0.25}), {"prediction:yes": "bin 1"})
_case("P2", event("chances", prediction={"no": 0.25}), {"prediction:yes": "missing"})
_case("P2", event("chances", prediction={"yes": "0.75"}), {"prediction:yes": "invalid"})
for wrong in (0.75, "yes", True, [0.75]):
    _case("P3", event("chances", prediction=wrong), {"prediction:yes": "invalid"})
_case("P4", event(), {"prediction": "missing"})
_case("P4", event("chances", prediction=None), {"prediction:yes": "missing"})
_case("P5", event(label=1), {"label": "bin 1"})
_case("P5", event(label="1"), {"label": "invalid", "error": "not looked at"})
_case("P5", event("classes", label=True), {"label": "bin 2"})
_case("P6", event(prediction=1), {"label": "not looked at", "error": "not looked at"})
_case("P6", event(prediction=1, label=None), {"label": "not looked at", "error": "not looked at"})
_case("P7", event(prediction=0.5, label=1), {"error": "bin 1"})
_case("P7", event(prediction=True, label=False), {"error": "bin 2"})
_case("P7", event(prediction=1e308, label=-1e308), {"error": "invalid"})
_case("P8", event("classes", prediction="yes", label="yes"), {"error": "bin 0"})
_case("P8", event("classes", prediction="yes", label="no"), {"error": "bin 1"})
_case("P8", event("classes", prediction="true", label=True), {"error": "bin 0"})
for predicted, label in ((None, 1), ("1", 1), (1, "1"), (float("nan"), 1), ({"yes": 1}, 1), (1, [1])):
    _case("P9", event(prediction=predicted, label=label), {"error": "not looked at"})
_case("P9", event("classes", prediction=1, label=1), {"error": "not looked at"})
_case("P9", event("chances", prediction={"yes": 1}, label=1), {"error": "not looked at"})

# "The event": places
NESTED = TopicSettings.model_validate(
    {"model": {"const": "plain"}, "version": "meta.v", "features": ".", "label": "y.z"}
)
FLAT = json.dumps({"amount": 5, "country": "DE", "meta": {"v": 2}, "timestamp": NOON_MS, "y": {"z": 1}}).encode()
_case(
    "N5",
    FLAT,
    {"model": "plain", "version": "2", "amount": "bin 1", "country": "bin 0", "label": "bin 1"},
    topic=NESTED,
)
_case("N6", FLAT.replace(b'{"v": 2}', b'"v"'), {"version": "none"}, topic=NESTED)
_case(
    "V1",
    FLAT,
    {"amount": "bin 1", "country": "not looked at"},
    topic=NESTED.model_copy(update={"exclude": frozenset({"country"})}),
)
