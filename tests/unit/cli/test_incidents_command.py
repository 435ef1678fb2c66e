"""``driftd incidents``: what is asked of a daemon, and what is told of its answer."""

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import orjson
import pytest
from click.testing import CliRunner, Result

from driftd.cli import main

INCIDENT = {
    "id": "f00d",
    "monitor": {"model": "fraud", "version": "3", "segment": "all"},
    "state": "firing",
    "onset": "2026-11-25T09:58:00.000Z",
    "suspects": [{"role": "feature", "name": "amount\x1b[2J", "share": 0.9}],
    "acceptance": {
        "possible": True,
        "reason": None,
        "since": "2026-11-25T09:58:00.000Z",
        "windows": 40,
        "observations": 12000,
    },
}
REFUSED = {**INCIDENT, "acceptance": {**INCIDENT["acceptance"], "possible": False, "reason": "2 windows are too few"}}  # type: ignore[dict-item]
DONE = {"incident": "f00d", "reference_id": "5a1c", "from": "2026-11-25T10:02:00.000Z", "windows": 40, "events": 12000}
TOKEN = "correct-horse-battery"


class Asked(NamedTuple):
    """One request."""

    method: str
    path: str
    authorization: str | None


class Daemon:
    """Answers what it is told to, and notes what it was asked."""

    def __init__(self) -> None:
        self.status, self.body = 200, b"{}"
        self.headers: dict[str, str] = {}
        self.asked: list[Asked] = []
        daemon = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                daemon.asked.append(Asked(self.command, self.path, self.headers["Authorization"]))
                self.send_response(daemon.status)
                for name, value in {"Content-Length": str(len(daemon.body)), **daemon.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(daemon.body)

            do_POST = do_GET  # noqa: N815 -- the base class's naming

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def says(self, document: object, status: int = 200) -> None:
        """Answer so from now on."""
        self.status, self.body = status, orjson.dumps(document)


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """A daemon that listens."""
    one = Daemon()
    thread = Thread(target=one.server.serve_forever, args=(0.02,))
    thread.start()
    yield one
    one.server.shutdown()
    thread.join()
    one.server.server_close()


@pytest.fixture
def token(tmp_path: Path) -> Path:
    """A file with the admin token."""
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    return path


def run(*arguments: str | Path) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["incidents", *map(str, arguments)])


def test_list_tells_what_can_be_accepted(daemon: Daemon) -> None:
    """Two lines an incident, without what a terminal would obey."""
    daemon.says({"incidents": [INCIDENT, REFUSED]})
    result = run("list", "--url", daemon.url)
    assert (result.exit_code, result.output.splitlines()) == (
        0,
        [
            r"f00d  firing  fraud/3/all  since 2026-11-25T09:58:00.000Z: feature:amount\x1b[2J",
            "    can be accepted: 12000 observations in 40 windows since 2026-11-25T09:58:00.000Z",
            r"f00d  firing  fraud/3/all  since 2026-11-25T09:58:00.000Z: feature:amount\x1b[2J",
            "    cannot be accepted: 2 windows are too few",
        ],
    )
    assert daemon.asked == [Asked("GET", "/api/v1/incidents", None)]


def test_list_passes_the_state_on_and_prints_json(daemon: Daemon) -> None:
    """As the daemon answers it."""
    daemon.says({"incidents": []})
    result = run("list", "--url", f"{daemon.url}/", "--state", "firing", "--json")
    assert orjson.loads(result.output) == {"incidents": []}
    assert daemon.asked[0].path == "/api/v1/incidents?state=firing"
    assert run("list", "--url", daemon.url).output == "no incident is open or ended within the last hour\n"


def test_list_gives_a_name_and_a_password(daemon: Daemon, tmp_path: Path) -> None:
    """Where the daemon lets only some read; one without the other is a mistake."""
    password = tmp_path / "password"
    password.write_text("s3cret\n")
    daemon.says({"incidents": []})
    assert run("list", "--url", daemon.url, "--user", "ops", "--password-file", password).exit_code == 0
    assert daemon.asked[0].authorization == "Basic b3BzOnMzY3JldA=="
    result = run("list", "--url", daemon.url, "--user", "ops")
    assert result.exit_code == 2
    assert "--password-file" in result.stderr


def test_accept_gives_the_token(daemon: Daemon, token: Path) -> None:
    """And says from when on which reference is in force."""
    daemon.says(DONE, 202)
    result = run("accept", "f00d/1", "--url", daemon.url, "--token-file", token)
    told = "f00d: accepted; reference 5a1c, made of 12000 events in 40 windows, is in force from "
    assert (result.exit_code, result.output) == (0, f"{told}2026-11-25T10:02:00.000Z on\n")
    assert daemon.asked == [Asked("POST", "/api/v1/incidents/f00d%2F1/accept", f"Bearer {TOKEN}")]
    assert orjson.loads(run("accept", "f00d", "--url", daemon.url, "--token-file", token, "--json").output) == DONE


def test_the_configuration_says_where_and_with_what(daemon: Daemon, token: Path, tmp_path: Path) -> None:
    """The daemon of this machine: everywhere is here; the token's file is the configured one."""
    daemon.says(DONE, 202)
    config = tmp_path / "driftd.yaml"
    listen = f"0.0.0.0:{daemon.server.server_port}"
    config.write_text(orjson.dumps({"http": {"listen": listen, "admin_token_file": str(token)}}).decode())
    assert run("accept", "f00d", "--config", config).exit_code == 0
    assert daemon.asked[0].authorization == f"Bearer {TOKEN}"


def test_a_refusal_is_told_in_the_daemon_s_words(daemon: Daemon, token: Path) -> None:
    """Exit code 1."""
    daemon.says({"error": {"status": 409, "message": "2 windows are too few"}}, 409)
    result = run("accept", "f00d", "--url", daemon.url, "--token-file", token)
    assert result.exit_code == 1
    told = f"driftd: error: {daemon.url}/api/v1/incidents/f00d/accept: 2 windows are too few (HTTP 409)\n"
    assert result.stderr == told


def not_json(daemon: Daemon) -> str:
    """Some other server."""
    daemon.body = b"<html>"
    return "what answers there is no driftd"


def other_refusal(daemon: Daemon) -> str:
    """A proxy that is broken."""
    daemon.status, daemon.body = 502, b"bad gateway"
    return "refused, and not by a driftd (HTTP 502)"


def redirect(daemon: Daemon) -> str:
    """Somewhere else: the token is not for there."""
    daemon.status, daemon.headers = 302, {"Location": f"{daemon.url}/elsewhere"}
    return "refused, and not by a driftd (HTTP 302)"


def nobody(daemon: Daemon) -> str:
    """Nobody listens."""
    daemon.url = "http://127.0.0.1:1"
    return "no answer: [Errno 111] Connection refused"


@pytest.mark.parametrize("way", [not_json, other_refusal, redirect, nobody])
def test_what_is_no_driftd_is_said_to_be_none(way: Callable[[Daemon], str], daemon: Daemon, token: Path) -> None:
    """Exit code 1 and one line; credentials go nowhere else."""
    told = way(daemon)
    result = run("accept", "f00d", "--url", daemon.url, "--token-file", token)
    assert result.exit_code == 1
    assert result.stderr == f"driftd: error: {daemon.url}/api/v1/incidents/f00d/accept: {told}\n"
    assert len(daemon.asked) <= 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["list", "--url", "file:///etc/passwd"], "--url: 'file:///etc/passwd' is not valid"),
        (["list", "--url", "http://a", "--ca-file", "/nothing"], "--ca-file: '/nothing' is not valid: cannot be used"),
        (["accept", "f00d", "--url", "http://a"], "--token-file: no value is not valid"),
        (["accept", "f00d", "--url", "http://a", "--token-file", "/nothing"], "cannot be read: No such file"),
    ],
)
def test_mistakes_are_usage(arguments: list[str], told: str) -> None:
    """Exit code 2, and what would be right."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert told in result.stderr


def test_a_port_that_nobody_knows_is_asked_for(tmp_path: Path) -> None:
    """``http.listen`` with port 0 says nothing about where the daemon is."""
    config = tmp_path / "driftd.yaml"
    config.write_text("http: {listen: '127.0.0.1:0'}")
    result = run("list", "--config", config)
    assert result.exit_code == 2
    assert "http.listen: '127.0.0.1:0' is not valid: it names no port: give --url" in result.stderr
