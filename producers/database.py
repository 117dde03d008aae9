"""A service's own database behind asyncio: SQLite set up to lose nothing, PostgreSQL or MySQL by URL."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any, Self, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    SQLAlchemyError,
)

from schemas.errors import ConfigurationError, HooklineError

T = TypeVar("T")
Work = Callable[[sa.Connection], T]

SETTING = "HOOKLINE_ENTITY_DATABASE_URL"
#: How long a statement waits for another process's transaction; longer than any of ours takes.
BUSY_S = 5.0
#: Connections and threads: SQLite has one writer, a server profits from a few at a time.
THREADS = 8
#: Marks a connection whose transactions will write, so that SQLite takes its lock at the start.
WRITES = "hookline_writes"

_INSTALL = {
    "postgresql": "pip install 'psycopg[binary]' and use postgresql+psycopg://…",
    "mysql": "pip install pymysql and use mysql+pymysql://…",
    "mariadb": "pip install pymysql and use mariadb+pymysql://…",
}


class DatabaseError(HooklineError):
    """The database is not there, or refused: full disk, lost connection, lock held too long.

    Attributes:
        certain: Nothing was changed; False when the answer to a commit was lost.
    """

    def __init__(self, message: str, *, certain: bool = True) -> None:
        """Say what the database said."""
        super().__init__(message)
        self.certain = certain


class Database:
    """One engine, and the threads that its blocking calls run on."""

    def __init__(self, engine: sa.Engine) -> None:
        """Use an engine whose tables exist; `open` makes both."""
        self.engine = engine
        self._writer = engine.execution_options(**{WRITES: True})
        # SQLite polls for its lock; our own threads queue here instead, which wakes them at once.
        self.writing: AbstractContextManager[Any] = (
            threading.Lock() if is_sqlite(engine) else nullcontext()
        )
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="database")

    @classmethod
    def open(cls, url: str, tables: sa.MetaData) -> Self:
        """Connect and make the tables that are missing; blocks, so call it before serving.

        Raises:
            ConfigurationError: The URL, its driver or the database cannot be used.
        """
        engine = _engine(url)
        try:
            _prepare(engine, tables)
        except SQLAlchemyError as error:
            engine.dispose()
            shown = engine.url.render_as_string(hide_password=True)
            raise ConfigurationError(
                f"{SETTING}={shown} cannot be used: {reason(error)}; check that the place exists, "
                "has room and may be written by this user"
            ) from error
        return cls(engine)

    async def write(self, work: Work[T]) -> T:
        """Run `work` in one transaction that is durable on return.

        Raises:
            IntegrityError: A row that must be unique was there already; nothing was changed.
            DatabaseError: It could not be done.
        """
        return await self._in_thread(self._write, work)

    async def read(self, work: Work[T]) -> T:
        """Run `work`, which only reads, on one consistent view.

        Raises:
            DatabaseError: It could not be done.
        """
        return await self._in_thread(self._read, work)

    def connect_alone(self) -> sa.Connection:
        """A connection that is never shared, and that SQLite does not force to disk at each commit.

        Raises:
            SQLAlchemyError: There is none to be had.
        """
        connection = self.engine.connect()
        connection.detach()
        raw = connection.connection.dbapi_connection
        if is_sqlite(self.engine) and raw is not None:
            raw.cursor().execute("PRAGMA synchronous=NORMAL")
        return connection

    async def close(self) -> None:
        """Wait for what is under way and free everything."""
        await asyncio.to_thread(self._threads.shutdown)
        self.engine.dispose()

    async def _in_thread(self, run: Callable[[Work[T]], T], work: Work[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, run, work)

    def _write(self, work: Work[T]) -> T:
        with self.writing:
            return transact(self._writer, work)

    def _read(self, work: Work[T]) -> T:
        try:
            with self.engine.connect() as connection:
                return work(connection)
        except SQLAlchemyError as error:
            raise DatabaseError(reason(error)) from error


def transact(engine: sa.Engine, work: Work[T]) -> T:
    """One transaction on a connection of its own, all or nothing."""
    committing = False
    try:
        with engine.connect() as connection:
            with suppressed_rollback(connection):
                result = work(connection)
            committing = True
            connection.commit()
    except IntegrityError:
        raise
    except SQLAlchemyError as error:
        # SQLite's failed commit is a rollback; a server may have committed before it went away.
        certain = not committing or is_sqlite(engine)
        raise DatabaseError(reason(error), certain=certain) from error
    return result


class suppressed_rollback:  # noqa: N801 - used like a function
    """Roll back when the block fails, and let the first error be the one that is seen."""

    def __init__(self, connection: sa.Connection) -> None:
        """Watch over this connection's transaction."""
        self._connection = connection

    def __enter__(self) -> None:
        """Nothing yet: the transaction begins with the first statement."""

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Undo what a failed block did."""
        if kind is not None:
            with suppress(SQLAlchemyError):
                self._connection.rollback()


def is_sqlite(engine: sa.Engine) -> bool:
    """Whether the database is a file that this machine's processes share."""
    return engine.dialect.name == "sqlite"


def reason(error: SQLAlchemyError) -> str:
    """What the database said, on one line, without our statement or its values."""
    said: object = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return " ".join(str(said).split()) or type(said).__name__


def _engine(url: str) -> sa.Engine:
    """An engine for one of the databases that are supported."""
    try:
        parsed = sa.make_url(url)
        name = parsed.get_backend_name()
        if name not in {"sqlite", *_INSTALL}:
            raise ConfigurationError(
                f"{SETTING}: {name} is not supported; use sqlite, postgresql, mysql or mariadb"
            )
        if name != "sqlite":
            return sa.create_engine(parsed, pool_pre_ping=True, pool_size=THREADS)
        return _sqlite(parsed)
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise ConfigurationError(
            f"{SETTING}: {error}; expected something like sqlite:///people.db or "
            "postgresql+psycopg://user@host/crm"
        ) from error
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"{SETTING}: the driver {error.name} is not installed: {_INSTALL.get(name, '')}"
        ) from error


def _sqlite(url: sa.URL) -> sa.Engine:
    """SQLite with a write-ahead log, every commit on disk before it is answered."""
    path = url.database or ""
    if path in {"", ":memory:"} or path.startswith("file:"):
        raise ConfigurationError(
            f"{SETTING}={url}: a database in memory loses everything with the process, and a file: "
            "URI is not supported; name a file, as in sqlite:///people.db"
        )
    engine = sa.create_engine(
        url, connect_args={"timeout": BUSY_S}, pool_size=THREADS + 1, max_overflow=0
    )

    @sa.event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _: object) -> None:
        # The driver's own idea of when to begin would let a transaction read before it locks.
        connection.isolation_level = None
        connection.execute("PRAGMA synchronous=FULL")

    @sa.event.listens_for(engine, "begin")
    def begun(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def sqlite_path(engine: sa.Engine) -> Path:
    """The file of a SQLite database."""
    return Path(engine.url.database or "").absolute()


def _prepare(engine: sa.Engine, tables: sa.MetaData) -> None:
    """Make what is missing; another process may be doing the same right now."""
    if is_sqlite(engine):
        _write_ahead(engine)
    try:
        tables.create_all(engine.execution_options(**{WRITES: True}))
    except DBAPIError:
        # It lost the race to make a table: the second look finds it there.
        tables.create_all(engine.execution_options(**{WRITES: True}))


def _write_ahead(engine: sa.Engine) -> None:
    """Switch to WAL, which lasts; SQLite does not wait for its lock here, so we do."""
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            with engine.connect() as connection:
                raw = connection.connection.dbapi_connection
                if raw is not None:
                    raw.cursor().execute("PRAGMA journal_mode=WAL")
        except (SQLAlchemyError, sqlite3.Error) as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise _as_sqlalchemy(error) from error
            time.sleep(0.05)
        else:
            return


def _as_sqlalchemy(error: SQLAlchemyError | sqlite3.Error) -> SQLAlchemyError:
    """The driver's own error, raised past SQLAlchemy, as one of its."""
    if isinstance(error, SQLAlchemyError):
        return error
    return sa.exc.OperationalError("PRAGMA journal_mode=WAL", None, error)
