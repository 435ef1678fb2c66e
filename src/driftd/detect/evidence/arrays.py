"""Arrays in a snapshot: the bytes, little-endian, as base64 text."""

from base64 import b64decode, b64encode
from typing import Any

import numpy as np
from numpy.typing import NDArray


def pack(array: NDArray[Any]) -> str:
    """Return an array's bytes as text. Its shape and type are known to who reads it."""
    return b64encode(np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()).decode("ascii")


def unpack(text: str, like: NDArray[Any]) -> NDArray[Any]:
    """Return an array of the shape and type of ``like``; ValueError if the text holds another number of values."""
    data = np.frombuffer(b64decode(text, validate=True), dtype=like.dtype.newbyteorder("<"))
    return data.astype(like.dtype).reshape(like.shape)
