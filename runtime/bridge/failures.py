"""What a client's failures mean to us: in one sentence, and what can be done about them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from schemas.errors import BrokerError, ConfigurationError, FencedError

NO_ANSWER = "there was no answer in time; is the broker up and the address right?"
NO_CONNECTION = "the connection failed; is the broker up and the address right?"
NOT_ADMITTED = "the broker refused the user name, password or token"
CORRUPT, UNKNOWN_TOPIC, TOO_LARGE, METADATA_TOO_LARGE = 2, 3, 10, 12
ILLEGAL_GENERATION, UNKNOWN_MEMBER, REBALANCING = 22, 25, 27
TOPIC_EXISTS, FEW_REPLICAS, STALE_EPOCH, REFUSED, FENCED = 36, 38, 47, 58, 90

#: By the protocol's own numbers, which every client passes on.
SENTENCES: Mapping[int, str] = {
    CORRUPT: "a record's checksum does not match its bytes",
    UNKNOWN_TOPIC: "the topic does not exist; `hookline topics create` makes what is missing",
    TOO_LARGE: "the record is larger than the broker takes",
    METADATA_TOO_LARGE: "the position's metadata is longer than the broker takes",
    ILLEGAL_GENERATION: "this member is no longer in the group's current generation",
    UNKNOWN_MEMBER: "this member is no longer in the group",
    REBALANCING: "the group is rebalancing",
    FEW_REPLICAS: "there are fewer brokers than replicas asked for",
    STALE_EPOCH: "another process has taken over its transactional id",
    REFUSED: NOT_ADMITTED,
    FENCED: "another process has taken over its transactional id",
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one client says what went wrong.

    Attributes:
        raised: The exceptions of the client.
        reason: Why, in words.
        is_fenced: Another producer or member has taken over this identity.
        is_hopeless: Trying again in the same process cannot help.
        is_passing: The client itself says that trying again may help.
    """

    raised: tuple[type[Exception], ...]
    reason: Callable[[BaseException], str]
    is_fenced: Callable[[BaseException], bool]
    is_hopeless: Callable[[BaseException], bool]
    is_passing: Callable[[BaseException], bool]

    def broker_error(self, error: BaseException, doing: str, servers: Sequence[str]) -> BrokerError:
        """Our error for one of the client's.

        Args:
            error: What the client raised.
            doing: What was tried, as a noun phrase: `writing to crm.actions`.
            servers: The bootstrap servers, named in the message.
        """
        if isinstance(error, BrokerError):
            return error
        kind = FencedError if self.is_fenced(error) else BrokerError
        return kind(f"{doing} failed on Kafka at {','.join(servers)}: {self.reason(error)}")


def no_topic(missing: Collection[str]) -> ConfigurationError:
    """What to say, and do, about topics that are not there."""
    return ConfigurationError(
        f"Kafka has no topic {', '.join(sorted(missing))};"
        " `hookline topics create` makes what is missing"
    )
