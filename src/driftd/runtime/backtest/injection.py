"""``--inject``: what is to be changed in the data, as it is written on the command line."""

import csv
import math
import re
import shlex
from dataclasses import dataclass

from driftd.errors import ConfigurationError
from driftd.runtime.backtest.changes import ChangeKind, Missing, Scale, Shift, Swap, Unit

OPTION = "--inject"
ALL_NUMERIC = "*"

_FORM = (
    'must be "COLUMN[, COLUMN]: CHANGE from ROW" such as "amount: shift 0.5 sd from 9000", with CHANGE one of '
    "shift X [sd], ramp X [sd] over ROWS, scale X, unit X, swap [A B], missing SHARE"
)
_COLUMNS = re.compile(r'((?:"[^"]*"|[^":])+):(.*)', re.DOTALL)  # to the first colon that is not quoted


@dataclass(frozen=True, slots=True)
class Injection:
    """A change of some columns from a row on. ``columns`` None: every numeric feature."""

    spec: str  # as it was given
    columns: tuple[str, ...] | None
    kind: ChangeKind
    row: int

    def refused(self, expected: str) -> ConfigurationError:
        """Return the error that says what would be right."""
        return ConfigurationError(OPTION, self.spec, expected)


def parse_injection(spec: str) -> Injection:
    """Read what is to be injected. Raises ConfigurationError with what would be right."""
    try:
        return _parsed(spec)
    except ValueError as error:
        raise ConfigurationError(OPTION, spec, str(error)) from None


def _parsed(spec: str) -> Injection:
    match = _COLUMNS.fullmatch(spec)
    if match is None:
        raise ValueError(_FORM)
    try:
        words = shlex.split(match[2])
    except ValueError:
        raise ValueError("must close every quote that it opens") from None
    if len(words) < 3 or words[-2] != "from":
        raise ValueError(_FORM)
    return Injection(spec, _column_names(match[1]), _kind(words[:-2]), _whole("the row", words[-1], least=0))


def _column_names(text: str) -> tuple[str, ...] | None:
    names = tuple(name.strip() for name in next(csv.reader([text], skipinitialspace=True)))
    if not all(names) or len(set(names)) != len(names):
        raise ValueError("must name each of its columns once, with a comma between them")
    return None if names == (ALL_NUMERIC,) else names


def _kind(words: list[str]) -> ChangeKind:
    match words:
        case ["shift", by, *unit] if unit in ([], ["sd"]):
            return Shift(_number("the shift", by, 0.0), in_sd=bool(unit))
        case ["ramp", by, *unit, "over", rows] if unit in ([], ["sd"]):
            over = _whole("the length of the ramp", rows, least=1)
            return Shift(_number("the shift", by, 0.0), in_sd=bool(unit), over=over)
        case ["scale", factor]:
            return Scale(_number("the factor", factor, 1.0))
        case ["unit", factor]:
            return Unit(_number("the factor", factor, 1.0))
        case ["swap", *pair] if len(set(pair)) == len(pair) in {0, 2}:
            return Swap((pair[0], pair[1]) if pair else None)
        case ["missing", share]:
            return Missing(_share(share))
        case _:
            raise ValueError(_FORM)


def _number(what: str, text: str, neutral: float) -> float:
    """Read a finite number other than the one that changes nothing."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or number == neutral:
        raise ValueError(f"{what} must be a number other than {neutral:g}, not {text!r}")
    return number


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 < share <= 1:
        raise ValueError(f"the share must be above 0 and at most 1, not {text!r}")
    return share


def _whole(what: str, text: str, *, least: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 18) or int(text) < least:
        raise ValueError(f"{what} must be a whole number from {least} on, not {text!r}")
    return int(text)
