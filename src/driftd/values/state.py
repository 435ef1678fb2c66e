"""The plain data (JSON: no NaN, integers within 64 bits) a stage's memory is written as.

``to_state`` returns it, ``from_state`` takes it back; the same memory gives the same data, so the
snapshot's bytes are a function of what was read.
"""

from typing import Any

State = dict[str, Any]
