"""The client's errors as ours."""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException

from runtime.bridge.failures import NO_ANSWER, NO_CONNECTION, NOT_ADMITTED, SENTENCES, Dialect

_TAKEN_OVER = "another process has taken over its transactional id"
#: Another producer or member has taken over this identity; nothing can be done but go.
FENCED = frozenset(
    {
        KafkaError._FENCED,  # noqa: SLF001 - so are the client's own codes named
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.FENCED_INSTANCE_ID,
    }
)
#: Trying again in the same process cannot help.
HOPELESS = FENCED | {
    KafkaError._AUTHENTICATION,  # noqa: SLF001
    KafkaError._INVALID_ARG,  # noqa: SLF001
    KafkaError._UNSUPPORTED_FEATURE,  # noqa: SLF001
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.UNSUPPORTED_SASL_MECHANISM,
    KafkaError.INVALID_GROUP_ID,
    KafkaError.INVALID_SESSION_TIMEOUT,
    KafkaError.INCONSISTENT_GROUP_PROTOCOL,
    KafkaError.GROUP_MAX_SIZE_REACHED,
    KafkaError.TOPIC_EXCEPTION,
}
#: The connection went, or has not come yet: the client connects again by itself.
PASSING = frozenset(
    {
        KafkaError._TRANSPORT,  # noqa: SLF001
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001
        KafkaError._RESOLVE,  # noqa: SLF001
        KafkaError._TIMED_OUT,  # noqa: SLF001
        KafkaError._WAIT_COORD,  # noqa: SLF001
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.NETWORK_EXCEPTION,
    }
)
#: Those that the protocol does not know.
_OF_THE_CLIENT = {
    KafkaError._TIMED_OUT: NO_ANSWER,  # noqa: SLF001
    KafkaError._MSG_TIMED_OUT: NO_ANSWER,  # noqa: SLF001
    KafkaError._TIMED_OUT_QUEUE: NO_ANSWER,  # noqa: SLF001
    KafkaError._TRANSPORT: NO_CONNECTION,  # noqa: SLF001
    KafkaError._ALL_BROKERS_DOWN: NO_CONNECTION,  # noqa: SLF001
    KafkaError._AUTHENTICATION: NOT_ADMITTED,  # noqa: SLF001
    KafkaError._FENCED: _TAKEN_OVER,  # noqa: SLF001
    KafkaError._UNKNOWN_TOPIC: SENTENCES[KafkaError.UNKNOWN_TOPIC_OR_PART],  # noqa: SLF001
}


class Trouble:
    """What a client says of itself, outside of any call: of connections, of its own state."""

    def __init__(self) -> None:
        """None yet."""
        #: Something that waiting will not mend.
        self.hopeless: KafkaError | None = None
        #: After it the client does nothing any more.
        self.fatal: KafkaError | None = None

    def heard(self, error: KafkaError) -> None:
        """Called by the client, from inside its poll."""
        if error.fatal():
            self.fatal = error
        if error.code() in HOPELESS or error.code() == KafkaError._SSL:  # noqa: SLF001
            self.hopeless = error

    def check(self) -> None:
        """Raise what waiting will not mend."""
        if self.hopeless is not None:
            raise KafkaException(self.hopeless)


def error_of(error: BaseException) -> KafkaError | None:
    """The client's error inside of an exception."""
    if isinstance(error, KafkaException) and error.args and isinstance(error.args[0], KafkaError):
        return error.args[0]
    return None


def cause_of(error: BaseException) -> BaseException:
    """What lies behind a call's failure.

    A fatal error of the client is raised inside of a callback, and that as a `SystemError`.
    """
    if isinstance(error, SystemError) and error.__cause__ is not None:
        return error.__cause__
    return error


def code_of(error: BaseException) -> int:
    """The error's number; 0 if it is none of the client's."""
    found = error_of(error)
    return found.code() if found is not None else 0


def reason(error: BaseException) -> str:
    """Why, in words; the client's own where we have none."""
    found = error_of(error)
    if found is None:
        return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    code = found.code()
    return _OF_THE_CLIENT.get(code) or SENTENCES.get(code) or f"{found.name()}: {found.str()}"


DIALECT = Dialect(
    raised=(KafkaException,),
    reason=reason,
    is_fenced=lambda error: code_of(error) in FENCED,
    is_hopeless=lambda error: code_of(error) in HOPELESS,
    is_passing=lambda error: code_of(error) in PASSING,
)
