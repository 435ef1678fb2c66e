"""The page that Prometheus scrapes, in the format that it asks for."""

import re

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

# All names here need no escaping, yet prometheus_client rewrites them under these two schemes.
_REWRITING = re.compile(r";\s*escaping=(?:dots|values)\b")


def render(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """Return the page and its content type: OpenMetrics or text, as the Accept header prefers."""
    encode, content_type = choose_encoder(_REWRITING.sub("", accept))
    return encode(registry), content_type
