"""Prometheus' web configuration file (exporter-toolkit, docs/web-configuration.md), as far as Python can honour it.

What cannot be honoured is refused by name: an option that silently does nothing would be a hole.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from ssl import VerifyMode

from driftd.values.bounded_yaml import MAX_CHARACTERS, load_yaml
from driftd.values.secrets import MASK
from driftd.web.tls import TlsServer
from driftd.web.tls_names import CIPHERS, CLIENT_AUTH, CURVES, FIXED_CIPHERS, UNVERIFIED, VERSIONS
from driftd.web.yaml_section import YamlSection

FILE_KEY = "http.web_config_file"
FILE_BYTES = 4 * MAX_CHARACTERS + 1  # more need not be read to be refused
MIN_COST = 4  # bcrypt knows no lower one
MAX_COST = 15  # one check takes two seconds then, and each further step doubles that

_HASH = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")  # version, cost, salt, digest
_FROM_FILES = "cannot be given here: put it into a file and name that"
_UNSUPPORTED_TLS = {"cert": f"{_FROM_FILES} with cert_file", "key": f"{_FROM_FILES} with key_file"}
_UNSUPPORTED = {"rate_limit": "driftd bounds connections and time in its own way: leave it out"}
#: Response headers that may be set, each with the values that make sense; () for any.
_HEADERS: Mapping[str, tuple[str, ...]] = {
    "Content-Security-Policy": (),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-Content-Type-Options": ("nosniff",),
    "X-XSS-Protection": (),
    "Strict-Transport-Security": (),
}
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")


@dataclass(frozen=True, slots=True)
class WebConfig:
    """What the file says; ``users`` maps names to bcrypt hashes, ``headers`` stand over the server's own."""

    tls: TlsServer | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[bytes, bytes] = field(default_factory=dict, repr=False)


def read_web_config(path: Path) -> WebConfig:
    """Read the file; paths in it are relative to it. Raises a ConfigurationError, secrets masked."""
    whole = YamlSection(FILE_KEY, {FILE_KEY: str(path)})
    try:
        with path.open("rb") as file:
            document = load_yaml(file.read(FILE_BYTES).decode("utf-8"))
    except OSError as error:
        raise whole.wrong(FILE_KEY, f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise whole.wrong(FILE_KEY, f"must be UTF-8: byte {error.start} is not") from error
    except ValueError as error:
        raise whole.wrong(FILE_KEY, str(error)) from error
    if not isinstance(document, dict | None):
        raise whole.wrong(FILE_KEY, "must hold a mapping: tls_server_config, http_server_config, basic_auth_users")
    top = YamlSection(f"{FILE_KEY}: ", document or {})
    top.refuse(_UNSUPPORTED)
    tls, http, users = (top.section(name) for name in ("tls_server_config", "http_server_config", "basic_auth_users"))
    top.nothing_else()
    return WebConfig(_tls(tls, path.parent) if tls.values else None, _headers(http), _users(users))


def _tls(given: YamlSection, folder: Path) -> TlsServer:
    given.refuse(_UNSUPPORTED_TLS)
    files = {name: given.text(name) for name in ("cert_file", "key_file", "client_ca_file")}
    for name in ("cert_file", "key_file"):
        if not files[name]:
            raise given.wrong(name, "a value is required: TLS needs a certificate and its key")
    paths = {name: folder / text for name, text in files.items() if text}
    least, most = given.one_of("min_version", VERSIONS, "TLS12"), given.one_of("max_version", VERSIONS, "TLS13")
    if least > most:
        raise given.wrong("min_version", "must not be above max_version")
    client_ca = given.text("client_ca") or None
    if client_ca and files["client_ca_file"]:
        raise given.wrong("client_ca_file", "client_ca is given as well: keep one of them")
    verify = _client_auth(given, trusted=bool(client_ca or files["client_ca_file"]))
    server = TlsServer(
        key=given.path,
        cert_file=paths["cert_file"],
        key_file=paths["key_file"],
        verify=verify,
        client_ca_file=paths.get("client_ca_file"),
        client_ca=client_ca,
        client_allowed_sans=_names(given, verify),
        least=least,
        most=most,
        ciphers=_ciphers(given),
        own_order=given.flag("prefer_server_cipher_suites", default=True),
        curve=_curve(given),
    )
    given.nothing_else()
    return server


def _client_auth(given: YamlSection, *, trusted: bool) -> VerifyMode:
    if given.text("client_auth_type") in UNVERIFIED:
        verified = "Python's TLS verifies each certificate that it asks for"
        raise given.wrong("client_auth_type", f"{verified}: use RequireAndVerifyClientCert, or VerifyClientCertIfGiven")
    verify = given.one_of("client_auth_type", CLIENT_AUTH, "NoClientCert")
    if trusted and verify is VerifyMode.CERT_NONE:
        raise given.wrong("client_auth_type", "must be RequireAndVerifyClientCert where a client CA is given")
    if not trusted and verify is not VerifyMode.CERT_NONE:
        raise given.wrong("client_ca_file", "a value is required: without it every public authority would be trusted")
    return verify


def _names(given: YamlSection, verify: VerifyMode) -> frozenset[str] | None:
    names = given.texts("client_allowed_sans")
    if names and verify is not VerifyMode.CERT_REQUIRED:
        raise given.wrong("client_allowed_sans", "needs client_auth_type: RequireAndVerifyClientCert")
    return frozenset(names) or None


def _ciphers(given: YamlSection) -> tuple[str, ...]:
    wanted = given.texts("cipher_suites")
    if any(name in FIXED_CIPHERS for name in wanted):
        raise given.wrong("cipher_suites", "suites of TLS 1.3 are always on and cannot be chosen: leave them out")
    if unknown := sorted(set(wanted) - CIPHERS.keys()):
        raise given.wrong("cipher_suites", f"{unknown[0]} is not known; known: {', '.join(CIPHERS)}")
    return tuple(CIPHERS[name] for name in wanted)


def _curve(given: YamlSection) -> str | None:
    wanted = given.texts("curve_preferences")
    if unknown := sorted(set(wanted) - CURVES.keys()):
        raise given.wrong("curve_preferences", f"{unknown[0]} is not known; known: {', '.join(CURVES)}")
    if len(wanted) > 1:
        raise given.wrong("curve_preferences", "Python's TLS can be held to one curve, not to an order of several")
    return CURVES[wanted[0]] if wanted else None


def _headers(given: YamlSection) -> Mapping[str, str]:
    if given.flag("http2", default=False):
        raise given.wrong("http2", "must be false or left out: driftd speaks HTTP/1.1")
    headers = given.section("headers")
    given.nothing_else()
    found = {name: headers.text(name) for name in _HEADERS}
    headers.nothing_else()
    for name, value in found.items():
        if value and _HEADERS[name] and value not in _HEADERS[name]:
            raise headers.wrong(name, f"must be {' or '.join(_HEADERS[name])}")
        if not _HEADER_VALUE.fullmatch(value):
            raise headers.wrong(name, "must be one line of plain ASCII")
    return {name: value for name, value in found.items() if value}


def _users(given: YamlSection) -> Mapping[bytes, bytes]:
    for name, known in given.values.items():
        found = _HASH.fullmatch(known) if isinstance(known, str) else None
        if found is None or int(found[1]) < MIN_COST:
            raise given.wrong(name, "must be a bcrypt hash such as htpasswd -nBC 10 prints: $2y$10$ and 53 more", MASK)
        if int(found[1]) > MAX_COST:
            raise given.wrong(name, f"its cost must be at most {MAX_COST}: each log-in would take too long", MASK)
        if not isinstance(name, str) or ":" in name or not name.isprintable():
            raise given.wrong(name, "the name must be text without a colon: nobody could send it", MASK)
    return {name.encode(): known.encode() for name, known in given.values.items()}
