"""The client's exceptions as ours: what was tried, where, what went wrong, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from kafka import errors

from schemas.errors import BrokerError, FencedError

#: Another producer or member has taken over this identity; nothing can be done but go.
FENCED = (
    errors.ProducerFencedError,
    errors.InvalidProducerEpochError,
    errors.FencedInstanceIdError,
)
#: Trying again in the same process cannot help.
HOPELESS = (
    *FENCED,
    errors.AuthorizationError,
    errors.SaslAuthenticationFailedError,
    errors.UnsupportedSaslMechanismError,
    errors.UnsupportedVersionError,
    errors.KafkaConfigurationError,
    errors.InvalidGroupIdError,
    errors.InvalidSessionTimeoutError,
    errors.InconsistentGroupProtocolError,
    errors.GroupMaxSizeReachedError,
    errors.InvalidTopicError,
)
_SENTENCES: dict[type[Exception], str] = {
    errors.KafkaTimeoutError: "there was no answer in time; is the broker up and the address right?",
    errors.KafkaConnectionError: "the connection failed; is the broker up and the address right?",
    errors.SaslAuthenticationFailedError: "the broker refused the user name, password or token",
    errors.UnknownTopicOrPartitionError: (
        "the topic does not exist; `hookline topics create` makes what is missing"
    ),
    errors.MessageSizeTooLargeError: "the record is larger than the broker takes",
    errors.RebalanceInProgressError: "the group is rebalancing",
    errors.CommitFailedError: "this member is no longer in the group's current generation",
    errors.IllegalGenerationError: "this member is no longer in the group's current generation",
    errors.UnknownMemberIdError: "this member is no longer in the group",
    errors.CorruptRecordError: "a record's checksum does not match its bytes",
    errors.OffsetMetadataTooLargeError: "the position's metadata is longer than the broker takes",
    errors.InvalidReplicationFactorError: "there are fewer brokers than replicas asked for",
    errors.ProducerFencedError: "another process has taken over its transactional id",
    errors.InvalidProducerEpochError: "another process has taken over its transactional id",
}


def broker_error(error: BaseException, doing: str, servers: Sequence[str]) -> BrokerError:
    """Our error for one of the client's.

    Args:
        error: What the client raised.
        doing: What was tried, as a noun phrase: `writing to crm.actions`.
        servers: The bootstrap servers, named in the message.
    """
    if isinstance(error, BrokerError):
        return error
    kind = FencedError if isinstance(error, FENCED) else BrokerError
    return kind(f"{doing} failed on Kafka at {','.join(servers)}: {reason(error)}")


def reason(error: BaseException) -> str:
    """Why, in words; the client's own where we have none."""
    for kind, sentence in _SENTENCES.items():
        if isinstance(error, kind):
            return sentence
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
