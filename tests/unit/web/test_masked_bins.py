"""The bins of columns whose values are not shown."""

from driftd.references.build import build_profile
from driftd.references.masking import mask
from driftd.references.rows import Row
from driftd.values.privacy import Shown
from driftd.web.bins import bin_documents

ROWS = [Row({"town": "aab"[at % 3], "amount": at % 40}) for at in range(120)]
PROFILE = build_profile(lambda: ROWS, model="m")


def named(shown: Shown, position: int) -> list[object]:
    """Return what the bins of a column are called, and hold that nothing else has changed."""
    plain = bin_documents(PROFILE.columns[position], None)
    masked = bin_documents(mask(PROFILE, dict.fromkeys(("town", "amount"), shown)).columns[position], None)
    sides = ("reference", "live")
    assert [[one[side] for side in sides] for one in masked] == [[one[side] for side in sides] for one in plain]
    return [{name: told for name, told in one.items() if name not in sides} for one in masked]


def test_bins_of_hidden_numbers_have_numbers() -> None:
    """From the lowest on, without bounds; for numbers hashed is hidden."""
    expected = [{"bin": number} for number in range(1, PROFILE.columns[0].test_bins + 1)]
    assert len(expected) == 20
    assert expected == named(Shown.HIDE, 0) == named(Shown.HASH, 0)


def test_categories_have_tokens_or_ranks() -> None:
    """The last bin holds all others in any case."""
    other = {"category": None, "other": True}
    ranks = [{"category": "category 1"}, {"category": "category 2"}, other]
    assert ranks == named(Shown.HIDE, 1)
    tokens = mask(PROFILE, {"town": Shown.HASH}).columns[1].categories
    assert [*({"category": token} for token in tokens), other] == named(Shown.HASH, 1)
