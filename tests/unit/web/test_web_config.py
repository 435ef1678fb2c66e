"""The web configuration file and the admin token: what is honoured, and how everything else is refused."""

import ssl
from pathlib import Path

import bcrypt
import pytest
import trustme
import yaml

from driftd.errors import NO_VALUE, ConfigurationError
from driftd.web.protection import Protection, load_protection
from driftd.web.settings import HttpSettings
from driftd.web.tls import names_of

HASH = bcrypt.hashpw(b"s3cret", bcrypt.gensalt(4)).decode()
TLS = {"cert_file": "cert.pem", "key_file": "key.pem"}
CLIENTS = {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": "ca.pem"}
VERIFIED = "RequireAndVerifyClientCert, or VerifyClientCertIfGiven"
CIPHER = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate, its key, its authority, and files that are none of them."""
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    leaf, other = authority.issue_cert("127.0.0.1"), authority.issue_cert("127.0.0.1")
    leaf.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    leaf.private_key_pem.write_to_path(folder / "key.pem")
    other.private_key_pem.write_to_path(folder / "other.pem")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    (folder / "garbage.pem").write_text("garbage", encoding="utf-8")
    lines = (
        "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00000000000000000000000000000000\n\nAAAAAAAAAAAAAAAAAAAAAA==\n"
    )
    text = f"-----BEGIN RSA PRIVATE KEY-----\n{lines}-----END RSA PRIVATE KEY-----\n"
    (folder / "encrypted.pem").write_text(text, encoding="utf-8")
    return folder


def loaded(folder: Path, document: object) -> Protection:
    """Load a web configuration file with this in it."""
    path = folder / "web.yml"
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(document), encoding="utf-8")
    return load_protection(HttpSettings(web_config_file=path))


def refusal(folder: Path, document: object) -> tuple[str, object, str]:
    """Return the key, the value shown and the sentence that a file is refused with."""
    with pytest.raises(ConfigurationError) as refused:
        loaded(folder, document)
    return refused.value.key, refused.value.value, refused.value.expected


def test_without_files_nothing_is_protected() -> None:
    """The defaults: plain HTTP for everybody, no admin."""
    assert load_protection(HttpSettings()) == Protection()


@pytest.mark.parametrize("document", ["", "{}", {"tls_server_config": None, "basic_auth_users": {}}])
def test_an_empty_file_protects_nothing(document: object, certificates: Path) -> None:
    """Sections may be left out or empty."""
    assert loaded(certificates, document) == Protection()


def test_users_and_headers_are_taken_as_they_are(certificates: Path) -> None:
    """Names and hashes of any version of bcrypt, and headers that have a value."""
    document = {
        "basic_auth_users": {"a": HASH, "ü": HASH.replace("$2b$", "$2y$")},
        "http_server_config": {"http2": False, "headers": {"X-Frame-Options": "deny", "X-XSS-Protection": ""}},
    }
    expected = Protection(
        users={b"a": HASH.encode(), "ü".encode(): HASH.replace("$2b$", "$2y$").encode()},
        headers={"X-Frame-Options": "deny"},
    )
    assert expected == loaded(certificates, document)


def test_tls_is_what_the_file_asks_for(certificates: Path) -> None:
    """Versions, suites, their order and the verification of clients reach the context; files lie beside the file."""
    more = {"min_version": "TLS12", "max_version": "TLS12", "cipher_suites": [CIPHER], "curve_preferences": ["X25519"]}
    names = {"client_allowed_sans": ["scraper.example.org"], "prefer_server_cipher_suites": False}
    found = loaded(certificates, {"tls_server_config": TLS | CLIENTS | more | names})
    assert found.tls is not None
    assert (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2) == (found.tls.minimum_version, found.tls.maximum_version)
    old = [suite["name"] for suite in found.tls.get_ciphers() if suite["protocol"] != "TLSv1.3"]
    assert old == ["ECDHE-RSA-AES128-GCM-SHA256"]
    assert not found.tls.options & ssl.OP_CIPHER_SERVER_PREFERENCE
    assert found.tls.verify_mode is ssl.CERT_REQUIRED
    assert len(found.tls.get_ca_certs()) == 1
    assert found.allowed_names == frozenset({"scraper.example.org"})


def test_tls_defaults_are_those_of_prometheus(certificates: Path) -> None:
    """TLS 1.2 and 1.3, the server's order of suites, no certificates of clients."""
    found = loaded(certificates, {"tls_server_config": TLS})
    assert found.tls is not None
    assert (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3) == (found.tls.minimum_version, found.tls.maximum_version)
    assert found.tls.options & ssl.OP_CIPHER_SERVER_PREFERENCE
    assert (ssl.CERT_NONE, None) == (found.tls.verify_mode, found.allowed_names)


def test_an_authority_may_stand_in_the_file_itself(certificates: Path) -> None:
    """client_ca is the certificate's text."""
    text = (certificates / "ca.pem").read_text(encoding="utf-8")
    clients = {"client_auth_type": "VerifyClientCertIfGiven", "client_ca": text}
    found = loaded(certificates, {"tls_server_config": TLS | clients})
    assert found.tls is not None
    assert (ssl.CERT_OPTIONAL, 1) == (found.tls.verify_mode, len(found.tls.get_ca_certs()))


@pytest.mark.parametrize(
    ("change", "key", "shown", "expected"),
    [
        ({"cert_file": None}, "cert_file", NO_VALUE, "a value is required: TLS needs a certificate and its key"),
        ({"key_file": ""}, "key_file", "", "a value is required: TLS needs a certificate and its key"),
        ({"cert": "PEM"}, "cert", "PEM", "cannot be given here: put it into a file and name that with cert_file"),
        ({"key": "PEM"}, "key", "***", "cannot be given here: put it into a file and name that with key_file"),
        ({"min_version": "TLS11"}, "min_version", "TLS11", "must be TLS12 or TLS13"),
        ({"min_version": 1.2}, "min_version", 1.2, "must be text; put quotes around it"),
        (
            {"min_version": "TLS13", "max_version": "TLS12"},
            "min_version",
            "TLS13",
            "must not be above max_version",
        ),
        (
            {"client_auth_type": "RequireAnyClientCert"},
            "client_auth_type",
            "RequireAnyClientCert",
            f"Python's TLS verifies each certificate that it asks for: use {VERIFIED}",
        ),
        (
            {"client_auth_type": "VerifyClientCert"},
            "client_auth_type",
            "VerifyClientCert",
            "must be NoClientCert or VerifyClientCertIfGiven or RequireAndVerifyClientCert",
        ),
        (
            {"client_auth_type": "RequireAndVerifyClientCert"},
            "client_ca_file",
            NO_VALUE,
            "a value is required: without it every public authority would be trusted",
        ),
        (
            {"client_ca_file": "ca.pem"},
            "client_auth_type",
            NO_VALUE,
            "must be RequireAndVerifyClientCert where a client CA is given",
        ),
        (
            CLIENTS | {"client_ca": "PEM"},
            "client_ca_file",
            "ca.pem",
            "client_ca is given as well: keep one of them",
        ),
        (
            CLIENTS | {"client_auth_type": "VerifyClientCertIfGiven", "client_allowed_sans": ["a"]},
            "client_allowed_sans",
            ["a"],
            "needs client_auth_type: RequireAndVerifyClientCert",
        ),
        ({"client_allowed_sans": "a"}, "client_allowed_sans", "a", "must be a list of texts"),
        (
            {"cipher_suites": [CIPHER, "TLS_AES_128_GCM_SHA256"]},
            "cipher_suites",
            [CIPHER, "TLS_AES_128_GCM_SHA256"],
            "suites of TLS 1.3 are always on and cannot be chosen: leave them out",
        ),
        (
            {"curve_preferences": ["X25519", "CurveP256"]},
            "curve_preferences",
            ["X25519", "CurveP256"],
            "Python's TLS can be held to one curve, not to an order of several",
        ),
        (
            {"curve_preferences": ["P256"]},
            "curve_preferences",
            ["P256"],
            "P256 is not known; known: CurveP256, CurveP384, CurveP521, X25519",
        ),
        ({"prefer_server_cipher_suites": "yes"}, "prefer_server_cipher_suites", "yes", "must be true or false"),
        ({"certfile": "x"}, "certfile", "***", "there is no such key; did you mean cert_file?"),
    ],
)
def test_what_tls_cannot_honour_is_refused_by_name(
    change: dict[str, object], key: str, shown: object, expected: str, certificates: Path
) -> None:
    """The error has the key's path in the file, the value, and what would be right."""
    document = {"tls_server_config": TLS | change}
    assert (f"http.web_config_file: tls_server_config.{key}", shown, expected) == refusal(certificates, document)


def test_an_unknown_suite_is_refused_with_those_there_are(certificates: Path) -> None:
    """Weak suites are not known here."""
    _, _, expected = refusal(certificates, {"tls_server_config": TLS | {"cipher_suites": ["TLS_RSA_WITH_RC4_128_SHA"]}})
    assert expected.startswith("TLS_RSA_WITH_RC4_128_SHA is not known; known: TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,")


@pytest.mark.parametrize(
    ("change", "key", "shown", "expected"),
    [
        ({"cert_file": "none.pem"}, "cert_file", "none.pem", "cannot be read: No such file or directory"),
        ({"key_file": "none.pem"}, "key_file", "none.pem", "cannot be read: No such file or directory"),
        ({"key_file": "other.pem"}, "key_file", "other.pem", "must be the key of the certificate"),
        ({"key_file": "encrypted.pem"}, "key_file", "encrypted.pem", "must be a private key without a passphrase"),
        (
            {"cert_file": "garbage.pem"},
            "cert_file",
            "garbage.pem",
            "must be a certificate, and key_file its private key, in PEM form",
        ),
        (CLIENTS | {"client_ca_file": "garbage.pem"}, "client_ca_file", "garbage.pem", "must be certificates in PEM"),
        (CLIENTS | {"client_ca_file": "none.pem"}, "client_ca_file", "none.pem", "cannot be read: No such file"),
    ],
)
def test_files_that_are_none_are_refused(
    change: dict[str, object], key: str, shown: str, expected: str, certificates: Path
) -> None:
    """Missing, wrong and encrypted files are told apart, and nobody is asked for a passphrase on a terminal."""
    found = refusal(certificates, {"tls_server_config": TLS | change})
    assert (f"http.web_config_file: tls_server_config.{key}", str(certificates / shown)) == found[:2]
    assert found[2].startswith(expected)


@pytest.mark.parametrize(
    ("document", "key", "shown", "expected"),
    [
        ({"rate_limit": {"burst": 1}}, "rate_limit", {"burst": 1}, "driftd bounds connections and time in its own way"),
        ({"http_server_config": {"http2": True}}, "http_server_config.http2", True, "must be false or left out"),
        (
            {"http_server_config": {"headers": {"Server": "x"}}},
            "http_server_config.headers.Server",
            "***",
            "there is no such key; known here: Content-Security-Policy,",
        ),
        (
            {"http_server_config": {"headers": {"X-Frame-Options": "allow"}}},
            "http_server_config.headers.X-Frame-Options",
            "allow",
            "must be deny or sameorigin",
        ),
        (
            {"http_server_config": {"headers": {"X-XSS-Protection": "1\r\nSet-Cookie: a=b"}}},
            "http_server_config.headers.X-XSS-Protection",
            "1\r\nSet-Cookie: a=b",
            "must be one line of plain ASCII",
        ),
        ({"basic_auth_users": {"a": "s3cret"}}, "basic_auth_users.a", "***", "must be a bcrypt hash"),
        ({"basic_auth_users": {"a": None}}, "basic_auth_users.a", "***", "must be a bcrypt hash"),
        ({"basic_auth_users": {"a": HASH[:-1]}}, "basic_auth_users.a", "***", "must be a bcrypt hash"),
        ({"basic_auth_users": {"a": HASH.replace("$04$", "$03$")}}, "basic_auth_users.a", "***", "must be a bcrypt"),
        (
            {"basic_auth_users": {"a": HASH.replace("$04$", "$16$")}},
            "basic_auth_users.a",
            "***",
            "its cost must be at most 15",
        ),
        ({"basic_auth_users": {"a:b": HASH}}, "basic_auth_users.a:b", "***", "the name must be text without a colon"),
        ({"basic_auth_users": {7: HASH}}, "basic_auth_users.7", "***", "the name must be text without a colon"),
        ({"basic_auth_users": [HASH]}, "basic_auth_users", "***", "must be a mapping of keys to values"),
        ({"basic_auth": {"a": "s3cret"}}, "basic_auth", "***", "there is no such key; did you mean basic_auth_users?"),
    ],
)
def test_everything_else_that_is_wrong_is_refused_too(
    document: object, key: str, shown: object, expected: str, certificates: Path
) -> None:
    """Hashes are never shown, and sections, headers and names are held to their forms."""
    found = refusal(certificates, document)
    assert (f"http.web_config_file: {key}", shown) == found[:2]
    assert found[2].startswith(expected)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("a: b: c", "must be YAML: mapping values are not allowed here (line 1, column 5)"),
        ("basic_auth_users: {a: 1, a: 2}", "must be YAML: the key 'a' stands here a second time"),
        ("a: \0", "must be YAML: "),
        ("[" * 5000, "must be YAML: nested deeper than 32 levels"),
        ("- a", "must hold a mapping: tls_server_config, http_server_config, basic_auth_users"),
    ],
)
def test_a_file_of_another_form_is_refused(document: str, expected: str, certificates: Path) -> None:
    """The error names the setting and the file."""
    key, shown, said = refusal(certificates, document)
    assert (key, shown) == ("http.web_config_file", str(certificates / "web.yml"))
    assert said.startswith(expected)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A missing file, and one that is not UTF-8."""
    path = tmp_path / "web.yml"
    with pytest.raises(ConfigurationError, match=r"http\.web_config_file: '.*web\.yml' is not valid: cannot be read"):
        load_protection(HttpSettings(web_config_file=path))
    path.write_bytes(b"a: \xff")
    with pytest.raises(ConfigurationError, match="must be UTF-8: byte 3 is not"):
        load_protection(HttpSettings(web_config_file=path))


def test_the_token_is_the_file_s_text(tmp_path: Path) -> None:
    """Blanks and line ends around it are left out."""
    (tmp_path / "token").write_bytes(b"abcDEF0123456789==\n")
    found = load_protection(HttpSettings(admin_token_file=tmp_path / "token"))
    assert found == Protection(token=b"abcDEF0123456789==")


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"short", b"a" * 15 + b"\n", b"a" * 16 + b" b", b"=" * 16, b"\xff" * 16, b"a" * 4097]
)
def test_a_token_that_protects_nothing_is_refused(content: bytes, tmp_path: Path) -> None:
    """Empty, short and unsendable tokens are refused; the error shows the path and nothing of the token."""
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(ConfigurationError) as refused:
        load_protection(HttpSettings(admin_token_file=tmp_path / "token"))
    assert (refused.value.key, refused.value.value) == ("http.admin_token_file", str(tmp_path / "token"))
    assert refused.value.expected.startswith("must be a file with 16 to 4096 letters")


def test_a_token_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """The reason is the system's."""
    with pytest.raises(ConfigurationError, match=r"http\.admin_token_file: .* cannot be read: No such file"):
        load_protection(HttpSettings(admin_token_file=tmp_path / "none"))


def test_names_of_a_certificate_are_compared_in_their_shortest_form() -> None:
    """Addresses have many spellings, names one."""
    names = (("DNS", "a.example.org"), ("IP Address", "0:0:0:0:0:0:0:1\n"), ("URI", "spiffe://a"), ("email", "a@b"))
    assert {"a.example.org", "::1", "spiffe://a", "a@b"} == names_of({"subjectAltName": names})
    assert frozenset() == names_of({})
