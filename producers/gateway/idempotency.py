"""Remembers the answer to each `Idempotency-Key`, within bounds of time and memory.

What it guarantees: as long as an answer is remembered, a repeat with the same body gets it and
publishes nothing; a repeat while the first request is under way waits for its outcome.  Answers
are forgotten after `ttl`, when memory for them runs out (oldest first), and with the process: each
gateway remembers its own.  A repeat after that publishes again, under the same event ids, because
those follow from the key: whoever keeps the ids it has seen drops the repeat.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from producers.gateway.refusal import Refusal

#: The namespace of event ids that follow from an Idempotency-Key, for ever.
EVENT_NAMESPACE = uuid.UUID("5c0a3f0b-1e0a-5f6d-8a3e-2b8f7d0c9e51")
#: A key, its digest, two instants and their places in two tables.
OVERHEAD_BYTES = 600


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Which request a key belongs to: entity and exact body, as a digest."""

    digest: bytes

    @classmethod
    def of(cls, entity: str, body: bytes) -> Fingerprint:
        """The fingerprint of a request."""
        return cls(hashlib.sha256(entity.encode() + b"\0" + body).digest())


def event_id_of(key: str, fingerprint: Fingerprint, index: int) -> uuid.UUID:
    """The id of the event at `index` of a request: a repeat gives the same (UUIDv5)."""
    return uuid.uuid5(EVENT_NAMESPACE, f"{fingerprint.digest.hex()}:{index}:{key}")


class Now(Protocol):
    """What remembering needs of the clock, and no more."""

    def now(self) -> datetime:
        """The present instant."""


@dataclass(frozen=True, slots=True)
class First:
    """Nobody used the key before: go on, then `finish` or `forget`."""


@dataclass(frozen=True, slots=True)
class UnderWay:
    """The same request is being worked on: its outcome is to come, and to be shared.

    Attributes:
        outcome: Await it shielded: others wait for it too.
    """

    outcome: asyncio.Future[bytes | Refusal]


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same request was accepted before; this was the answer."""

    answer: bytes


@dataclass(frozen=True, slots=True)
class Reused:
    """The key belongs to another request."""


@dataclass(frozen=True, slots=True)
class _Remembered:
    fingerprint: Fingerprint
    answer: bytes
    until: datetime

    @property
    def size(self) -> int:
        return len(self.answer) + OVERHEAD_BYTES


class Answers:
    """The answers that were given, by key."""

    def __init__(self, clock: Now, ttl: timedelta, max_bytes: int) -> None:
        """Remember each answer for `ttl`, all of them in `max_bytes`."""
        self._clock = clock
        self._ttl = ttl
        self._max_bytes = max_bytes
        self._bytes = 0
        self._given: OrderedDict[str, _Remembered] = OrderedDict()
        self._under_way: dict[str, tuple[Fingerprint, asyncio.Future[bytes | Refusal]]] = {}

    def __len__(self) -> int:
        """How many answers are remembered."""
        return len(self._given)

    @property
    def bytes_used(self) -> int:
        """What they take, of `max_bytes`."""
        return self._bytes

    def begin(self, key: str, fingerprint: Fingerprint) -> First | UnderWay | Repeat | Reused:
        """What is known about a key; after `First` it is the caller's to settle."""
        self._expire()
        if key in self._under_way:
            known, outcome = self._under_way[key]
            return UnderWay(outcome) if known == fingerprint else Reused()
        if given := self._given.get(key):
            return Repeat(given.answer) if given.fingerprint == fingerprint else Reused()
        self._under_way[key] = fingerprint, asyncio.get_running_loop().create_future()
        return First()

    def finish(self, key: str, answer: bytes) -> None:
        """Remember the answer, and give it to those who wait for it."""
        fingerprint, waited_for = self._under_way.pop(key)
        waited_for.set_result(answer)
        given = _Remembered(fingerprint, answer, self._clock.now() + self._ttl)
        self._given[key] = given
        self._bytes += given.size
        while self._bytes > self._max_bytes:
            self._drop_oldest()

    def forget(self, key: str, refusal: Refusal) -> None:
        """The request was refused: the key is free again, and those who wait get the refusal too."""
        _, waited_for = self._under_way.pop(key)
        waited_for.set_result(refusal)

    def _expire(self) -> None:
        """Drop what is too old; all have the same `ttl`, so the oldest expires first."""
        now = self._clock.now()
        while self._given and next(iter(self._given.values())).until <= now:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        _, given = self._given.popitem(last=False)
        self._bytes -= given.size
