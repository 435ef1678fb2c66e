"""What pages for a model, and within what bounds: the terms that detecting judges a window by."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from driftd.values.budget import Budget, BudgetTerms
from driftd.values.settings import PageRule

_MONTH_MS = 30 * 86_400_000


@dataclass(frozen=True, slots=True)
class Paging:
    """The rules that page, and what bounds them.

    ``budget``: how many false pages the model may have; ``models``: how many share the budget of all models;
    ``importances``: of columns by name, 1 where none is given; ``join_ms``: how long after a page further columns join.
    """

    rules: tuple[PageRule, ...]
    budget: BudgetTerms = field(default_factory=lambda: BudgetTerms(Budget(1, horizon_ms=_MONTH_MS)))
    models: int = 1
    importances: Mapping[str, float] = field(default_factory=dict)
    join_ms: int = 3_600_000
