"""``--inject`` as it is written."""

import pytest

from driftd.errors import ConfigurationError
from driftd.runtime.backtest.changes import ChangeKind, Missing, Scale, Shift, Swap, Unit
from driftd.runtime.backtest.injection import parse_injection

FORM = (
    'must be "COLUMN[, COLUMN]: CHANGE from ROW" such as "amount: shift 0.5 sd from 9000", with CHANGE one of '
    "shift X [sd], ramp X [sd] over ROWS, scale X, unit X, swap [A B], missing SHARE"
)


@pytest.mark.parametrize(
    ("spec", "columns", "kind", "row"),
    [
        ("amount: shift 0.5 sd from 9000", ("amount",), Shift(0.5, in_sd=True), 9000),
        ("amount:shift -3 from 0", ("amount",), Shift(-3.0), 0),
        ("a, b ,c: ramp 2 sd over 500 from 10", ("a", "b", "c"), Shift(2.0, in_sd=True, over=500), 10),
        ("a: ramp 1e3 over 1 from 10", ("a",), Shift(1000.0, over=1), 10),
        ("*: scale 1.5 from 7", None, Scale(1.5), 7),
        ("dew point: unit 100 from 7", ("dew point",), Unit(100.0), 7),
        ("colour: swap from 7", ("colour",), Swap(), 7),
        ('paid: swap "Credit Card" Cash from 7', ("paid",), Swap(("Credit Card", "Cash")), 7),
        ('"a, b", "c: d": missing 0.2 from 7', ("a, b", "c: d"), Missing(0.2), 7),
        ("v[3]: missing 1 from 7", ("v[3]",), Missing(1.0), 7),
    ],
)
def test_injections_are_read(spec: str, columns: tuple[str, ...] | None, kind: ChangeKind, row: int) -> None:
    """Columns, the change, and the row from which on; names with commas or colons are quoted."""
    injection = parse_injection(spec)
    assert (spec, columns, kind, row) == (injection.spec, injection.columns, injection.kind, injection.row)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("", FORM),
        ("amount", FORM),
        ("amount: shift 1", FORM),
        ("amount: from 9", FORM),
        ("amount: shift 1 se from 9", FORM),
        ("amount: shift from 9", FORM),
        ("amount: shfit 1 from 9", FORM),
        ("amount: ramp 1 sd from 9", FORM),
        ("amount: swap a from 9", FORM),
        ("amount: swap a a from 9", FORM),
        ("amount: swap a b c from 9", FORM),
        ("amount: shift one from 9", "the shift must be a number other than 0, not 'one'"),
        ("amount: shift 0 from 9", "the shift must be a number other than 0, not '0'"),
        ("amount: ramp inf over 5 from 9", "the shift must be a number other than 0, not 'inf'"),
        ("amount: ramp 1 over 0 from 9", "the length of the ramp must be a whole number from 1 on, not '0'"),
        ("amount: scale 1 from 9", "the factor must be a number other than 1, not '1'"),
        ("amount: unit nan from 9", "the factor must be a number other than 1, not 'nan'"),
        ("amount: missing 0 from 9", "the share must be above 0 and at most 1, not '0'"),
        ("amount: missing 20% from 9", "the share must be above 0 and at most 1, not '20%'"),
        ("amount: shift 1 from -9", "the row must be a whole number from 0 on, not '-9'"),
        ("amount: shift 1 from nine", "the row must be a whole number from 0 on, not 'nine'"),
        ("a,, b: shift 1 from 9", "must name each of its columns once, with a comma between them"),
        ("a, a: shift 1 from 9", "must name each of its columns once, with a comma between them"),
        ('a: swap "b c from 9', "must close every quote that it opens"),
    ],
)
def test_what_is_wrong_is_answered_with_what_would_be_right(spec: str, expected: str) -> None:
    """The error names the option and the value as it was given."""
    with pytest.raises(ConfigurationError) as caught:
        parse_injection(spec)
    assert f"--inject: {spec!r} is not valid: {expected}" == str(caught.value)
