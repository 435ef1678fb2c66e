"""Events full of planted values, and what finds them in outputs: for tests of what is hashed or hidden.

Texts are words of their own; numbers are those of seven digits that begin with 73 to 79. Neither is in anything else
that driftd writes: times begin with 17, counts are small, and hexadecimal digits stand next to others.
"""

import json
import random
import re
from collections.abc import Iterator, Mapping
from typing import Any

MODEL = "lending"
WINDOW_MS = 5_000
PER_WINDOW = 300
STEP_MS = WINDOW_MS / PER_WINDOW
START_MS = 1_790_000_040_000

MERCHANTS = ("Quixotbank", "Umbrellacorp", "Zyxwareshop")
CITIES = ("Gothamville", "Emeraldtown", "Camelotburg")
RARE = tuple(f"Hamlet-{number}-Plantedshire" for number in range(90))  # the rarest have no bin
CLASSES = ("Grantedplanted", "Deniedplanted")
UNSEEN = ("Atlantisfoods", "Eldoradopolis")
IDS = "Passportplanted"  # near-unique: left out of the profile

_TEXTS = (*MERCHANTS, *CITIES, "Plantedshire", *CLASSES, *UNSEEN, IDS)
_TEXT = re.compile("|".join(_TEXTS), re.IGNORECASE)
_NUMBER = re.compile(r"(?<![0-9A-Za-z.])7[3-9][0-9]{5}(?:\.[0-9]+)?(?![0-9A-Za-z])")

#: The columns with planted values, by the names that settings call them.
COLUMNS = ("merchant", "city", "hamlet", "salary", "embedding", "prediction", "label")


def settings(**shown: str) -> dict[str, Any]:
    """Return the model's settings: what these columns show."""
    return {MODEL: {"columns": {name: {"values": how} for name, how in shown.items()}}}


def hashed_and_hidden() -> dict[str, Any]:
    """Return settings that let none of the planted values be seen."""
    hashed = dict.fromkeys(("merchant", "hamlet", "prediction", "label"), "hash")
    return settings(**hashed, **dict.fromkeys(("city", "salary", "embedding"), "hide"))


def planted(data: bytes | str) -> set[str]:
    """Return the planted values in an output."""
    text = data.decode() if isinstance(data, bytes) else data
    return {found.group().lower() for found in (*_TEXT.finditer(text), *_NUMBER.finditer(text))}


def leaks(outputs: Mapping[str, bytes]) -> dict[str, set[str]]:
    """Return the outputs that planted values are in, with these."""
    return {name: found for name, data in outputs.items() if (found := planted(data))}


def without_edges(document: bytes) -> bytes:
    """Return a profile's document without what is needed to find a value's bin (docs/privacy.md)."""
    profile = json.loads(document)
    for column in profile["columns"]:
        column["edges"] = []
    return json.dumps(profile).encode()


def events(windows: int, drifting: int, seed: int) -> Iterator[bytes]:
    """Yield events in time order; in the last ``drifting`` windows every column drifts, and odd records come."""
    rng = random.Random(seed)
    for number in range(windows * PER_WINDOW):
        drifted = number >= (windows - drifting) * PER_WINDOW
        timestamp = START_MS + round(number * STEP_MS)
        yield _written({"model": MODEL, "version": "1", "timestamp": timestamp, **_drawn(rng, number, drifted=drifted)})
        if drifted and number % 50 == 0:
            yield from odd_records(timestamp)


def odd_records(timestamp: int) -> Iterator[bytes]:
    """Yield records with planted values that are rejected, or invalid in their columns."""
    amiss = {"merchant": 7_311_111, "city": {"name": UNSEEN[1]}, "salary": MERCHANTS[0], "embedding": [CITIES[0]]}
    yield b'{"model": "lending", "features": {"merchant": "Quixotbank", "salary": 7311111'  # torn
    yield _written({"timestamp": timestamp, "features": {"merchant": UNSEEN[0], "salary": 7_311_111}})  # no model
    yield _written({"model": MODEL, "version": "1", "timestamp": timestamp, "features": amiss, "prediction": 7_311_111})
    yield _written({"model": MODEL, "version": [CITIES[0]], "timestamp": timestamp, "features": amiss})
    yield _written({"model": MODEL, "version": "1", "timestamp": UNSEEN[0], "features": amiss})


def _drawn(rng: random.Random, number: int, *, drifted: bool) -> dict[str, Any]:
    odd = drifted and rng.random() < 0.4
    base = 7_800_000 if drifted else 7_300_000
    return {
        "features": {
            "merchant": UNSEEN[0] if odd else rng.choice(MERCHANTS),
            "city": UNSEEN[1] if odd else rng.choice(CITIES),
            "hamlet": rng.choice(RARE[:2] if drifted else RARE),
            "salary": base + 13 * rng.randrange(1_000),
            "embedding": [base + 17 * rng.randrange(500), rng.gauss(0, 1)],
            "passport": f"{IDS}-{number}-{rng.random()}",
            "plain": rng.gauss(0, 1),
        },
        "prediction": rng.choices(CLASSES, (9, 1) if drifted else (1, 1))[0],
        "label": rng.choice(CLASSES),
    }


def _written(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document).encode()
