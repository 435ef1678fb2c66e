"""Stands in for a chat or a pager: prints the notifications that it gets, and shows the newest ones as a page.

Takes Alertmanager's webhooks at /alertmanager and driftd's drift events at /driftd. Needs the standard library only.
"""

import argparse
import json
import signal
import sys
import time
import urllib.request
from collections import deque
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LARGEST_BODY = 1 << 20
NEWEST: deque[str] = deque(maxlen=100)  # notifications


class Handler(BaseHTTPRequestHandler):
    """One request."""

    timeout = 10  # seconds of silence
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take a notification."""
        try:
            size = int(self.headers.get("Content-Length", ""))
            if not 0 <= size <= LARGEST_BODY:
                raise ValueError(f"{size} bytes are too many")  # noqa: TRY301 -- answered like any other odd body
            lines = list(READERS[self.path](json.loads(self.rfile.read(size))))
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            self.close_connection = True  # what is left of the body must not be taken for a request
            self._answer(400, f"not understood: {error!r}\n")
            return
        told = "\n".join([f"{time.strftime('%H:%M:%S')}  {lines[0]}", *lines[1:]])
        NEWEST.append(told)
        print(told, flush=True)
        self._answer(200, "thank you\n")

    def do_GET(self) -> None:
        """Show what came, the newest first."""
        self._answer(200, "\n\n".join(reversed(NEWEST)) + "\n" if NEWEST else "nothing yet\n")

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the output for the notifications."""


def of_alertmanager(notification: dict[str, Any]) -> Iterator[str]:
    """Yield a line for the notification, and one for each alert in it."""
    alerts = notification["alerts"]
    yield f"ALERTMANAGER {notification['status']}: {len(alerts)} alert(s) for {notification['receiver']}"
    for alert in alerts:
        labels, notes = alert["labels"], alert["annotations"]
        yield f"    {alert['status']} {labels['alertname']} [{labels.get('severity', '')}] {notes.get('summary', '')}"
        yield from (f"        {line}" for line in notes.get("description", "").splitlines())


def of_driftd(event: dict[str, Any]) -> Iterator[str]:
    """Yield a line for the drift event (docs/delivery.md), and one for each suspect."""
    data = event["data"]
    monitor = "/".join(data["monitor"][key] for key in ("model", "version", "segment"))
    yield f"DRIFTD {event['type'].split('.')[-2]}: incident {data['incident']} of {monitor}"
    for suspect in data.get("suspects", []):
        yield f"    {suspect['column']}: {suspect['direction']}, share {suspect['share']:.0%}"


READERS = {"/alertmanager": of_alertmanager, "/driftd": of_driftd}


def main() -> int:
    """Receive until SIGTERM, or look whether another process does."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--listen", metavar="HOST:PORT", help="receive there until SIGTERM")
    what.add_argument("--probe", metavar="HOST:PORT", help="exit with 0 if one receives there")
    arguments = parser.parse_args()
    if arguments.probe is not None:
        with urllib.request.urlopen(f"http://{arguments.probe}/", timeout=3) as answer:
            return int(answer.status != 200)
    host, _, port = arguments.listen.rpartition(":")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with ThreadingHTTPServer((host, int(port)), Handler) as server:
        server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
