"""Every exception that driftd raises on purpose.

::

    DriftdError
    ├── ConfigurationError      a setting, an option or a combination of them is wrong
    ├── ProfileError            a reference profile cannot be read, built or used
    ├── DataError               a data file or a span of a topic cannot be read
    ├── SnapshotError           the state cannot be restored or written
    │   ├── SnapshotTorn        the file is not whole
    │   ├── SnapshotFromFuture  a later release wrote it
    │   └── StateLocked         another process holds the state directory
    └── SourceError             the event source cannot go on
        ├── BrokerUnreachable
        ├── NotAuthorised
        ├── UnknownTopic
        ├── PositionBeyondEnd   a partition ends before the position that was reached in it
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


class StateLocked(SnapshotError):
    """Another process holds the state directory."""


class SourceError(DriftdError):
    """The event source cannot go on."""


class BrokerUnreachable(SourceError):
    """No broker answered within the time allowed."""

    def __init__(self, servers: str, waited_seconds: float) -> None:
        self.servers = servers
        self.waited_seconds = waited_seconds
        super().__init__(f"kafka.bootstrap_servers: no broker at {servers} answered within {waited_seconds:g} s")


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
