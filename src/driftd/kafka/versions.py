"""The version of the client library."""

import confluent_kafka


def librdkafka_version() -> str:
    """Return the version of librdkafka that is loaded, such as ``2.16.0``."""
    return str(confluent_kafka.libversion()[0])
