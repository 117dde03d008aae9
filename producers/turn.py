"""Whose turn it is to publish an outbox: one process at a time, decided by whoever outlives it.

Two relays on one outbox could publish a record's events in the wrong order, so one waits for the
other.  There is no lease that a stopped process could oversleep: the operating system (SQLite) or
the database's session (PostgreSQL, MySQL) holds the lock, and frees it the moment its holder dies.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from producers.database import is_sqlite, sqlite_path


class Turn(Protocol):
    """What the outbox needs of a lock, and no more."""

    def take(self, connection: sa.Connection) -> bool:
        """Try to take the turn, without waiting; true as well if it is ours already."""

    def lost(self) -> None:
        """The connection is gone, and the turn with it if the connection held it."""

    def give_back(self) -> None:
        """Let another process have it; closing the connection frees what that holds."""


class FileTurn:
    """A lock on a file beside the database: SQLite's processes share a machine."""

    def __init__(self, path: Path) -> None:
        """Nothing is opened yet."""
        self._path = path
        self._file: int | None = None

    def take(self, _: sa.Connection) -> bool:
        """Try to lock the file; the kernel unlocks it when this process ends, however it ends."""
        if self._file is not None:
            return True
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        return True

    def lost(self) -> None:
        """The lock does not hang on the connection."""

    def give_back(self) -> None:
        """Unlock; the file stays, for removing it would let two processes lock two files."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


class SessionTurn:
    """A named lock that the database server keeps for as long as the session lives."""

    def __init__(self, name: str, dialect: str) -> None:
        """Nothing is asked of the server yet."""
        digest = hashlib.sha256(name.encode()).digest()
        if dialect == "postgresql":
            number = int.from_bytes(digest[:8], "big", signed=True)
            self._statement = sa.select(sa.func.pg_try_advisory_lock(number))
        else:
            # MySQL's names are of the whole server and at most 64 characters.
            held = sa.func.concat(sa.func.database(), f":{digest.hex()[:16]}")
            self._statement = sa.select(sa.func.get_lock(sa.func.right(held, 64), 0))
        self._ours = False

    def take(self, connection: sa.Connection) -> bool:
        """Ask for the lock; ours until the session ends."""
        if not self._ours:
            self._ours = bool(connection.execute(self._statement).scalar())
            connection.commit()
        return self._ours

    def lost(self) -> None:
        """The session ended, so another relay may have the turn by now."""
        self._ours = False

    def give_back(self) -> None:
        """The session's end does it."""
        self._ours = False


def turn_of(engine: sa.Engine, entity: str) -> Turn:
    """The turn to publish one entity's events out of this database."""
    if is_sqlite(engine):
        path = sqlite_path(engine)
        return FileTurn(path.with_name(f"{path.name}-{entity}-relay.lock"))
    return SessionTurn(f"hookline-relay:{entity}", engine.dialect.name)
