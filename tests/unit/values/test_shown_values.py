"""What a column's values may show, and the tokens that stand for texts."""

import pytest

from driftd.values.hashing import text_hash
from driftd.values.privacy import Shown, hash_in, is_token, shown_of, stricter, token_of

SETTINGS = {"amount": Shown.HIDE, "embedding": Shown.HASH, "embedding[1]": Shown.HIDE, "plain": Shown.SHOW}


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("amount", Shown.HIDE),
        ("amounts", Shown.SHOW),
        ("plain", Shown.SHOW),
        ("other", Shown.SHOW),
        ("embedding", Shown.HASH),
        ("embedding[0]", Shown.HASH),
        ("embedding[1]", Shown.HIDE),
        ("amount[0][7]", Shown.HIDE),
    ],
)
def test_strictest_setting_that_names_a_column_holds(column: str, expected: Shown) -> None:
    """A name holds for the column itself and for everything in brackets behind it."""
    assert expected is shown_of(column, SETTINGS)


def test_stricter_is_less() -> None:
    """Hidden is less than hashed, and that is less than shown; the order of the two does not matter."""
    order = [Shown.SHOW, Shown.HASH, Shown.HIDE]
    expected = [[max(a, b) for b in range(3)] for a in range(3)]
    assert expected == [[order.index(stricter(a, b)) for b in order] for a in order]


def test_token_holds_the_hash_of_a_text() -> None:
    """It has one form, and the hash can be read back from it."""
    assert token_of(1) == "#0000000000000001"
    assert hash_in(token_of(text_hash("Köln"))) == text_hash("Köln")
    assert [is_token(text) for text in (token_of(2**64 - 1), "#1", "0000000000000001", "#000000000000000G")] == [
        True,
        False,
        False,
        False,
    ]
