"""Every exception that driftd raises on purpose.

::

    DriftdError
    ├── ConfigurationError      a setting, an option or a combination of them is wrong
    ├── ProfileError            a reference profile cannot be read, built or used
    ├── DataError               a data file or a span of a topic cannot be read
    ├── CallError               a running daemon cannot be asked, or refuses what it is asked
    ├── SnapshotError           the state cannot be restored or written
    │   ├── SnapshotTorn        the file is not whole
    │   ├── SnapshotFromFuture  a later release wrote it
    │   ├── SnapshotUnusable    it is whole, and cannot be restored from
    │   └── StateLocked         another process holds the state directory
    └── SourceError             the event source cannot go on
        ├── BrokerUnreachable
        ├── NotAuthorised
        ├── UnknownTopic
        ├── TopicRecreated      a topic was deleted and made anew
        ├── PositionBeyondEnd   a partition ends before the position that was reached in it
        ├── RetentionGap        records were gone before they were read, and state.on_gap says stop
        ├── RecordUnreadable    a record that the client cannot get or cannot take apart
        └── InstanceConflict    another instance commits for the same group

The leaves carry fields, so that nobody has to search a message's text. The command line maps
ConfigurationError to exit code 2 and every other DriftdError to exit code 1.
"""


class DriftdError(Exception):
    """Something driftd can explain to its operator in one sentence."""


class _NoValue:
    """Stands in a ConfigurationError for a value that is not there."""

    def __repr__(self) -> str:
        return "no value"


NO_VALUE = _NoValue()


class ConfigurationError(DriftdError):
    """A setting is wrong: ``key`` (full path), ``value`` as given, and what ``expected`` would be right.

    Where several are wrong, the others stand in ``also``; the message has a line for each. Whoever raises
    it masks secret values first.
    """

    def __init__(self, key: str, value: object, expected: str, also: "tuple[ConfigurationError, ...]" = ()) -> None:
        self.key = key
        self.value = value
        self.expected = expected
        self.also = also
        super().__init__("\n".join([f"{key}: {value!r} is not valid: {expected}", *map(str, also)]))


class ProfileError(DriftdError):
    """A reference profile cannot be read, built or used."""

    def __init__(self, profile: str, reason: str) -> None:
        self.profile = profile
        self.reason = reason
        super().__init__(f"{profile}: {reason}")


class DataError(DriftdError):
    """A data file or a span of a topic cannot be read; ``row`` is the 0-based row where known."""

    def __init__(self, data: str, reason: str, row: int | None = None) -> None:
        self.data = data
        self.reason = reason
        self.row = row
        where = "" if row is None else f" (row {row})"
        super().__init__(f"{data}: {reason}{where}")


class CallError(DriftdError):
    """A running daemon cannot be asked (``status`` None), or refuses what it is asked with this HTTP status."""

    def __init__(self, url: str, reason: str, status: int | None = None) -> None:
        self.url = url
        self.reason = reason
        self.status = status
        super().__init__(f"{url}: {reason}")


class SnapshotError(DriftdError):
    """The state cannot be restored or written; ``remedy`` says what the operator can do."""

    def __init__(self, path: str, reason: str, remedy: str) -> None:
        self.path = path
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"{path}: {reason}; {remedy}")


class SnapshotTorn(SnapshotError):
    """The snapshot is not whole: its length or checksum is wrong."""


class SnapshotFromFuture(SnapshotError):
    """A later release of driftd wrote the snapshot."""


class SnapshotUnusable(SnapshotError):
    """The snapshot is whole, but what it holds cannot be restored: a defect, or somebody has edited it."""


class StateLocked(SnapshotError):
    """Another process holds the state directory."""


class SourceError(DriftdError):
    """The event source cannot go on."""


class BrokerUnreachable(SourceError):
    """No broker answered within the time allowed; ``tls`` is why no secure connection was made, if that was it."""

    def __init__(self, servers: str, waited_seconds: float, tls: str | None = None) -> None:
        self.servers = servers
        self.waited_seconds = waited_seconds
        self.tls = tls
        why = "" if tls is None else f": {tls}; see ssl.* and security.protocol in kafka.client"
        super().__init__(f"kafka.bootstrap_servers: no broker at {servers} answered within {waited_seconds:g} s{why}")


class NotAuthorised(SourceError):
    """The broker refuses access to a topic or group."""

    def __init__(self, resource: str) -> None:
        self.resource = resource
        super().__init__(f"not authorised for {resource}: grant the client Read and Describe on it")


class UnknownTopic(SourceError):
    """A configured topic does not exist."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        super().__init__(f"kafka.topics: topic {topic!r} does not exist on the broker")


class PositionBeyondEnd(SourceError):
    """A partition ends before the position that was reached in it: its topic was deleted and made anew, or cut."""

    def __init__(self, topic: str, partition: int, position: int, end: int) -> None:
        self.topic = topic
        self.partition = partition
        self.position = position
        self.end = end
        super().__init__(
            f"partition {partition} of topic {topic!r} ends at offset {end}, before position {position} that driftd "
            "had reached: the topic was deleted and made anew, or cut; driftd state reset starts over"
        )


class TopicRecreated(SourceError):
    """A topic was deleted and made anew: what has the same name is not the log that was read. Ids are the broker's."""

    def __init__(self, topic: str, was: str, now: str) -> None:
        self.topic = topic
        self.was = was
        self.now = now
        super().__init__(
            f"topic {topic!r} was deleted and made anew (its id was {was} and is {now}): the positions that driftd "
            "had reached mean nothing in it; driftd state reset starts over"
        )


class RetentionGap(SourceError):
    """Records from ``expected`` to ``actual`` - 1 were gone before they were read, and nobody wants to go on so."""

    def __init__(self, topic: str, partition: int, expected: int, actual: int) -> None:
        self.topic = topic
        self.partition = partition
        self.expected = expected
        self.actual = actual
        super().__init__(
            f"partition {partition} of topic {topic!r} begins at offset {actual}, behind position {expected}: "
            f"{actual - expected} offsets were removed before they were read; state.on_gap: continue goes on behind "
            "them, driftd state reset starts over"
        )


class RecordUnreadable(SourceError):
    """The record at an offset cannot be read; ``reason`` says why, and what would help."""

    def __init__(self, topic: str, partition: int, offset: int, reason: str) -> None:
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.reason = reason
        super().__init__(f"partition {partition} of topic {topic!r} cannot be read at offset {offset}: {reason}")


class InstanceConflict(SourceError):
    """Another instance has committed for the same group a short time ago."""

    def __init__(self, group_id: str, other: str, seconds_ago: float) -> None:
        self.group_id = group_id
        self.other = other
        self.seconds_ago = seconds_ago
        super().__init__(
            f"group {group_id!r} is in use by instance {other!r}, which committed {seconds_ago:.0f} s ago: "
            "stop that instance, or give this one a kafka.group_id of its own"
        )
