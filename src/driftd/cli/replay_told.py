"""The summary of a replay, for people."""

from collections.abc import Iterator

from driftd.runtime.backtest.page_rate import BudgetVerdict
from driftd.values.settings import format_duration
from driftd.values.state import State

_VERDICTS = {
    BudgetVerdict.OVER: "over budget",
    BudgetVerdict.WITHIN: "within the budget",
    BudgetVerdict.UNDECIDED: "too short to tell",
}


def summary_told(summary: State) -> str:
    """Write the summary: what was read, paged and found."""
    return "\n".join([*_read(summary), *_paged(summary), *_against_budget(summary), *_found(summary)])


def over_budget_told(summary: State) -> str:
    """Say in one line which models page more often than their budgets allow."""
    over = (
        f"{model}: {_pages(rate['pages'])} where its budget of {rate['budget']} allows {rate['allowed']:.3g}"
        for model, rate in summary["models"].items()
        if rate["over_budget"]
    )
    return f"driftd: over budget: {'; '.join(over)}"


def _read(summary: State) -> Iterator[str]:
    rejected = ", ".join(f"{n} {reason}" for reason, n in summary["rejected"].items()) or "none"
    yield f"rows        {summary['rows']}: {summary['events']} observed, {summary['late']} late, rejected: {rejected}"
    yield f"windows     {summary['windows']}"


def _paged(summary: State) -> Iterator[str]:
    rate = summary["pages_per_horizon"]
    per_horizon = "" if rate is None or "injections" in summary else f", {rate:.4g} per horizon"
    yield f"pages       {summary['pages']}{per_horizon} (budget: {summary['budget']})"
    for page in summary["incidents"]:
        yield f"  {page['time']}  {page['incident']}  since {page['onset']}  {', '.join(page['suspects'])}"
    if summary["detections"]:
        yield "detections"
    for column, counts in summary["detections"].items():
        yield f"  {column:<32} " + ", ".join(f"{n} {detector}" for detector, n in counts.items())


def _against_budget(summary: State) -> Iterator[str]:
    """Tell the verdict in one line, and a line for each model where there are several."""
    clean = summary["clean"]
    before = f"before the first injection: {clean['windows']} windows, " if "injections" in summary else ""
    verdict = _VERDICTS[BudgetVerdict(summary["budget_verdict"])]
    yield f"budget      {before}{_rate(summary, clean['pages'])}: {verdict}"
    if len(summary["models"]) > 1:
        for model, rate in summary["models"].items():
            over = f": {_VERDICTS[BudgetVerdict.OVER]}" if rate["over_budget"] else ""
            yield f"  {model:<32} {_rate(rate, rate['pages'])}{over}"


def _rate(rate: State, pages: int) -> str:
    allowed = f"{_pages(pages)} in {rate['horizons']:.3g} horizons, which allow {rate['allowed']:.3g}"
    if rate["pages_per_horizon_interval"] is None:
        return allowed
    least, most = rate["pages_per_horizon_interval"]
    return f"{allowed}; {least:.3g} to {most:.3g} per horizon (95 %)"


def _found(summary: State) -> Iterator[str]:
    """Tell of each injection, column by column."""
    if "injections" in summary:
        yield "injections"
    for injection in summary.get("injections", ()):
        began = f", at {injection['time']}" if injection["time"] is not None else ""
        yield f"  {injection['spec']}: {injection['changed']} values changed{began}"
        for column in injection["columns"]:
            yield f"    {column['column']:<30} {_fate(column)}"


def _fate(column: State) -> str:
    if not column["found"]:
        return "not found" + (", was suspected before" if column["suspected_before"] else "")
    how = {"page": "by page", "join": "joined incident"}[column["by"]]
    soon = f"{column['after_rows']} rows, {format_duration(round(column['after_seconds'] * 1_000))} after"
    return f"found at row {column['at_row']}, {soon}: {how} {column['incident']}"


def _pages(number: int) -> str:
    return f"{number} page" if number == 1 else f"{number} pages"
