"""Which records a once-per-record workflow has fired for, kept in some 20 bytes each.

Pure.  Known only for partitions whose firings were read back (`workflow_service.recall`): asking
about another one is answered by "not known", never by a guess.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from enum import Enum

#: Bytes kept of each firing's hash.  That two of a billion agree has a chance of 1 in 10^21.
DIGEST = 16
#: Digests that begin alike share one buffer.  So many of them keep each one short: 16 KB for a
#: million firings, which are searched in microseconds and copied, when they grow, in the same.
BUCKETS = 1024


class Fired(Enum):
    """Whether a workflow has fired for a record."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


def digest_of(key: bytes) -> bytes:
    """What is kept of a firing, by its key (`schemas.records.firing_key_of`)."""
    return hashlib.blake2b(key, digest_size=DIGEST).digest()


class Digests:
    """A set of digests, packed: 16 bytes each, and the room that buffers grow into."""

    __slots__ = ("_buckets", "_count")

    def __init__(self) -> None:
        """Empty."""
        self._buckets: dict[int, bytearray] = {}
        self._count = 0

    def __len__(self) -> int:
        """How many there are."""
        return self._count

    def __contains__(self, digest: bytes) -> bool:
        """Whether it was added."""
        return _find(self._buckets.get(_bucket_of(digest)), digest) >= 0

    def add(self, digest: bytes) -> None:
        """Put it in, once."""
        if digest in self:
            return
        self._buckets.setdefault(_bucket_of(digest), bytearray()).extend(digest)
        self._count += 1

    def discard(self, digest: bytes) -> None:
        """Take it out, if it is there."""
        bucket = self._buckets.get(_bucket_of(digest))
        at = _find(bucket, digest)
        if bucket is not None and at >= 0:
            bucket[at : at + DIGEST] = bucket[-DIGEST:]
            del bucket[-DIGEST:]
            self._count -= 1


def _find(bucket: bytearray | None, digest: bytes) -> int:
    """Where a digest begins; -1 if it is not there."""
    if bucket is None:
        return -1
    at = bucket.find(digest)
    while at >= 0 and at % DIGEST:  # it lies across two others
        at = bucket.find(digest, at + 1)
    return at


def _bucket_of(digest: bytes) -> int:
    return int.from_bytes(digest[:2], "big") % BUCKETS


class Firings:
    """What has fired, partition by partition of the events topics.

    A partition is known from `remember` until `forget`; in between its owner, and nobody else, adds
    to it: whatever it has committed.
    """

    def __init__(self) -> None:
        """Nothing is known."""
        self._known: dict[tuple[str, int], Digests] = {}

    def __len__(self) -> int:
        """How many firings are remembered, over all partitions."""
        return sum(map(len, self._known.values()))

    def fired(self, topic: str, partition: int, digest: bytes) -> Fired:
        """Whether a firing is known, as far as its partition is."""
        known = self._known.get((topic, partition))
        if known is None:
            return Fired.UNKNOWN
        return Fired.YES if digest in known else Fired.NO

    def remember(self, topic: str, partition: int, digests: Digests) -> None:
        """From now on a partition is known: these, and nothing else, have fired."""
        self._known[topic, partition] = digests

    def add(self, topic: str, partition: int, digests: Iterable[bytes]) -> None:
        """These are committed now; of a partition that is not known (any more) nothing is kept."""
        known = self._known.get((topic, partition))
        if known is not None:
            for digest in digests:
                known.add(digest)

    def forget(self, partitions: Collection[tuple[str, int]]) -> None:
        """These are not ours any more: whoever gets them reads them anew."""
        for partition in partitions:
            self._known.pop((partition[0], partition[1]), None)
