"""One event, one line."""

import io
import json
import logging
import warnings
from typing import Any

import pytest

from driftd.logs.settings import LogSettings
from driftd.logs.stream import Log, open_log, standard_library_led_into

JSON = LogSettings()
CONSOLE = LogSettings(format="console")


def log_on(settings: LogSettings = JSON) -> tuple[Log, io.StringIO]:
    """Open a log whose clocks stand still."""
    stream = io.StringIO()
    return open_log(settings, now=lambda: 1_795_600_800.1239, monotonic=lambda: 0.0, stream=stream), stream


def lines_of(stream: io.StringIO) -> list[dict[str, Any]]:
    """Read what was logged."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_lines_begin_with_time_level_and_event() -> None:
    """Each event is one JSON object with an RFC 3339 time in UTC."""
    log, stream = log_on()
    log.logger.info("window closed", model="fraud", n=200)
    assert stream.getvalue() == (
        '{"timestamp": "2026-11-25T10:00:00.123Z", "level": "info", "event": "window closed", '
        '"model": "fraud", "n": 200}\n'
    )


def test_console_lines_are_words() -> None:
    """People get pairs; what is not one word is quoted."""
    log, stream = log_on(CONSOLE)
    log.logger.warning("broker unreachable", broker="a:9092", reason="timed out", tries=3, empty="")
    assert stream.getvalue() == (
        '2026-11-25T10:00:00.123Z warning broker unreachable broker=a:9092 reason="timed out" tries=3 empty=""\n'
    )


@pytest.mark.parametrize("settings", [JSON, CONSOLE])
@pytest.mark.parametrize("text", ["a\nb", "a\r\x1b[31mb", "a\u2028b", "\ud800", "a\x85b"])
def test_no_value_can_start_a_line(settings: LogSettings, text: str) -> None:
    """Whatever stands in an event, a value or a traceback, there is one line, and it can be written as UTF-8."""
    log, stream = log_on(settings)
    log.logger.error(text, value=text, inside=[text], exc_info=ValueError(text))
    written = stream.getvalue()
    assert len(written.encode().decode().splitlines()) == 1
    assert written.endswith("\n")
    assert "ValueError" in written


def test_levels_below_the_least_are_dropped() -> None:
    """At level warning, info says nothing."""
    log, stream = log_on(LogSettings(level="warning"))
    log.logger.info("quiet")
    log.logger.warning("loud")
    assert [line["event"] for line in lines_of(stream)] == ["loud"]


def test_secrets_are_masked_by_key() -> None:
    """A value under a secret-looking key is masked, inside mappings too."""
    log, stream = log_on()
    log.logger.info("client", config={"sasl.password": "hunter2", "client.id": "me"}, token="hunter2")
    assert lines_of(stream)[0]["config"] == {"sasl.password": "***", "client.id": "me"}
    assert "hunter2" not in stream.getvalue()


def test_repeated_errors_are_limited_and_counted() -> None:
    """Of a flood the first lines pass; the number of the others is told once."""
    log, stream = log_on()
    for _ in range(9):
        log.logger.error("broker unreachable")
    log.report_suppressed()
    log.report_suppressed(last=True)
    assert [line["event"] for line in lines_of(stream)] == ["broker unreachable"] * 5 + ["repeats suppressed"]
    assert (lines_of(stream)[-1]["of"], lines_of(stream)[-1]["suppressed"]) == ("broker unreachable", 4)


def test_the_next_line_tells_what_was_suppressed_before_it() -> None:
    """A line that begins a new interval carries the count of the old one."""
    now = [0.0]
    stream = io.StringIO()
    log = open_log(JSON, now=lambda: 0.0, monotonic=lambda: now[0], stream=stream)
    for _ in range(7):
        log.logger.warning("slow")
    now[0] = 60.0
    log.logger.warning("slow")
    assert lines_of(stream)[-1]["suppressed"] == 2


def test_information_is_not_limited() -> None:
    """Only warnings and errors are floods."""
    log, stream = log_on()
    for _ in range(9):
        log.logger.info("window closed")
    assert len(lines_of(stream)) == 9


def test_the_standard_library_s_lines_come_the_same_way() -> None:
    """A library's record and a warning become lines of the log; afterwards all is as before."""
    log, stream = log_on()
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    with standard_library_led_into(log, JSON):
        logging.getLogger("cheroot").warning("client %s is gone", "a")
        logging.getLogger("cheroot").debug("too fine")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("old", DeprecationWarning, stacklevel=1)
    logging.getLogger("cheroot").warning("not here")
    assert (root.handlers, root.level) == before
    first, second = lines_of(stream)
    assert (first["event"], first["level"], first["logger"]) == ("client a is gone", "warning", "cheroot")
    assert second["logger"] == "py.warnings"


def test_a_library_s_repeated_lines_are_limited_by_their_form() -> None:
    """The unformatted message names what is repeated, whatever is put into it."""
    log, stream = log_on()
    with standard_library_led_into(log, JSON):
        for number in range(9):
            logging.getLogger("x").error("try %d failed", number)
    assert len(lines_of(stream)) == 5


def test_critical_records_are_errors() -> None:
    """The log knows no level above error."""
    log, stream = log_on()
    with standard_library_led_into(log, JSON):
        logging.getLogger("x").critical("down")
    assert lines_of(stream)[0]["level"] == "error"
