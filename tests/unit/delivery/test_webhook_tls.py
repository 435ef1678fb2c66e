"""Webhooks over TLS: the certificate and its name are checked, always."""

import http.server
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from webhook_receiver import document

from driftd.delivery.settings import Credentials, WebhookSettings
from driftd.delivery.webhook import Webhook
from driftd.values.delivery import Reply, ReplyKind


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a key and a certificate for localhost, signed by itself."""
    folder = tmp_path_factory.mktemp("tls")
    key, certificate, both = folder / "key.pem", folder / "certificate.pem", folder / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    both.write_text(key.read_text() + certificate.read_text())
    return both


@pytest.fixture
def tls_port(certificate: Path) -> Iterator[int]:
    """Return the port of a server on the loopback interface that speaks TLS with that certificate."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
            pass

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            pass  # a client that does not trust us

    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


def reply_from(url: str) -> Reply:
    """Send one document."""
    return Webhook(WebhookSettings(url=url, timeout="5s"), Credentials(), lambda: 0).send(document(1))


def test_a_certificate_of_a_known_authority_is_trusted(
    tls_port: int, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SSL_CERT_FILE adds an authority of one's own."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert reply_from(f"https://localhost:{tls_port}/") == Reply(ReplyKind.TAKEN)


def test_an_unknown_certificate_is_a_failure(tls_port: int) -> None:
    """Nothing is sent to whoever shows it."""
    assert reply_from(f"https://localhost:{tls_port}/") == Reply(ReplyKind.FAILED, "certificate not trusted")


def test_a_certificate_for_another_name_is_a_failure(
    tls_port: int, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trusted authority does not help."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert reply_from(f"https://127.0.0.1:{tls_port}/") == Reply(ReplyKind.FAILED, "certificate not trusted")


def test_a_server_without_tls_is_a_failure() -> None:
    """An address with https is never spoken to in the clear."""
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = Thread(target=server.handle_request)
    thread.start()
    reply = reply_from(f"https://localhost:{server.server_address[1]}/")
    thread.join()
    server.server_close()
    assert reply == Reply(ReplyKind.FAILED, "tls failed")
