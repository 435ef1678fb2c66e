"""What an error code of the client means for driftd. Codes decide, never the texts that come with them."""

from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaError, KafkaException

from driftd.errors import NotAuthorised, SourceError

_NOT_AUTHORISED = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    }
)
_CREDENTIALS_REFUSED = frozenset(
    {
        KafkaError._AUTHENTICATION,  # noqa: SLF001  the client's own codes begin with an underscore
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.UNSUPPORTED_SASL_MECHANISM,
        KafkaError.ILLEGAL_SASL_STATE,
    }
)

#: The broker has looked at the record and would refuse it again.
_REFUSED_FOR_GOOD = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.INVALID_MSG_SIZE,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.INVALID_RECORD,
    }
)


def lasting_failure(error: KafkaError, resource: str) -> SourceError | None:
    """Return what to raise for an error that does not go away by waiting; None if it may.

    ``resource`` is what was being used: it is named where access to it is refused.
    """
    if error.code() in _NOT_AUTHORISED:
        return NotAuthorised(resource)
    if error.code() in _CREDENTIALS_REFUSED:
        return SourceError(
            f"the broker refuses driftd's credentials ({error.name()}): see kafka.client and client_files"
        )
    if error.fatal():
        return SourceError(f"the Kafka client cannot go on ({error.name()}): {error.str()}")
    return None


def refused_for_good(error: KafkaError) -> bool:
    """Tell whether a record was refused for what it is: writing it again could not help."""
    return error.code() in _REFUSED_FOR_GOOD


def error_of(exception: KafkaException) -> KafkaError:
    """Return the client's error that an exception carries."""
    error = exception.args[0]
    assert isinstance(error, KafkaError)
    return error


@contextmanager
def lasting_failures(resource: str) -> Iterator[None]:
    """Turn a KafkaException that waiting does not heal into its SourceError; let any other pass."""
    try:
        yield
    except KafkaException as exception:
        failure = lasting_failure(error_of(exception), resource)
        if failure is not None:
            raise failure from exception
        raise
