"""The HTTP API of a running daemon, for commands: one call at a time, credentials from files."""

import ssl
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, HTTPSHandler, ProxyHandler, Request, build_opener

import orjson

from driftd.config.model import Config
from driftd.errors import CallError, ConfigurationError
from driftd.web.web_config import read_web_config

SECONDS = 100.0  # longer than the daemon takes to say that it did not come to it
ANSWER_BYTES = 64 * 2**20
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}  # noqa: S104 -- where to ask one that listens so


class _NoRedirects(HTTPRedirectHandler):
    """Takes a redirect for the refusal it is: credentials go to the address that was given, and no further."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nowhere."""


@dataclass(frozen=True, slots=True)
class DaemonApi:
    """A daemon under an address such as https://driftd.example.org:9108. Never asked through a proxy."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    tls: ssl.SSLContext | None = None

    def call(self, path: str, method: str = "GET") -> Any:
        """Return the document that a call is answered with. Raises CallError with the daemon's own words."""
        url = f"{self.url}{path}"
        opener = build_opener(ProxyHandler({}), _NoRedirects(), HTTPSHandler(context=self.tls))
        try:
            with opener.open(Request(url, headers=dict(self.headers), method=method), timeout=SECONDS) as answer:  # noqa: S310 -- http(s), checked before
                return orjson.loads(answer.read(ANSWER_BYTES))
        except HTTPError as refused:
            with refused:
                raise CallError(url, _message(refused), refused.code) from None
        except URLError as error:
            raise CallError(url, f"no answer: {error.reason}") from None
        except orjson.JSONDecodeError:
            raise CallError(url, "what answers there is no driftd") from None
        except (OSError, HTTPException) as error:
            raise CallError(url, f"no answer: {str(error) or type(error).__name__}") from None


def address_of(config: Config) -> str:
    """Return where a daemon on this machine with this configuration is reached; ConfigurationError if nobody knows."""
    host, port = config.http.listen
    if not port:
        raise ConfigurationError("http.listen", str(config.http.listen), "it names no port: give --url")
    web = config.http.web_config_file
    scheme = "http" if web is None or read_web_config(web).tls is None else "https"
    return f"{scheme}://{_EVERYWHERE.get(host, f'[{host}]' if ':' in host else host)}:{port}"


def bearer(token_file: Path) -> Mapping[str, str]:
    """Return the header of whoever holds the admin token."""
    return {"Authorization": f"Bearer {secret(token_file, '--token-file')}"}


def basic(user: str, password_file: Path) -> Mapping[str, str]:
    """Return the header of a reader (RFC 7617)."""
    pair = f"{user}:{secret(password_file, '--password-file')}"
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def secret(path: Path, option: str) -> str:
    """Read a secret of one line."""
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(option, str(path), f"cannot be read: {getattr(error, 'strerror', error)}") from None
    if not text or not text.isprintable():
        raise ConfigurationError(option, str(path), "must be a file with one line of text")
    return text


def trusted(ca_file: Path) -> ssl.SSLContext:
    """Return a context that trusts these certificates alone."""
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "strerror", None) or "no certificates in PEM form"
        raise ConfigurationError("--ca-file", str(ca_file), f"cannot be used: {reason}") from None


def _message(refused: HTTPError) -> str:
    """Return the daemon's own words, where it was the daemon."""
    try:
        told = orjson.loads(refused.read(ANSWER_BYTES))["error"]["message"]
    except (orjson.JSONDecodeError, LookupError, TypeError, OSError, HTTPException):
        told = "refused, and not by a driftd"
    return f"{told} (HTTP {refused.code})"
