"""Arrays in a snapshot: the bytes, little-endian, as base64 text."""

from base64 import b64decode, b64encode
from typing import Any

import numpy as np
from numpy.typing import NDArray


def pack(array: NDArray[Any]) -> str:
    """Return an array's bytes as text, none if all are 0. Its shape and type are known to who reads it."""
    data = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()
    return b64encode(data).decode("ascii") if data.strip(b"\0") else ""


def unpack(text: str, like: NDArray[Any]) -> NDArray[Any]:
    """Return an array of the shape and type of ``like``; ValueError if the text holds another number of values."""
    if not text:
        return np.zeros_like(like)
    data = np.frombuffer(b64decode(text, validate=True), dtype=like.dtype.newbyteorder("<"))
    return data.astype(like.dtype).reshape(like.shape)
