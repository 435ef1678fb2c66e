"""The texts of one column that the reference has never seen: those of the least hashes, with exact counts."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from heapq import heappop, heappush

from driftd.values.hashing import text_hash
from driftd.values.part import UNSEEN_KEPT, UnseenCategory

_TEXT_KEPT = 128  # characters


class UnseenTexts:
    """A bottom-k set by hash (values.part.UnseenCategory) in constant memory.

    Evicting keeps the counts exact: a text goes only when ``UNSEEN_KEPT`` others have lesser hashes. Those
    stay or yield to still lesser ones, so it can never come back, and a text that is kept was kept from its
    first occurrence on.
    """

    __slots__ = ("_greatest", "_kept")

    def __init__(self) -> None:
        self._kept: dict[int, tuple[str, int]] = {}
        self._greatest: list[int] = []  # heap of the negated hashes

    def add(self, text: str, times: int, known: AbstractSet[int]) -> bool:
        """Count a text unless its hash is a known one; return whether it is unseen."""
        hashed = text_hash(text)
        if hashed in known:
            return False
        self.add_hashed(hashed, text, times)
        return True

    def add_hashed(self, hashed: int, text: str, times: int) -> None:
        """Count a text, or what stands for it, by the text's hash."""
        kept = self._kept.get(hashed)
        if kept is not None:
            self._kept[hashed] = (min(kept[0], text[:_TEXT_KEPT]), kept[1] + times)
        elif len(self._kept) < UNSEEN_KEPT:
            self._keep(hashed, text, times)
        elif hashed < -self._greatest[0]:
            del self._kept[-heappop(self._greatest)]
            self._keep(hashed, text, times)

    def _keep(self, hashed: int, text: str, times: int) -> None:
        self._kept[hashed] = (text[:_TEXT_KEPT], times)
        heappush(self._greatest, -hashed)

    def categories(self, column: int) -> Iterator[UnseenCategory]:
        """Yield what is kept, by rising hash."""
        for hashed in sorted(self._kept):
            text, events = self._kept[hashed]
            yield UnseenCategory(column, hashed, text, events)
