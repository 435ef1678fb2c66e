"""Drift events to a receiver over HTTP: CloudEvents in structured mode, signed as Standard Webhooks says."""

import base64
import hashlib
import hmac
import ssl
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from http.client import HTTPException

from driftd import __version__
from driftd.delivery.post import Address, Answer, post, reason_of
from driftd.delivery.settings import Credentials, WebhookSettings
from driftd.values.delivery import CONTENT_TYPE, Reply, ReplyKind, document_bytes
from driftd.values.state import State

#: What a receiver says about this very document. All else is about its address, its state or our credentials,
#: which somebody may mend: then nothing must have been lost.
_REFUSED = frozenset({400, 410, 413, 414, 415, 422})


class Webhook:
    """A Sender: posts each document as the body of one request.

    2xx is taken; 400, 410, 413, 414, 415 and 422 refused; anything else failed, redirects too: they are not
    followed, since neither signature nor authorization is meant for another address. ``clock`` is the wall
    clock in milliseconds.
    """

    def __init__(self, settings: WebhookSettings, credentials: Credentials, clock: Callable[[], int]) -> None:
        self._address = Address.of(settings.url)
        self._timeout_seconds = settings.timeout / 1000
        self._credentials = credentials
        self._clock = clock
        self._tls = ssl.create_default_context() if self._address.secure else None

    def send(self, document: State) -> Reply:
        """Post a document once."""
        body = document_bytes(document)
        headers = self._headers(str(document["id"]), body)
        try:
            answer = post(self._address, headers, body, self._timeout_seconds, self._tls)
        except (OSError, HTTPException) as error:
            return Reply(ReplyKind.FAILED, reason_of(error))
        return _judge(answer, self._clock())

    def close(self) -> None:
        """Nothing stays open between requests."""

    def _headers(self, message_id: str, body: bytes) -> dict[str, str]:
        timestamp = str(self._clock() // 1000)
        headers = {
            "Content-Type": CONTENT_TYPE,
            "User-Agent": f"driftd/{__version__}",
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
        }
        if self._credentials.key is not None:
            headers["webhook-signature"] = signature(self._credentials.key, message_id, timestamp, body)
        if self._credentials.authorization is not None:
            headers["Authorization"] = self._credentials.authorization
        return headers


def signature(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """Sign a message as Standard Webhooks does with a shared key: version 1, HMAC-SHA256."""
    content = b".".join([message_id.encode(), timestamp.encode(), body])
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def _judge(answer: Answer, now_ms: int) -> Reply:
    reason = f"status {answer.status}"
    if 200 <= answer.status < 300:
        return Reply(ReplyKind.TAKEN)
    if answer.status in _REFUSED:
        return Reply(ReplyKind.REFUSED, reason)
    return Reply(ReplyKind.FAILED, reason, _seconds(answer.retry_after, now_ms))


def _seconds(retry_after: str | None, now_ms: int) -> float | None:
    """Read a Retry-After header, seconds or a date; None where it is neither, or in the past."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        seconds = parsedate_to_datetime(text).timestamp() - now_ms / 1000
    except (ValueError, OverflowError):
        return None
    return seconds if seconds > 0 else None
