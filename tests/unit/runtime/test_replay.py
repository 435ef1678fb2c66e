"""``driftd replay``: the daemon's stages over a file, at the command line."""

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson
import pytest
from click.testing import CliRunner, Result
from runtime_doubles import MINUTE, P0, P1, TOPIC, Notes, NotingSink, batch, book_of, config_of, event, minutes, profile

from driftd.cli import main
from driftd.errors import BrokerUnreachable
from driftd.references.codec import profile_to_json
from driftd.runtime.spans import replay_span
from driftd.snapshot.codec import decode
from driftd.values.batch import Batch
from driftd.values.keys import SourcePartition

ROWS, REFERENCE, DRIFT_FROM = 3_000, 1_000, 2_000


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table whose column x moves up from row 2,000 on; y does not."""
    rows = [f"{at * 7 % 50 + (40 if at >= DRIFT_FROM else 0)},{'ab'[at % 2]}" for at in range(ROWS)]
    path = tmp_path / "sensor.csv"
    path.write_text("\n".join(["x,y", *rows]) + "\n")
    return path


def run(*arguments: object) -> Result:
    """Call ``driftd replay`` without a configuration from outside."""
    return CliRunner(env={"DRIFTD_CONFIG": None}).invoke(main, ["replay", *map(str, arguments)])


def replayed(table: Path, folder: Path) -> dict[str, Any]:
    """Replay the table with all outputs into a folder; return the summary."""
    folder.mkdir()
    outputs = [f"--{name}-out" for name in ("events", "windows", "state")]
    files = [folder / name for name in ("events.jsonl", "windows.jsonl", "state.jsonl")]
    options = [word for pair in zip(outputs, files, strict=True) for word in pair]
    result = run(table, "--reference", f"0:{REFERENCE}", "--window", "200s", "--json", *options)
    assert (result.exit_code, result.stderr) == (0, "")
    summary: dict[str, Any] = orjson.loads(result.stdout)
    return summary


def lines(path: Path) -> list[dict[str, Any]]:
    """The documents of a file."""
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def test_summary_says_what_was_read_found_and_paged(table: Path, tmp_path: Path) -> None:
    """Its fields are fixed; monitoring starts behind the reference rows."""
    summary = replayed(table, tmp_path / "out")
    (page,) = summary.pop("incidents")
    detections = summary.pop("detections")
    horizons = 10 * 200 / (30 * 86_400)
    model = summary.pop("models")["sensor"]
    rate = {
        "pages_per_horizon": pytest.approx(1 / horizons, abs=1e-6),
        "pages_per_horizon_interval": pytest.approx([0.025318 / horizons, 5.571643 / horizons], rel=1e-4),
        "horizons": pytest.approx(horizons, abs=1e-6),
        "allowed": pytest.approx(horizons, abs=1e-6),
        "over_budget": True,  # a page was due after 1,300 times as long
    }
    assert model == {"windows": 10, "pages": 1, "budget": "1 per 30d"} | rate
    assert (
        summary
        == {
            "rows": ROWS - REFERENCE,
            "events": ROWS - REFERENCE,
            "late": 0,
            "rejected": {},
            "windows": 10,
            "pages": 1,
            "budget": "1 per 30d",
            "budget_verdict": "over",
            "clean": {"windows": 10, "pages": 1},
        }
        | rate
    )
    assert set(detections) == {"feature:x"}
    assert detections["feature:x"]["adwin"] >= 1
    assert page["monitor"] == {"model": "sensor", "version": "none", "segment": "all"}
    assert page["suspects"] == ["x"]
    assert DRIFT_FROM <= page["last_offset"] < DRIFT_FROM + 600
    assert page["time"] == f"1970-01-01T00:{(page['last_offset'] + 1) // 60}:{(page['last_offset'] + 1) % 60:02}.000Z"


def test_outputs_are_those_of_the_daemon(table: Path, tmp_path: Path) -> None:
    """Drift events in order, a line a closed window and column, and a snapshot that can be read."""
    summary = replayed(table, tmp_path / "out")
    events = lines(tmp_path / "out" / "events.jsonl")
    assert [event["data"]["incident"] for event in events if event["type"].endswith("firing.v1")] == [
        incident["incident"] for incident in summary["incidents"]
    ]
    windows = lines(tmp_path / "out" / "windows.jsonl")
    expected = [((5 + at) * 200_000, name) for at in range(10) for name in ("x", "y")]
    assert expected == [(line["window"]["start_ms"], line["column"]) for line in windows]
    assert {line["n"] for line in windows} == {200}
    records = decode((tmp_path / "out" / "state.jsonl").read_bytes(), "state")
    ledger = records["sources"]["ledgers"][0]
    assert (ledger["source"], ledger["position"], ledger["read"]) == (["sensor.csv", 0], ROWS, ROWS - REFERENCE)
    assert records["outbox"] == {"events": [], "windows": [], "waiting": {}}
    assert {"paging", "shard/0", "references", "monitor/sensor/none/all"} < set(records)


def test_same_command_writes_the_same_bytes(table: Path, tmp_path: Path) -> None:
    """The summary and every output, twice."""
    first, second = tmp_path / "first", tmp_path / "second"
    assert replayed(table, first) == replayed(table, second)
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()
        assert path.stat().st_size > 0


def test_summary_for_people_tells_the_same(table: Path) -> None:
    """Rows, windows, pages with their suspects, and detections by column."""
    result = run(table, "--reference", f"0:{REFERENCE}", "--window", "200s", "--budget", "1 per 100 windows")
    assert result.exit_code == 0
    told = result.stdout.splitlines()
    assert told[0] == "rows        2000: 2000 observed, 0 late, rejected: none"
    assert told[1] == "windows     10"
    assert told[2] == "pages       1, 10 per horizon (budget: 1 per 100 windows)"
    assert told[3].startswith("  1970-01-01T00:")
    assert told[3].endswith("  x")
    assert "feature:x" in told[5]
    assert told[6:] == [
        "budget      1 page in 0.1 horizons, which allow 0.1; 0.253 to 55.7 per horizon (95 %): too short to tell"
    ]


def test_profile_of_a_file_names_the_model(table: Path, tmp_path: Path) -> None:
    """The rows are of the profile's model and version; all of them are monitored."""
    path = tmp_path / "p.json"
    done = CliRunner().invoke(
        main, ["profile", str(table), "-o", str(path), "--model", "m", "--version", "9", "--rows", "0:1000"]
    )
    assert done.exit_code == 0, done.output
    result = run(table, "--reference", path, "--window", "200s", "--json")
    summary = orjson.loads(result.stdout)
    assert (summary["rows"], summary["events"], summary["windows"]) == (ROWS, ROWS, 15)
    assert summary["incidents"][0]["monitor"] == {"model": "m", "version": "9", "segment": "all"}


@pytest.fixture
def events_file(tmp_path: Path) -> Path:
    """Three minutes of events, the first record broken and one of a model that nobody knows."""
    path = tmp_path / "events.jsonl.gz"
    values = [b"{broken", *minutes(0, 2), event(125, model="stranger"), *minutes(2, 3), event(1)]
    path.write_bytes(gzip.compress(b"\n".join(values)))
    return path


@pytest.fixture
def references(tmp_path: Path) -> Path:
    """A configuration with a directory of profiles."""
    (tmp_path / "references").mkdir()
    (tmp_path / "references" / "fraud.json").write_bytes(profile_to_json(profile()))
    path = tmp_path / "driftd.yaml"
    path.write_text(
        f"references: {{directory: {tmp_path / 'references'}}}\n"
        "windows: {lateness: 0s, min_observations: 1}\n"
        "limits: {event_bytes: 2048}\n"
    )
    return path


def test_events_are_judged_as_the_daemon_would(events_file: Path, references: Path) -> None:
    """Whatever is rejected is counted by its reason, the very first record too."""
    result = run(events_file, "--config", references, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    summary = orjson.loads(result.stdout)
    assert (summary["rows"], summary["events"], summary["late"]) == (63, 60, 1)
    assert summary["rejected"] == {"malformed": 1, "no_reference": 1}
    assert summary["windows"] == 3
    told = run(events_file, "--config", references).stdout.splitlines()[0]
    assert told == "rows        63: 60 observed, 1 late, rejected: 1 malformed, 1 no_reference"


def test_version_without_a_profile_uses_its_predecessors(table: Path, references: Path) -> None:
    """A table's rows are held against what the directory has for their model."""
    renamed = table.rename(table.with_name("fraud.csv"))
    result = run(renamed, "--config", references, "--json")
    assert (result.exit_code, orjson.loads(result.stdout)["events"]) == (0, ROWS)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["sensor.csv"],
            2,
            "--reference: None is not valid: give a profile, rows A:B of DATA, or references.directory",
        ),
        (["none.csv", "--reference", "0:10"], 1, "{dir}/none.csv: there is no such file"),
        (["sensor.csv", "--reference", "none.json"], 1, "none.json: cannot be read: No such file or directory"),
        (["sensor.csv", "--reference", "0:9999"], 1, "sensor.csv: has 3000 rows, too few for rows 0:9999"),
        (["sensor.csv", "--reference", "0:3000"], 1, "sensor.csv: has 3000 rows, too few for row 3000"),
        (["sensor.csv", "--reference", "0:10", "--window", "60"], 2, "windows.duration: '60' is not valid: must be a"),
        (["sensor.csv", "--reference", "0:10", "--row-interval", "1"], 2, "--row-interval: '1' is not valid: must be"),
        (["sensor.csv", "--reference", "0:10", "--row-interval", "0s"], 2, "--row-interval: '0s' is not valid: must"),
        (["sensor.csv", "--reference", "0:10", "--budget", "one"], 2, "incidents.budget: 'one' is not valid: must be"),
        (
            ["sensor.csv", "--config", "driftd.yaml"],
            2,
            "--model: 'sensor' is not valid: there is no profile of its version; there is fraud/1",
        ),
        (
            ["sensor.csv", "--config", "driftd.yaml", "--state-out", "{dir}/none/state"],
            2,
            "--model: 'sensor' is not valid",
        ),
        (
            ["sensor.csv", "--reference", "0:10", "--events-out", "{dir}/none/events"],
            1,
            "{dir}/none/events: cannot be written: there is no directory {dir}/none",
        ),
        (
            ["sensor.csv", "--reference", "0:10", "--state-out", "{dir}/none/state"],
            1,
            "{dir}/none/state: cannot be written: No such file or directory",
        ),
    ],
)
@pytest.mark.usefixtures("table")
def test_what_is_wrong_is_told_in_one_line(references: Path, arguments: list[str], code: int, message: str) -> None:
    """On stderr, with the exit code of its kind; nothing is printed."""
    folder = references.parent
    given = [argument.format(dir=folder) for argument in arguments]
    given[0] = str(folder / given[0])
    if "driftd.yaml" in given:
        given[given.index("driftd.yaml")] = str(references)
    result = run(*given)
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.startswith("driftd: error: " + message.format(dir=folder))
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give either DATA or --topic NAME"),
        (["a.csv", "--topic", "t"], "give either DATA or --topic NAME"),
        (["a.csv", "--from", "2026-11-01T00:00:00Z"], "--from goes with --topic"),
        (["a.csv", "--to", "2026-11-01T00:00:00Z"], "--to goes with --topic"),
        (["--topic", "t", "--sort"], "--sort goes with DATA"),
        (["--topic", "t", "--ignore", "id"], "--ignore goes with DATA"),
        (["--topic", "t", "--model", "m"], "--model goes with DATA"),
        (["--topic", "t", "--inject", "x: shift 1 from 9"], "--inject goes with DATA"),
        (["a.csv", "--reference", "7:7"], "Invalid value for '--reference': '7:7' holds no rows"),
    ],
)
def test_options_that_do_not_go_together_are_misuse(arguments: list[str], message: str) -> None:
    """Nothing that was asked for is silently left out."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--reference", "0:10"], "--reference: 'A:B' is not valid: rows can be taken from DATA only"),
        (["--from", "yesterday", "--reference", "p.json"], "--from: 'yesterday' is not valid: must be a time such as"),
    ],
)
def test_span_of_a_topic_needs_what_it_can_use(tmp_path: Path, option: list[str], message: str) -> None:
    """Before any broker is asked."""
    config = tmp_path / "driftd.yaml"
    config.write_text("kafka: {bootstrap_servers: 'localhost:1', group_id: g, topics: [t]}\n")
    (tmp_path / "p.json").write_bytes(profile_to_json(profile()))
    given = [str(tmp_path / "p.json") if word == "p.json" else word for word in option]
    result = run("--topic", "t", "--config", config, *given)
    assert (result.exit_code, result.stderr.splitlines()[0].startswith(f"driftd: error: {message}")) == (2, True)


class FakeSpan:
    """A span of two partitions, of which one ends long before the other; a paused one gives nothing."""

    topic = TOPIC

    def __init__(self, rounds: Iterable[list[Batch]]) -> None:
        self._rounds = rounds
        self.bounds: dict[SourcePartition, tuple[int, int]] = {P0: (0, 0), P1: (0, 0)}
        self.paused: frozenset[SourcePartition] = frozenset()
        self.pauses = 0
        self.closed = False

    def topic_ids(self) -> dict[str, str]:
        """The topic has no id."""
        return {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.closed = True

    def pause(self, sources: frozenset[SourcePartition]) -> None:
        """Pause exactly these."""
        self.paused = sources
        self.pauses += 1

    def batches(self) -> Iterator[list[Batch]]:
        """Yield a round's batches; nothing more comes while all that is left is paused."""
        for read in self._rounds:
            if any(one.source in self.paused for one in read):
                raise BrokerUnreachable("localhost:9092", 0.1)
            yield read


def test_partition_that_ended_does_not_hold_back_the_others() -> None:
    """What is left of a span is read on, however far it goes beyond the end of a short partition."""
    config = config_of(windows={"max_ahead": "2m", "idle_timeout": "30s"})
    rounds = [[batch([event(1)]), batch([event(1)], source=P1)], [batch([], first=1, drained=True)]]
    rounds += [[batch(minutes(at, at + 1), first=1 + 20 * at, source=P1)] for at in range(10)]
    rounds += [[batch([], first=201, source=P1, drained=True)]]
    span, notes = FakeSpan(rounds), Notes()
    done = replay_span(config, span, book_of(), NotingSink(notes))  # type: ignore[arg-type]  # a span by its shape
    assert span.closed
    assert (done.summary()["events"], done.summary()["late"], done.summary()["windows"]) == (202, 0, 10)
    starts = [line["window"]["start_ms"] for delivery in notes.delivered for line in delivery.windows]
    assert (max(starts) - min(starts)) // MINUTE == 9


def test_partitions_of_a_span_wait_for_each_other() -> None:
    """One that is far ahead of another that goes on is paused, and goes on when the other has come."""
    config = config_of(windows={"max_ahead": "2m"})
    rounds = [[batch([event(1)]), batch(minutes(0, 5), source=P1)]]
    rounds += [[batch(minutes(at, at + 1), first=1 + 20 * at)] for at in range(5)]
    rounds += [[batch([], first=101, drained=True)], [batch([], first=100, source=P1, drained=True)]]
    span = FakeSpan(rounds)
    done = replay_span(config, span, book_of(), NotingSink(Notes()))  # type: ignore[arg-type]  # a span by its shape
    assert (span.pauses, span.paused) == (2, frozenset())
    assert done.summary()["events"] == 201
