"""Which partition a key belongs to: murmur2 as in the Java client, remembered per key."""

from __future__ import annotations

from functools import lru_cache

from kafka.partitioner.default import DefaultPartitioner, murmur2

from runtime.kafka.client import Untyped


@lru_cache(maxsize=20_000)
def spread(key: bytes) -> int:
    """The key's positive murmur2 hash.

    It is computed in Python, 10 µs for a key of 40 bytes; a record that changes once often changes
    again.  20,000 keys are about 3 MB.
    """
    return int(murmur2(key)) & 0x7FFFFFFF


class RememberingPartitioner(DefaultPartitioner):  # type: ignore[misc] # the client has no types
    """The client's own choice, with the hash of a key computed once."""

    def partition(
        self,
        topic: str,
        key: object,
        serialized_key: bytes | None,
        value: object,
        serialized_value: bytes | None,
        cluster: Untyped,
    ) -> int | None:
        """The partition of one record; None when the topic is not known."""
        if serialized_key is None:
            chosen: int | None = super().partition(
                topic, key, serialized_key, value, serialized_value, cluster
            )
            return chosen
        partitions = cluster.partitions_for_topic(topic)
        return spread(serialized_key) % len(partitions) if partitions else None
