"""Who is told, as the configuration says: receivers of drift events, and the topic of rejected records."""

import time
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from driftd.config.model import Config
from driftd.delivery.courier import Courier, Pauses
from driftd.delivery.settings import credentials_of
from driftd.delivery.webhook import Webhook
from driftd.kafka.dead_letter_topic import DeadLetterTopic
from driftd.kafka.drift_topic import DriftTopic
from driftd.runtime.clock import Clock
from driftd.runtime.dead_letters import DeadLetters
from driftd.values.delivery import Destination
from driftd.values.view import DeadLettersView

TOPIC = "topic"
WEBHOOK = "webhook/"
PRODUCER_PAUSES = Pauses(0.5, 5.0)  # the producer itself waits for brokers: longer pauses only add to that


@dataclass(frozen=True, slots=True)
class Receivers:
    """Everybody who is told over the network; ``letters`` is None where nobody wants rejected records."""

    destinations: tuple[Destination, ...]
    letters: DeadLetters | None

    def dead_letters(self) -> DeadLettersView | None:
        """Return how the rejected records fare."""
        return None if self.letters is None else self.letters.view()

    def close(self, wait_seconds: float) -> None:
        """End them all, within so long altogether."""
        until = time.monotonic() + wait_seconds
        for receiver in (*self.destinations, self.letters):
            if receiver is not None:
                receiver.close(max(until - time.monotonic(), 0.0))


def open_receivers(config: Config, log: FilteringBoundLogger, clock: Clock) -> Receivers:
    """Make them; they connect in the background. Raises ConfigurationError if a secret file cannot be used."""
    source, delivery = config.source(), config.delivery
    destinations: list[Destination] = []
    if delivery.topic is not None:
        sender = DriftTopic(source, delivery.topic, log)
        destinations.append(Courier(TOPIC, sender, log, clock.wall_ms, PRODUCER_PAUSES))
    for name, webhook in sorted(delivery.webhooks.items()):
        post = Webhook(webhook, credentials_of(name, webhook), clock.wall_ms)
        destinations.append(Courier(f"{WEBHOOK}{name}", post, log, clock.wall_ms))
    letters = None
    if delivery.dead_letter_topic is not None:
        letters = DeadLetters(DeadLetterTopic(source, delivery.dead_letter_topic, log), log)
    return Receivers(tuple(destinations), letters)
