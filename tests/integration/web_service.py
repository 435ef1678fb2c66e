"""A real server over loopback, certificates for it, and clients of several kinds."""

import http.client
import socket
import ssl
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import bcrypt
import structlog
import trustme
import yaml
from structlog.testing import LogCapture

from driftd.values.view import DaemonView
from driftd.web.app import Served, build_app
from driftd.web.protection import Protection, load_protection
from driftd.web.server import App, HttpServer
from driftd.web.settings import Address, HttpSettings

SECONDS = 5.0
METRICS = b"# HELP driftd_up Whether it is up.\n# TYPE driftd_up gauge\ndriftd_up 1\n"
TOKEN = "correct-horse-battery-staple"
TLS = {"cert_file": "server.pem", "key_file": "server.key"}
CLIENTS = {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": "ca.pem"}


class Answer(NamedTuple):
    """What came back; ``certificate`` is the server's, as DER, None without TLS."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    certificate: bytes | None = None


@dataclass(slots=True)
class Certificates:
    """An authority, and a folder with what the server needs."""

    folder: Path
    authority: trustme.CA = field(default_factory=trustme.CA)

    def __post_init__(self) -> None:
        self.authority.cert_pem.write_to_path(self.folder / "ca.pem")
        (self.folder / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
        self.renew()

    def renew(self) -> None:
        """Put a new certificate, and its key, in the place of the old one."""
        leaf = self.authority.issue_cert("127.0.0.1")
        leaf.cert_chain_pems[0].write_to_path(self.folder / "server.pem")
        leaf.private_key_pem.write_to_path(self.folder / "server.key")

    def client(self, name: str | None = None, authority: trustme.CA | None = None) -> ssl.SSLContext:
        """Return a client that trusts the authority; with a certificate for ``name``, if that is given."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        if name is not None:
            (authority or self.authority).issue_cert(name).configure_cert(context)
        return context

    def web_config(self, **sections: Any) -> Path:
        """Write a web configuration file."""
        path = self.folder / "web.yml"
        path.write_text(yaml.safe_dump(sections), encoding="utf-8")
        return path

    def protection(self, *, token: bool = False, **sections: Any) -> Protection:
        """Load a web configuration file with these sections."""
        settings = HttpSettings(
            web_config_file=self.web_config(**sections), admin_token_file=self.folder / "token" if token else None
        )
        return load_protection(settings)


def hashed(password: str, cost: int = 4) -> str:
    """Return the hash of a password, of the lowest cost unless told otherwise."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost)).decode()


def basic(user: str, password: str) -> dict[str, str]:
    """Return the header of basic authentication."""
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


def small_app(log: Any) -> App:
    """Return the daemon's application over an empty picture."""
    view = DaemonView(not_ready=())
    return build_app(
        Served(
            lambda: view,
            lambda _: None,
            lambda _: (METRICS, "text/plain; version=0.0.4; charset=utf-8"),
            lambda: True,
            lambda: None,
        ),
        log,
    )


class Service(NamedTuple):
    """A server that runs, and what it has logged."""

    server: HttpServer
    log: LogCapture

    def connect(self) -> socket.socket:
        """Connect, and say nothing."""
        return socket.create_connection(("127.0.0.1", self.server.port), timeout=SECONDS)

    def fetch(
        self,
        path: str = "/metrics",
        *,
        tls: ssl.SSLContext | None = None,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        seconds: float = SECONDS,
    ) -> Answer:
        """Send one request over a connection of its own."""
        where = ("127.0.0.1", self.server.port)
        connection = (
            http.client.HTTPConnection(*where, timeout=seconds)
            if tls is None
            else http.client.HTTPSConnection(*where, timeout=seconds, context=tls)
        )
        try:
            connection.request(method, path, headers=dict(headers or {}))
            sock = connection.sock
            certificate = sock.getpeercert(binary_form=True) if isinstance(sock, ssl.SSLSocket) else None
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read(), certificate)
        finally:
            connection.close()

    def said(self, event: str) -> list[Any]:
        """Return what was logged under a name."""
        return [entry for entry in self.log.entries if entry["event"] == event]


@contextmanager
def serving(protection: Protection | None = None, app: App | None = None) -> Iterator[Service]:
    """Run a server on a free port of loopback."""
    log = LogCapture()
    logger = structlog.wrap_logger(None, processors=[log])
    server = HttpServer(Address("127.0.0.1", 0), app or small_app(logger), logger, protection)
    server.start()
    try:
        yield Service(server, log)
    finally:
        server.stop()
