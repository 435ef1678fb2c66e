"""The bottom-k set of unseen texts against a count of all of them."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from driftd.summarise.unseen import UnseenTexts
from driftd.values.hashing import text_hash
from driftd.values.part import UNSEEN_KEPT, UnseenCategory

TEXTS = st.lists(st.integers(0, 50).map(str), max_size=300)


@given(TEXTS, st.frozensets(st.integers(0, 50).map(str)))
def test_least_hashes_are_kept_with_exact_counts(texts: list[str], known: frozenset[str]) -> None:
    """In any order of arrival the kept texts are those of least hash, each with its full count."""
    kept = UnseenTexts()
    hashes = frozenset(map(text_hash, known))
    unseen = [kept.add(text, 1, hashes) for text in texts]
    counts = Counter(text for text in texts if text not in known)
    least = sorted(counts, key=text_hash)[:UNSEEN_KEPT]

    assert unseen == [text not in known for text in texts]
    assert list(kept.categories(3)) == [UnseenCategory(3, text_hash(text), text, counts[text]) for text in least]


def test_text_is_cut_but_hashed_whole() -> None:
    """Of a long text 128 characters are kept; texts that differ later stay different."""
    kept = UnseenTexts()
    for ending in ("a", "b"):
        kept.add("é" * 200 + ending, 2, frozenset())

    assert sorted(category.text for category in kept.categories(0)) == ["é" * 128] * 2
    assert {category.hash for category in kept.categories(0)} == {text_hash("é" * 200 + ending) for ending in "ab"}
