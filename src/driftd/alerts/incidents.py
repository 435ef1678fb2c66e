"""The rules on drift: the page, and what stands behind it."""

from driftd.alerts.rule import Alert, Group, Record, Severity

FIRING = "driftd:incident_firing:max"

#: So long a page outlives the daemon that fires it. A daemon shows an ended incident's 0 for as long.
_AWAY = "1h"

_MONITOR = "{{ $labels.model }}, version {{ $labels.version }}, segment {{ $labels.segment }}"
_COLUMN = "{{ $labels.role }} {{ $labels.column }} of " + _MONITOR

# What the annotations ask Prometheus. $of holds the incident's labels as a selector: Go quotes texts as PromQL does.
_NAMES = ("job", "namespace", "model", "version", "segment", "incident")
_OF = (
    '{{ $of := printf "' + ",".join(f"{name}=%q" for name in _NAMES) + '" '
    + " ".join(f"$labels.{name}" for name in _NAMES) + " -}}\n"
)  # fmt: skip
_ONSET = 'query (printf "max(driftd_incident_onset_timestamp_seconds{%s})" $of)'
# The share says who is foremost, the info where they moved: one of it for each column, whatever instances overlap.
_SUSPECTS = (
    'query (printf "sort_desc(topk(3, max by (role, column) (driftd_incident_suspect_share{%s})'
    " * on (role, column) group_left (channel, direction)"
    ' topk by (role, column) (1, driftd_incident_suspect_info{%s})))" $of $of)'
)
_INSTANCE = 'query (printf "topk(1, driftd_incident_firing{%s})" $of)'

_SINCE = "{{ range " + _ONSET + " }} since {{ .Value | humanizeTimestamp }}{{ end }}"
_NAMED = (
    "{{ range " + _SUSPECTS + " }}\n"
    "- {{ .Labels.role }} {{ .Labels.column }}: {{ .Labels.channel }} {{ .Labels.direction }},"
    " {{ .Value | humanizePercentage }} of the evidence"
    "{{ else }} not to be had at the moment{{ end }}"
)


def incident_rules(external_url: str | None) -> Group:
    """Return the page, one alert for each incident, and the alerts of its columns.

    The page outlives a daemon that is replaced, and one that is away for less than an hour, and resolves as soon as the
    daemon says that the incident is over.
    """
    return Group(
        "driftd-incidents",
        (
            Record(FIRING, "max without (instance, pod) (driftd_incident_firing)"),
            Alert(
                "DriftdIncident",
                f"last_over_time({FIRING}[{_AWAY}]) == 1",
                Severity.PAGE,
                summary=f"{_OF}The data of {_MONITOR} have drifted{_SINCE}",
                description=f"{_OF}Incident {{{{ $labels.incident }}}}. Foremost suspects:{_NAMED}",
                links={"link": _link(external_url)},
            ),
            Alert(
                "DriftdColumnDrift",
                'max without (instance, pod, state) (driftd_column_state{state="drift"}) == 1',
                Severity.INFO,
                summary=f"The {_COLUMN} drifts",
                description="It is in state drift. Whether that is worth a page is for its monitor's evidence to say.",
                pending="1m",
                keep_firing="10m",
            ),
        ),
    )


def _link(external_url: str | None) -> str:
    """Return the incident's address: under the configured one, else at the instance that shows it."""
    path = "/api/v1/incidents/{{ $labels.incident }}"
    if external_url is not None:
        return external_url.replace("{{", "%7B%7B") + path
    return f"{_OF}{{{{ range {_INSTANCE} }}}}http://{{{{ .Labels.instance }}}}{path}{{{{ end }}}}"


def data_rules() -> Group:
    """Return the alerts on single columns that need no evidence: what cannot be right whatever was usual."""
    return Group(
        "driftd-data",
        (
            Alert(
                "DriftdColumnMissing",
                "min without (instance, pod) (driftd_column_missing_ratio) == 1",
                Severity.WARNING,
                summary=f"The {_COLUMN} is missing in every event",
                description="For 15 minutes no event had a value of it: it was renamed, or its source is gone.",
                pending="15m",
                keep_firing="10m",
            ),
            Alert(
                "DriftdColumnInvalid",
                "max without (instance, pod) (driftd_column_invalid_ratio) > 0.01",
                Severity.WARNING,
                summary=f"The {_COLUMN} has values of the wrong type",
                description="{{ $value | humanizePercentage }} of its values are not what the training had: text where"
                " it had numbers, NaN, infinities.",
                pending="15m",
                keep_firing="10m",
            ),
            Alert(
                "DriftdUnseenCategories",
                "max without (instance, pod) (driftd_column_unseen_ratio) > 0.05",
                Severity.WARNING,
                summary=f"The {_COLUMN} has categories that the training never had",
                description="{{ $value | humanizePercentage }} of its values are categories that the reference does not"
                " know: the model guesses there.",
                pending="15m",
                keep_firing="10m",
            ),
            Alert(
                "DriftdTrainingServingSkew",
                'max without (instance, pod, distance) (driftd_column_distance{distance="psi"}) > 0.25',
                Severity.WARNING,
                summary=f"The {_COLUMN} is served unlike it was trained",
                description="For an hour its PSI against the reference has been above 0.25, now"
                ' {{ $value | printf "%.2f" }}. If that was so from the first day, serving and training compute it'
                " differently, or the reference is of other traffic.",
                pending="1h",
                keep_firing="15m",
            ),
        ),
    )
