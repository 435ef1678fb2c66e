"""Which incarnation of a topic is there: its id, which a topic that is deleted and made anew does not keep.

Nothing else tells it for sure. A consumer of librdkafka 2.16 whose topic is made anew reads on at its old
position, without any error, as soon as the new topic has that many records; leader epochs begin at 0 each
time. Only where the new topic is shorter is the position refused.
"""

from collections.abc import Iterable, Mapping

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from driftd.errors import TopicRecreated
from driftd.kafka.deadline import Deadline

#: What brokers before 2.8 give every topic, in the base64 form of the client.
_NO_ID = "AAAAAAAAAAAAAAAAAAAAAA"


def ids_of_topics(admin: AdminClient, topics: Iterable[str], timeout_seconds: float) -> dict[str, str]:
    """Ask for the topics' ids; those of which none can be had are left out, for whatever reason.

    librdkafka's mock cluster has none: the question runs into its time-out there.
    """
    deadline = Deadline(timeout_seconds)
    answers = admin.describe_topics(TopicCollection(list(topics)), request_timeout=timeout_seconds)
    ids = {}
    for topic, answer in answers.items():
        try:
            topic_id = str(answer.result(timeout=deadline.left()).topic_id)
        except (KafkaException, TimeoutError):
            continue
        if topic_id != _NO_ID:
            ids[topic] = topic_id
    return ids


def refuse_recreated(known: Mapping[str, str], seen: Mapping[str, str]) -> None:
    """Raise TopicRecreated for the first topic whose id is not the one that is known."""
    for topic, topic_id in sorted(seen.items()):
        if known.get(topic, topic_id) != topic_id:
            raise TopicRecreated(topic, was=known[topic], now=topic_id)
