"""The example in docs/delivery.md does what it says."""

import re
import time
from pathlib import Path
from typing import Any

from webhook_receiver import document, receiver

from driftd.delivery.settings import Credentials, WebhookSettings
from driftd.delivery.webhook import Webhook

PAGE = Path(__file__).parents[3] / "docs" / "delivery.md"


def test_the_documented_check_of_a_signature_works() -> None:
    """A genuine request passes; another body, key, id or time does not."""
    (source,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(source, str(PAGE), "exec"), names)  # the page is ours
    is_genuine = names["is_genuine"]
    with receiver() as to:
        settings = WebhookSettings(url=to.url)
        Webhook(settings, Credentials(b"key"), lambda: time.time_ns() // 1_000_000).send(document(1))
        Webhook(settings, Credentials(b"key"), lambda: (time.time_ns() // 1_000_000) - 400_000).send(document(1))
    (headers, body), (stale, _) = [(request.headers, request.body) for request in to.requests]
    assert is_genuine(headers, body, b"key")
    assert not is_genuine(headers, body + b" ", b"key")
    assert not is_genuine(headers, body, b"other")
    assert not is_genuine({**headers, "webhook-id": "1"}, body, b"key")
    assert not is_genuine(stale, body, b"key")
