"""The hashes that cross boundaries. BLAKE2b everywhere: the same on every machine and in every language."""

from hashlib import blake2b


def text_hash(text: str) -> int:
    """Return the unsigned 64-bit hash of a text (BLAKE2b-64 of its UTF-8, little-endian)."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


def content_id(data: bytes, length: int = 16) -> str:
    """Return the name of a content: hexadecimal digits of its BLAKE2b hash."""
    return blake2b(data, digest_size=32).hexdigest()[:length]
