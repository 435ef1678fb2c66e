"""Whether a new configuration can take the place of the one in force: all that can fail, before any swap."""

from structlog.typing import FilteringBoundLogger

from driftd.config.model import Config
from driftd.delivery.settings import check_delivery
from driftd.errors import ConfigurationError
from driftd.kafka.client import check_client
from driftd.kafka.opening import check_topics
from driftd.values.settings import format_duration
from driftd.web.protection import Protection, load_protection

_RESTART = "needs a restart: it cannot change while driftd runs"


def check_reload(now: Config, fresh: Config, log: FilteringBoundLogger) -> Protection:
    """Return the new protection of HTTP. Raises a DriftdError that says why the configuration is refused.

    Asks the brokers for topics that are new; everything else is looked at in this process.
    """
    for key, before, after in _fixed(now, fresh):
        if before != after:
            raise ConfigurationError(key, after, f"{_RESTART} ({before})")
    source = fresh.source()
    check_client(source, log)
    check_delivery(fresh.delivery)
    protection = load_protection(fresh.http)
    if source.topics.keys() - now.source().topics.keys():
        check_topics(source, log)
    return protection


def _fixed(now: Config, fresh: Config) -> list[tuple[str, str, str]]:
    """Return what must stay as it is: key, value in force, value wanted."""
    before, after = now.source(), fresh.source()
    return [
        ("kafka.group_id", before.group_id, after.group_id),
        ("windows.duration", format_duration(now.windows.duration), format_duration(fresh.windows.duration)),
        ("state.directory", str(now.state.directory), str(fresh.state.directory)),
        ("http.listen", str(now.http.listen), str(fresh.http.listen)),
        ("log.level", now.log.level, fresh.log.level),
        ("log.format", now.log.format, fresh.log.format),
    ]
