"""The page at ``/``: a short status and links. One document, nothing to load, no script."""

from collections.abc import Iterable, Sequence
from html import escape
from itertools import islice

from driftd.values.verdict import ColumnState, Incident, MonitorState
from driftd.values.view import DaemonView, MonitorView
from driftd.web.documents import API, incident_path, monitor_path, time_text
from driftd.web.status import in_trouble
from driftd.web.style import STYLE

#: Rows shown; the API has all.
ROWS = 200
SUSPECTS = 5

#: For people who see the evidence of a monitor for the first time.
_EVIDENCE = (
    "Evidence of drift is counted in powers of ten: 3 is ten times as much as 2. Where it may page it does so at the "
    "second number. When no more columns can join that incident it begins anew, and speaks of further drift."
)

_LOOKS = {
    MonitorState.OK: "good",
    MonitorState.FIRING: "bad",
    MonitorState.CALIBRATING: "wait",
    "firing": "bad",
    "resolved": "good",
    "ready": "good",
    "not ready": "bad",
}

_LINKS = {
    "Metrics": "/metrics",
    "Status (JSON)": f"{API}/status",
    "Monitors (JSON)": f"{API}/monitors",
    "Incidents (JSON)": f"{API}/incidents",
    "Ready": "/-/ready",
    "Healthy": "/-/healthy",
}


def render_page(view: DaemonView) -> bytes:
    """Return the page for one picture of the daemon."""
    ready = "not ready" if view.not_ready else "ready"
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in _troubles(view))
    links = "".join(f'<li><a href="{path}">{name}</a></li>' for name, path in _LINKS.items())
    page = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>driftd: {ready}</title>
<link rel="icon" href="data:,">
<style>{STYLE}</style>
</head>
<body>
<header><h1>driftd</h1>{_state(ready)}</header>
<main>
{f'<ul class="why">{reasons}</ul>' if reasons else ""}
<nav aria-label="Pages"><ul>{links}</ul></nav>
{_figures(view)}
{_incidents(view)}
{_monitors(view)}
</main>
<footer>Times are UTC and, in the tables, event time. Reload for a newer picture.</footer>
</body>
</html>
"""
    return page.encode()


def _troubles(view: DaemonView) -> list[str]:
    """Return what somebody should look at, a sentence each."""
    troubles = list(view.not_ready)
    if view.reload.failure is not None:
        troubles.append(f"the newest configuration is not in force: {view.reload.failure}")
    troubles += [
        f"drift events for {receiver.destination}: {receiver.waiting:,} waiting, {receiver.dropped:,} dropped, "
        f"{receiver.failures:,} attempts failed"
        for receiver in view.delivery
        if in_trouble(receiver)
    ]
    if view.dead_letters is not None and view.dead_letters.lost:
        troubles.append(f"rejected events: {view.dead_letters.lost:,} did not reach the dead-letter topic")
    return troubles


def _figures(view: DaemonView) -> str:
    """Show what the daemon as a whole has done."""
    lags = [partition.lag for partition in view.partitions if partition.lag is not None]
    topics = view.topics.values()
    figures = {
        "Monitors": len(view.monitors),
        "Open incidents": sum(i.ended_ms is None for m in view.monitors for i in m.incidents),
        "Events read": sum(topic.read for topic in topics),
        "Late": sum(sum(topic.late.values()) for topic in topics),
        "Rejected": sum(sum(topic.rejected.values()) for topic in topics),
        "Lag": sum(lags) if lags else None,
    }
    cells = (
        f"<div><dt>{name}</dt><dd>{'unknown' if value is None else f'{value:,}'}</dd></div>"
        for name, value in figures.items()
    )
    return f"<dl>{''.join(cells)}</dl>"


def _incidents(view: DaemonView) -> str:
    """Show the incidents, open ones first, then the newest."""
    found = [incident for monitor in view.monitors for incident in monitor.incidents]
    found.sort(key=lambda i: (i.ended_ms is not None, -i.opened_ms, i.id))
    rows = (
        [
            f'<th scope="row"><a href="{incident_path(i.id)}">{escape(i.id)}</a></th>',
            f"<td>{_state(i.state)}</td>",
            f"<td>{escape(str(i.monitor))}</td>",
            f"<td>{_suspects(i)}</td>",
            f"<td>{_time(i.onset_ms)}</td>",
            f"<td>{_time(i.opened_ms)}</td>",
            f"<td>{_time(i.ended_ms)}</td>",
        ]
        for i in found
    )
    heads = ["Incident", "State", "Monitor", "Suspects", "Onset", "Opened", "Ended"]
    return _table("Incidents", heads, rows, count=len(found), none="No incident is open or ended a short time ago.")


def _suspects(incident: Incident) -> str:
    named = [f"{escape(str(suspect.key))} {suspect.share:.0%}" for suspect in incident.suspects[:SUSPECTS]]
    more = len(incident.suspects) - SUSPECTS
    return ", ".join([*named, f"{more} more"] if more > 0 else named)


def _monitors(view: DaemonView) -> str:
    """Show the monitors, firing ones first, then by name."""
    found = sorted(view.monitors, key=lambda m: (m.state is not MonitorState.FIRING, m.key))
    rows = (_monitor_row(monitor) for monitor in found)
    heads = ["Monitor", "State", "Evidence", "Columns", "Drifting", "Windows", "Events", "Last event"]
    table = _table("Monitors", heads, rows, count=len(found), none="Nothing is monitored yet.", numeric=range(3, 7))
    return f'{table}<p class="note">{_EVIDENCE}</p>' if found else table


def _monitor_row(monitor: MonitorView) -> list[str]:
    drifting = sum(column.state is ColumnState.DRIFT for column in monitor.columns)
    return [
        f'<th scope="row"><a href="{escape(monitor_path(monitor.key))}">{escape(str(monitor.key))}</a></th>',
        f"<td>{_state(monitor.state)}</td>",
        f"<td>{_evidence(monitor)}</td>",
        _number(len(monitor.columns)),
        _number(drifting),
        _number(monitor.windows_closed),
        _number(monitor.events),
        f"<td>{_time(monitor.last_event_ms)}</td>",
    ]


def _evidence(monitor: MonitorView) -> str:
    """Show how much evidence there is of what pages; its bar turns amber at a tenth of that."""
    if monitor.calibrating:
        return f"{monitor.calibrating:,} more window{'' if monitor.calibrating == 1 else 's'}"
    if monitor.evidence is None or monitor.threshold is None:
        return _time(None)
    most, shown = monitor.threshold, max(monitor.evidence, 0.0)
    return (
        f'<span class="evidence"><meter min="0" low="{most - 1:.2f}" high="{most:.2f}" max="{most + 0.01:.2f}" '
        f'optimum="0" value="{shown:.2f}" aria-label="evidence"></meter> {shown:.1f} of {most:.1f}</span>'
    )


def _table(
    title: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    count: int,
    none: str,
    numeric: Sequence[int] = (),
) -> str:
    """Return a section with a table, or with the sentence that there is nothing."""
    name = title.lower()
    heading = f'<section aria-labelledby="{name}"><h2 id="{name}">{title}</h2>'
    if not count:
        return f'{heading}<p class="none">{none}</p></section>'
    head = "".join(
        f'<th scope="col"{" class=number" if position in numeric else ""}>{text}</th>'
        for position, text in enumerate(heads)
    )
    body = "".join(f"<tr>{''.join(row)}</tr>\n" for row in islice(rows, ROWS))
    more = f'<p class="none">{count - ROWS:,} more in the API.</p>' if count > ROWS else ""
    return (
        f'{heading}<div class="scroll" tabindex="0" role="region" aria-labelledby="{name}"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{more}</section>"
    )


def _state(state: str) -> str:
    return f'<span class="state {_LOOKS.get(state, "")}">{escape(str(state).replace("_", " "))}</span>'


def _number(value: int) -> str:
    return f'<td class="number">{value:,}</td>'


def _time(ms: int | None) -> str:
    text = time_text(ms)
    if text is None:
        return "not yet"
    return f'<time datetime="{text}">{text[:10]} {text[11:19]}</time>'
