"""TLS, passwords and the admin token over real connections."""

import http.client
import ssl
from typing import Any

import pytest
import trustme
from web_service import CLIENTS, METRICS, TLS, TOKEN, Certificates, basic, hashed, serving

from waiting import wait_for

PATHS = ["/", "/metrics", "/api/v1/status", "/api/v1/monitors", "/api/v1/incidents"]
PROBES = ["/-/healthy", "/-/ready"]
USERS = {"scraper": hashed("s3cret")}
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority and a folder of files."""
    return Certificates(tmp_path_factory.mktemp("web"))


def test_with_tls_the_certificate_is_the_one_of_the_file(certificates: Certificates) -> None:
    """A client that trusts the authority is answered; one that speaks plain HTTP is not."""
    with serving(certificates.protection(tls_server_config=TLS)) as service:
        answer = service.fetch(tls=certificates.client())
        assert (200, METRICS) == (answer.status, answer.body)
        pem = (certificates.folder / "server.pem").read_text(encoding="utf-8")
        assert ssl.PEM_cert_to_DER_cert(pem) == answer.certificate
        with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
            service.fetch()
        wait_for(lambda: bool(service.said("tls handshake failed")), "it is logged")
        assert [entry["reason"] for entry in service.said("tls handshake failed")] == ["HTTP_REQUEST"]
        with pytest.raises(ssl.SSLCertVerificationError):
            service.fetch(tls=ssl.create_default_context())
        assert service.fetch(tls=certificates.client()).status == 200


@pytest.mark.parametrize("path", [*PATHS, *PROBES])
def test_head_is_answered_as_get_with_tls_too(path: str, certificates: Certificates) -> None:
    """HEAD has the status and the length of GET, and no body that a next answer could be mistaken for."""
    with serving(certificates.protection(tls_server_config=TLS)) as service:
        connection = http.client.HTTPSConnection(
            "127.0.0.1", service.server.port, timeout=5, context=certificates.client()
        )
        found = []
        for method in ("GET", "HEAD", "GET"):
            connection.request(method, path)
            response = connection.getresponse()
            found.append((response.status, response.getheader("Content-Length"), response.read()))
        connection.close()
    assert [(200, found[0][1], b""), found[0]] == found[1:]


@pytest.mark.parametrize(
    ("section", "name", "stranger", "expected"),
    [
        (CLIENTS, "scraper.example.org", False, "in"),
        (CLIENTS, None, False, "out"),
        (CLIENTS, "scraper.example.org", True, "out"),
        (CLIENTS | {"client_allowed_sans": ["scraper.example.org"]}, "scraper.example.org", False, "in"),
        (CLIENTS | {"client_allowed_sans": ["scraper.example.org"]}, "other.example.org", False, "out"),
        (CLIENTS | {"client_allowed_sans": ["::1"]}, "0:0::1", False, "in"),
        (CLIENTS | {"client_auth_type": "VerifyClientCertIfGiven"}, None, False, "in"),
        (CLIENTS | {"client_auth_type": "VerifyClientCertIfGiven"}, "scraper.example.org", False, "in"),
        (CLIENTS | {"client_auth_type": "VerifyClientCertIfGiven"}, "scraper.example.org", True, "out"),
    ],
)
def test_clients_show_the_certificate_that_is_asked_for(
    section: dict[str, Any],
    name: str | None,
    stranger: bool,  # noqa: FBT001 -- a row of the table
    expected: str,
    certificates: Certificates,
) -> None:
    """None, one of another authority and one with another name are turned away; probes are no exception."""
    client = certificates.client(name, trustme.CA() if stranger else None)
    with serving(certificates.protection(tls_server_config=TLS | section)) as service:
        if expected == "in":
            assert service.fetch(tls=client).status == 200
        else:
            for path in ("/metrics", "/-/healthy"):
                with pytest.raises((OSError, http.client.HTTPException)):
                    service.fetch(path, tls=client)
            wait_for(
                lambda: bool(service.said("tls handshake failed") or service.said("tls client refused")), "it is logged"
            )


@pytest.mark.parametrize(
    ("section", "client_version", "client_curve", "expected"),
    [
        ({"min_version": "TLS13"}, ssl.TLSVersion.TLSv1_2, None, "out"),
        ({"max_version": "TLS12"}, ssl.TLSVersion.TLSv1_2, None, "in"),
        ({"curve_preferences": ["CurveP384"]}, ssl.TLSVersion.TLSv1_3, "prime256v1", "out"),
        ({"curve_preferences": ["CurveP384"]}, ssl.TLSVersion.TLSv1_3, "secp384r1", "in"),
    ],
)
def test_versions_and_curves_are_held_to(
    section: dict[str, Any],
    client_version: ssl.TLSVersion,
    client_curve: str | None,
    expected: str,
    certificates: Certificates,
) -> None:
    """A client that cannot do what the file asks for is turned away."""
    client = certificates.client()
    client.maximum_version = client_version
    if client_curve is not None:
        client.set_ecdh_curve(client_curve)
    with serving(certificates.protection(tls_server_config=TLS | section)) as service:
        if expected == "in":
            assert service.fetch(tls=client).status == 200
        else:
            with pytest.raises(ssl.SSLError):
                service.fetch(tls=client)


def test_everything_but_the_probes_asks_for_a_password(certificates: Certificates) -> None:
    """Right ones are let in, wrong, unknown, malformed and missing ones are not; addresses that are none too."""
    with serving(certificates.protection(basic_auth_users=USERS)) as service:
        for path in [*PATHS, "/nothing", "/-/reload"]:
            for method in ("GET", "HEAD", "POST"):
                refused = service.fetch(path, method=method)
                assert (401, 'Basic realm="driftd", charset="UTF-8"') == (
                    refused.status,
                    refused.headers["WWW-Authenticate"],
                )
        for wrong in (basic("scraper", "secret"), basic("nobody", "s3cret"), {"Authorization": "Basic %%%"}):
            assert service.fetch(headers=wrong).status == 401
        assert [200] * 5 == [service.fetch(path, headers=basic("scraper", "s3cret")).status for path in PATHS]
        assert [200, 200] == [service.fetch(path).status for path in PROBES]
        assert service.fetch("/nothing", headers=basic("scraper", "s3cret")).status == 404


def test_reloading_needs_the_token_and_nothing_else(certificates: Certificates) -> None:
    """The token is enough where passwords are asked for as well; a password is not."""
    with serving(certificates.protection(token=True, basic_auth_users=USERS)) as service:
        assert service.fetch("/-/reload", method="POST", headers=BEARER).body == b"reloaded\n"
        refused = service.fetch("/-/reload", method="POST", headers=basic("scraper", "s3cret"))
        assert (401, 'Bearer realm="driftd"') == (refused.status, refused.headers["WWW-Authenticate"])
        got = service.fetch("/-/reload", headers=BEARER)
        assert (405, "POST") == (got.status, got.headers["Allow"])
        assert service.fetch("/metrics", headers=BEARER).status == 401
    with serving() as service:
        refused = service.fetch("/-/reload", method="POST", headers=BEARER)
        assert refused.status == 403
        assert b"http.admin_token_file" in refused.body


def test_headers_of_the_file_stand_over_the_server_s_own(certificates: Certificates) -> None:
    """On every answer, refusals included."""
    headers = {"Strict-Transport-Security": "max-age=60", "Content-Security-Policy": "default-src 'self'"}
    sections: dict[str, Any] = {"basic_auth_users": USERS, "http_server_config": {"headers": headers}}
    with serving(certificates.protection(**sections)) as service:
        for path in ("/-/healthy", "/metrics"):
            assert headers.items() <= service.fetch(path).headers.items()


def test_another_protection_counts_from_the_next_request_on(certificates: Certificates) -> None:
    """A changed password is not taken from memory, and a connection made before ends."""
    with serving(certificates.protection(basic_auth_users=USERS)) as service:
        before = http.client.HTTPConnection("127.0.0.1", service.server.port, timeout=5)
        before.request("GET", "/metrics", headers=basic("scraper", "s3cret"))
        assert before.getresponse().read() == METRICS
        assert before.sock is not None
        service.server.protect(certificates.protection(basic_auth_users={"scraper": hashed("changed")}))
        assert before.sock.recv(1) == b""
        assert service.fetch(headers=basic("scraper", "s3cret")).status == 401
        assert service.fetch(headers=basic("scraper", "changed")).status == 200
        before.close()


def test_tls_can_be_switched_on_renewed_and_off_while_listening(certificates: Certificates) -> None:
    """The port stays the same, and what is on the disk at the time of the change is what clients see."""
    with serving() as service:
        assert service.fetch().status == 200
        service.server.protect(certificates.protection(tls_server_config=TLS))
        first = service.fetch(tls=certificates.client()).certificate
        certificates.renew()
        assert first == service.fetch(tls=certificates.client()).certificate
        service.server.protect(certificates.protection(tls_server_config=TLS))
        assert first != service.fetch(tls=certificates.client()).certificate
        service.server.protect(certificates.protection())
        assert service.fetch().status == 200


def test_nothing_secret_is_logged(certificates: Certificates) -> None:
    """Neither passwords nor tokens, right or wrong, nor hashes, nor targets get into the log."""
    protection = certificates.protection(token=True, basic_auth_users=USERS)
    with serving(protection) as service:
        service.fetch("/metrics?password=s3cret", headers=basic("scraper", "s3cret"))
        service.fetch("/-/reload?token=s3cret", method="POST", headers={"Authorization": "Bearer s3cret"})
        service.fetch("/s3cret", headers=basic("scraper", "s3cret"))
        assert service.log.entries == []
