"""What protects the server: made whole before it takes effect, so that a mistake leaves the old one in place."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from ssl import SSLContext

from driftd.errors import ConfigurationError
from driftd.web.settings import HttpSettings
from driftd.web.tls import tls_context
from driftd.web.web_config import read_web_config

TOKEN_LENGTHS = (16, 4096)
_TOKEN = re.compile(rb"[A-Za-z0-9._~+/-]+=*")  # what a bearer token may be made of (RFC 6750, 2.1)


@dataclass(frozen=True, slots=True)
class Protection:
    """TLS, who may read, who may change something, and headers over our own. Nothing in it: everybody may read.

    ``allowed_names`` are the alternative names of client certificates that are let in, None: all. ``users``
    maps names to bcrypt hashes.
    """

    tls: SSLContext | None = None
    allowed_names: frozenset[str] | None = None
    users: Mapping[bytes, bytes] = field(default_factory=dict, repr=False)
    token: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


def load_protection(settings: HttpSettings) -> Protection:
    """Read every file that ``settings`` names. Raises a ConfigurationError, secrets in it masked."""
    token = None if settings.admin_token_file is None else _read_token(settings.admin_token_file)
    if settings.web_config_file is None:
        return Protection(token=token)
    web = read_web_config(settings.web_config_file)
    if web.tls is None:
        return Protection(users=web.users, token=token, headers=web.headers)
    tls = tls_context(web.tls)
    return Protection(tls, web.tls.client_allowed_sans, web.users, token, web.headers)


def _read_token(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            token = file.read(TOKEN_LENGTHS[1] + 2).strip()
    except OSError as error:
        reason = f"cannot be read: {error.strerror or error}"
        raise ConfigurationError("http.admin_token_file", str(path), reason) from error
    least, most = TOKEN_LENGTHS
    if not least <= len(token) <= most or not _TOKEN.fullmatch(token):
        raise ConfigurationError(
            "http.admin_token_file",
            str(path),
            f"must be a file with {least} to {most} letters, digits and ._~+/- in it, and = at the end only",
        )
    return token
