"""How a request is read: strictly, and in one way only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web_client import request

from driftd.web.head import HEADER_LINES, Head, Unreadable, parse_head


def refusal(data: bytes) -> tuple[int, str]:
    """Return the status and the sentence that a request is refused with."""
    with pytest.raises(Unreadable) as refused:
        parse_head(data)
    return refused.value.status, refused.value.message


def test_a_request_is_read_as_it_was_sent() -> None:
    """The target stays escaped, names of headers are in lower case, values lose the blanks around them."""
    data = b"GET /a%2Fb?x=%20 HTTP/1.1\r\nHost: h\r\nACCEPT:  text/plain \t\r\nX-Name: \xe4\r\n\r\n"
    headers = {"host": "h", "accept": "text/plain", "x-name": "ä"}
    assert Head("GET", "/a%2Fb?x=%20", headers, keep_alive=True) == parse_head(data)


def test_an_empty_line_before_the_request_is_left_out() -> None:
    """Some clients send one after a body (RFC 9112, 2.2)."""
    assert parse_head(b"\r\n" + request("/")) == parse_head(request("/"))


def test_repeated_headers_are_a_list() -> None:
    """Lines of one name are one value, with commas (RFC 9110, 5.3)."""
    data = b"GET / HTTP/1.1\r\nHost: h\r\nAccept: a\r\naccept: b\r\n\r\n"
    assert parse_head(data).header("accept") == "a, b"


@pytest.mark.parametrize(
    ("version", "connection", "expected"),
    [
        ("1.1", "", True),
        ("1.1", "close", False),
        ("1.1", "Upgrade, Close", False),
        ("1.0", "", False),
        ("1.0", "Keep-Alive", True),
        ("1.7", "", True),
    ],
)
def test_the_client_says_whether_it_goes_on(version: str, connection: str, expected: bool) -> None:  # noqa: FBT001 -- a row of the table
    """HTTP/1.1 keeps the connection unless told otherwise, HTTP/1.0 closes it unless told otherwise."""
    data = f"GET / HTTP/{version}\r\nHost: h\r\nConnection: {connection}\r\n\r\n".encode()
    assert expected == parse_head(data).keep_alive


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"GET /\r\n\r\n", (400, "the request cannot be read: illegal request line")),
        (b"\r\n\r\n\r\n", (400, "a line cannot be read")),
        (b"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", (400, "the request cannot be read: illegal request line")),
        (b"GET /\xff HTTP/1.1\r\nHost: h\r\n\r\n", (400, "the request cannot be read: illegal request line")),
        (b"GET / HTTP/1.1\nHost: h\r\n\r\n", (400, "a line cannot be read")),
        (b"PRI * HTTP/2.0\r\n\r\n", (505, "HTTP/1.1 is spoken here")),
        (b"GET / HTTP/1.1\r\nAccept: a\r\n\r\n", (400, "the request cannot be read: Missing mandatory Host")),
        (b"GET / HTTP/1.7\r\nAccept: a\r\n\r\n", (400, "a Host header is required")),
        (b"GET / HTTP/1.1\r\n folded\r\n\r\n", (400, "a line cannot be read")),
        (b"GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n", (400, "a line cannot be read")),
        (b"GET / HTTP/1.1\r\nHost : h\r\n\r\n", (400, "the request cannot be read: illegal header line")),
        (b"GET / HTTP/1.1\r\nHost: h\x00\r\n\r\n", (400, "a line cannot be read")),
        (b"GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n", (400, "a line cannot be read")),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: \x01\r\n\r\n", (400, "a line cannot be read")),
        (b"GET / HTTP/1.1\r\nHost: h\nX: y\r\n folded\r\n\r\n", (400, "a line cannot be read")),
        (request("/") + request("/"), (400, "a line cannot be read")),
        (b"GET / HTTP/1.1\r\nHost: h\r\n", (400, "a line cannot be read")),
        (b"GET / HTTP/1.1\r\nHost: h\r\nhost: i\r\n\r\n", (400, "the header host stands here twice")),
    ],
)
def test_what_cannot_be_read_is_refused(data: bytes, expected: tuple[int, str]) -> None:
    """Whatever two programs could read differently is refused, with a sentence that repeats nothing of it."""
    assert expected == refusal(data)


@pytest.mark.parametrize("name", ["Authorization", "Content-Length", "Transfer-Encoding"])
def test_a_header_that_decides_something_stands_once(name: str) -> None:
    """Of two lengths or two credentials, a proxy before us could have looked at the other one."""
    data = f"GET / HTTP/1.1\r\nHost: h\r\n{name}: 0\r\n{name}: 0\r\n\r\n".encode()
    assert (400, f"the header {name.lower()} stands here twice") == refusal(data)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("Content-Length", "1", (413, "no request has a body here")),
        ("Content-Length", "+0", (400, "the request cannot be read: bad Content-Length")),
        ("Content-Length", "-1", (400, "the request cannot be read: bad Content-Length")),
        ("Content-Length", "1_0", (400, "the request cannot be read: bad Content-Length")),
        ("Content-Length", "0, 0", (400, "the header content-length stands here twice")),
        ("Content-Length", "", (400, "the request cannot be read: bad Content-Length")),
        ("Transfer-Encoding", "chunked", (413, "no request has a body here")),
        ("Transfer-Encoding", "identity", (413, "no request has a body here")),
    ],
)
def test_no_request_has_a_body(name: str, value: str, expected: tuple[int, str]) -> None:
    """A body is refused unread, so nothing of it can be taken for the next request."""
    assert expected == refusal(f"POST / HTTP/1.1\r\nHost: h\r\n{name}: {value}\r\n\r\n".encode())


def test_an_empty_body_is_none() -> None:
    """Clients that always send a length may send 0."""
    assert parse_head(request("/-/reload", "POST", Content_Length="0")).method == "POST"


def test_header_lines_are_bounded_in_number() -> None:
    """One more than allowed is refused."""
    lines = "".join(f"X-{number}: 1\r\n" for number in range(HEADER_LINES - 1))
    assert parse_head(f"GET / HTTP/1.1\r\nHost: h\r\n{lines}\r\n".encode()).header("x-0") == "1"
    data = f"GET / HTTP/1.1\r\nHost: h\r\n{lines}More: 1\r\n\r\n".encode()
    assert (431, f"there are more than {HEADER_LINES} header lines") == refusal(data)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_bytes_are_a_request_or_refused(start: bytes, rest: bytes) -> None:
    """No bytes make the reading fail in another way."""
    for data in (start, b"GET / HTTP/1.1\r\nHost: h\r\n" + start + b": " + rest + b"\r\n\r\n"):
        status, target = 200, ""
        try:
            target = parse_head(data).target
        except Unreadable as refused:
            status = refused.status
        assert status in {200, 400, 413, 431, 505}
        assert target.isprintable()
