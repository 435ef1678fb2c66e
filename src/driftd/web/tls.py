"""The server's side of TLS, and who a client's certificate names."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from driftd.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class TlsServer:
    """TLS as the web configuration file asks for it. ``key`` is the section's path, for errors.

    ``ciphers``, in OpenSSL's names, are those of TLS 1.2; empty: the library's own choice.
    """

    key: str
    cert_file: Path
    key_file: Path
    verify: ssl.VerifyMode = ssl.VerifyMode.CERT_NONE
    client_ca_file: Path | None = None
    client_ca: str | None = None
    client_allowed_sans: frozenset[str] | None = None
    least: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    most: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    ciphers: tuple[str, ...] = ()
    own_order: bool = True
    curve: str | None = None


def tls_context(wanted: TlsServer) -> ssl.SSLContext:
    """Return a context with the certificates as they are on the disk now. Raises a ConfigurationError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version, context.maximum_version = wanted.least, wanted.most
    context.options |= ssl.OP_NO_RENEGOTIATION
    if not wanted.own_order:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if wanted.ciphers:
        context.set_ciphers(":".join(wanted.ciphers))
    if wanted.curve:
        context.set_ecdh_curve(wanted.curve)
    context.set_alpn_protocols(["http/1.1"])
    _load_own(context, wanted)
    context.verify_mode = wanted.verify
    if wanted.client_ca_file or wanted.client_ca:
        _load_trusted(context, wanted)
    return context


def _load_own(context: ssl.SSLContext, wanted: TlsServer) -> None:
    _readable(wanted, "cert_file", wanted.cert_file)
    _readable(wanted, "key_file", wanted.key_file)
    try:
        context.load_cert_chain(wanted.cert_file, wanted.key_file, password=_no_passphrase)
    except _Encrypted:
        raise _wrong(wanted, "key_file", wanted.key_file, "must be a private key without a passphrase") from None
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise _wrong(wanted, "key_file", wanted.key_file, "must be the key of the certificate") from None
        expected = f"must be a certificate, and key_file its private key, in PEM form ({error.reason or 'unreadable'})"
        raise _wrong(wanted, "cert_file", wanted.cert_file, expected) from None


def _load_trusted(context: ssl.SSLContext, wanted: TlsServer) -> None:
    key, shown = ("client_ca_file", wanted.client_ca_file) if wanted.client_ca_file else ("client_ca", "PEM text")
    if wanted.client_ca_file:
        _readable(wanted, key, wanted.client_ca_file)
    try:
        context.load_verify_locations(wanted.client_ca_file, cadata=wanted.client_ca)
    except (ssl.SSLError, ValueError):
        raise _wrong(wanted, key, shown, "must be certificates in PEM form") from None


def names_of(certificate: Mapping[str, Any]) -> frozenset[str]:
    """Return the alternative names of a verified certificate, addresses in their shortest form."""
    names = certificate.get("subjectAltName", ())
    return frozenset(str(ip_address(name.strip())) if kind == "IP Address" else name for kind, name in names)


class _Encrypted(Exception):
    """OpenSSL asked for a passphrase."""


def _no_passphrase() -> str:
    raise _Encrypted


def _readable(wanted: TlsServer, key: str, path: Path) -> None:
    try:
        path.read_bytes()
    except OSError as error:
        raise _wrong(wanted, key, path, f"cannot be read: {error.strerror or error}") from error


def _wrong(wanted: TlsServer, key: str, value: object, expected: str) -> ConfigurationError:
    return ConfigurationError(f"{wanted.key}.{key}", str(value), expected)
