"""The client's exceptions as ours."""

from __future__ import annotations

from kafka import errors

from runtime.bridge.failures import (
    ILLEGAL_GENERATION,
    NO_ANSWER,
    NO_CONNECTION,
    SENTENCES,
    Dialect,
)

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
#: Those that the protocol does not know.
_OF_THE_CLIENT: dict[type[Exception], str] = {
    errors.KafkaTimeoutError: NO_ANSWER,
    errors.KafkaConnectionError: NO_CONNECTION,
    errors.CommitFailedError: SENTENCES[ILLEGAL_GENERATION],
}


def reason(error: BaseException) -> str:
    """Why, in words; the client's own where we have none."""
    for kind, sentence in _OF_THE_CLIENT.items():
        if isinstance(error, kind):
            return sentence
    if (known := SENTENCES.get(getattr(error, "errno", 0) or 0)) is not None:
        return known
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


DIALECT = Dialect(
    raised=(errors.KafkaError,),
    reason=reason,
    is_fenced=lambda error: isinstance(error, FENCED),
    is_hopeless=lambda error: isinstance(error, HOPELESS),
    is_passing=lambda error: isinstance(error, errors.RetriableError),
)
