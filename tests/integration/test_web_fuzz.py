"""Whatever bytes are sent, the server lives, says 500 to nobody, and serves the next one."""

import re
import socket
import ssl
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web_service import TLS, Certificates, Service, hashed, serving

STATUS = re.compile(rb"HTTP/1\.1 (\d\d\d) ")
ALLOWED = {b"200", b"400", b"401", b"403", b"404", b"405", b"408", b"413", b"431", b"505"}

METHODS = st.sampled_from([b"GET", b"HEAD", b"POST", b"OPTIONS", b"CONNECT", b"TRACE", b"PRI", b"get", b""])
TARGETS = st.one_of(
    st.sampled_from([b"/", b"*", b"//", b"/-/healthy", b"/-/reload", b"/api/v1/monitors/a/b/c", b"/api/v1/status?x"]),
    st.sampled_from([b"http://[", b"http://h:x/metrics", b"https://u:p@h/-/ready?%", b"/%00%ff", b"/metrics?a=1&a=2"]),
    st.binary(max_size=30),
)
VERSIONS = st.sampled_from([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/1.9", b"HTTP/x", b""])
NAMES = st.one_of(
    st.sampled_from(
        [b"Host", b"Authorization", b"Connection", b"Content-Length", b"Transfer-Encoding", b"Expect", b""]
    ),
    st.binary(max_size=10),
)
VALUES = st.one_of(
    st.sampled_from([b"h", b"0", b"5", b"-1", b"chunked", b"close", b"keep-alive", b"100-continue", b"Basic Og=="]),
    st.sampled_from([b"Basic YTpi", b"Basic \xff", b"Bearer x", b"Bearer \xff\xfe", b"Basic"]),
    st.binary(max_size=30),
)
ENDS = st.sampled_from([b"\r\n"] * 8 + [b"\n", b"\r", b"\r\n ", b""])


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Draw something that is nearly a request."""
    data = b" ".join([draw(METHODS), draw(TARGETS), draw(VERSIONS)]) + draw(ENDS)
    for _ in range(draw(st.integers(0, 4))):
        data += draw(NAMES) + draw(st.sampled_from([b": ", b":", b" :", b""])) + draw(VALUES) + draw(ENDS)
    return data + draw(ENDS) + draw(st.binary(max_size=20))


@pytest.fixture(scope="module", params=["open", "protected"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A server without any protection, and one that asks for passwords and a token."""
    certificates = Certificates(tmp_path_factory.mktemp("web"))
    users = {"a": hashed("c")}
    protection = None if request.param == "open" else certificates.protection(token=True, basic_auth_users=users)
    with serving(protection) as found:
        yield found


@pytest.fixture(scope="module")
def tls_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, ssl.SSLContext]]:
    """A server with TLS, and a client that trusts it."""
    certificates = Certificates(tmp_path_factory.mktemp("web"))
    with serving(certificates.protection(tls_server_config=TLS)) as found:
        yield found, certificates.client()


def answers(service: Service, data: bytes) -> list[bytes]:
    """Send bytes, say that this was all, and return the statuses that come back."""
    with service.connect() as client:
        try:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            return STATUS.findall(client.makefile("rb").read())
        except ConnectionError:  # ended before all was sent
            return []


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.one_of(st.lists(requests(), min_size=1, max_size=3).map(b"".join), st.binary(max_size=300)))
def test_any_bytes_are_answered_or_refused(service: Service, data: bytes) -> None:
    """Every status is one of those that are documented, and the next request is answered."""
    assert set(answers(service, data)) <= ALLOWED
    assert answers(service, b"GET /-/healthy HTTP/1.0\r\n\r\n") == [b"200"]
    assert service.log.entries == []


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.sampled_from([b"", b"\x16\x03\x01", b"\x16\x03\x01\x00\x20\x01\x00\x00\x1c\x03\x03"]),
    rest=st.binary(max_size=300),
)
def test_any_bytes_instead_of_a_handshake_harm_nobody(
    tls_service: tuple[Service, ssl.SSLContext], start: bytes, rest: bytes
) -> None:
    """No answer comes to what is no TLS, and the next client can shake hands."""
    service, client = tls_service
    assert answers(service, start + rest) == []
    assert service.fetch("/-/healthy", tls=client).status == 200
    assert {entry["event"] for entry in service.log.entries} <= {"tls handshake failed"}
