"""Who is let in: basic authentication for readers, one bearer token for what changes something."""

import hmac
import secrets
from base64 import b64decode
from binascii import Error as NotBase64
from collections import OrderedDict
from collections.abc import Mapping
from http import HTTPStatus
from threading import Lock
from typing import NamedTuple

import bcrypt

from driftd.web.head import Head
from driftd.web.protection import Protection
from driftd.web.response import Response, error_response
from driftd.web.router import Access

REMEMBERED = 64
PASSWORD_BYTES = 72  # bcrypt looks no further

_UNHEARD = "give a user name and a password"
_NO_TOKEN = "this is off: http.admin_token_file names the file with the token that switches it on"  # noqa: S105 -- a sentence
_WRONG_TOKEN = "give the admin token: Authorization: Bearer TOKEN"  # noqa: S105


class Credentials(NamedTuple):
    """A user name and a password that are still to be checked."""

    user: bytes
    password: bytes

    def __repr__(self) -> str:
        return "Credentials(***)"


class Guard:
    """Holds requests against one Protection.

    ``judge`` is quick; where it returns Credentials, ``check`` takes as long as one round of bcrypt. What was
    found right is remembered, as keyed hashes and for this guard only, so that a scrape does not cost that
    each time. Wrong and unknown names take the same time.
    """

    def __init__(self, protection: Protection) -> None:
        self.protection = protection
        self._key = secrets.token_bytes(32)
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._lock = Lock()
        cost = max((int(known[4:6]) for known in protection.users.values()), default=4)
        self._nobody = b"$2b$%02d$" % cost + b"." * 53  # no password is known to have this hash

    def judge(self, head: Head, access: Access) -> Response | Credentials | None:
        """Return None where the request may be answered, else the refusal, or what is to be checked first."""
        if access is Access.ANYBODY:
            return None
        if access is Access.ADMIN and self._is_admin(head):
            return None
        if not self.protection.users:
            return self.admitted(access)
        given = _basic(head)
        if given is None:
            return self.unheard(access)
        return self.admitted(access) if self._remembers(given) else given

    def admitted(self, access: Access) -> Response | None:
        """Return what a reader gets: None, and the refusal where only the admin is let in."""
        if access is not Access.ADMIN:
            return None
        if self.protection.token is None:
            return error_response(HTTPStatus.FORBIDDEN, _NO_TOKEN)
        return error_response(HTTPStatus.UNAUTHORIZED, _WRONG_TOKEN, _challenge("Bearer"))

    def unheard(self, access: Access) -> Response:
        """Return the refusal of somebody unknown."""
        if access is Access.ADMIN and self.protection.token is not None:
            return error_response(HTTPStatus.UNAUTHORIZED, _WRONG_TOKEN, _challenge("Bearer"))
        return error_response(HTTPStatus.UNAUTHORIZED, _UNHEARD, _challenge("Basic", ', charset="UTF-8"'))

    def check(self, given: Credentials) -> bool:
        """Tell whether these are right, by one round of bcrypt whatever the name is; remember it if so."""
        known = self.protection.users.get(given.user)
        try:
            same = bcrypt.checkpw(given.password[:PASSWORD_BYTES], known or self._nobody)
        except ValueError:  # a password that bcrypt cannot take is nobody's
            same = False
        if known is None or not same:
            return False
        with self._lock:
            self._right[self._print(given)] = None
            while len(self._right) > REMEMBERED:
                self._right.popitem(last=False)
        return True

    def _remembers(self, given: Credentials) -> bool:
        wanted = self._print(given)
        with self._lock:
            if wanted not in self._right:
                return False
            self._right.move_to_end(wanted)
            return True

    def _print(self, given: Credentials) -> bytes:
        """Return the keyed hash of both."""
        return hmac.digest(self._key, len(given.user).to_bytes(4) + given.user + given.password, "sha256")

    def _is_admin(self, head: Head) -> bool:
        scheme, _, given = head.header("authorization").partition(" ")
        known = self.protection.token
        if known is None or scheme.lower() != "bearer":
            return False
        return hmac.compare_digest(given.strip(" ").encode("latin-1"), known)


def _basic(head: Head) -> Credentials | None:
    """Return the credentials of the Basic scheme (RFC 7617), None where there are none that can be read."""
    scheme, _, encoded = head.header("authorization").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = b64decode(encoded.strip(" "), validate=True)
    except (NotBase64, ValueError):
        return None
    user, colon, password = decoded.partition(b":")
    return Credentials(user, password) if colon else None


def _challenge(scheme: str, more: str = "") -> Mapping[str, str]:
    return {"WWW-Authenticate": f'{scheme} realm="driftd"{more}'}
