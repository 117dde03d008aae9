"""The database behind a service: set up to lose nothing, and clear about what is wrong."""

import asyncio
import sqlite3
import threading

import pytest
import sqlalchemy as sa

from producers.database import Database, DatabaseError
from producers.outbox import METADATA
from schemas.errors import ConfigurationError
from tests.entity_rig import rig

LIMIT = sa.text("PRAGMA max_page_count")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        pytest.param("sqlite://", "in memory", id="memory"),
        pytest.param("sqlite:///:memory:", "in memory", id="memory by name"),
        pytest.param("sqlite:////no/such/place/x.db", "place exists", id="no directory"),
        pytest.param("not a url", "sqlite:///people.db", id="no URL"),
        pytest.param("oracle://u@h/d", "not supported", id="another database"),
        pytest.param("carrierpigeon://u@h/d", "carrierpigeon", id="no database at all"),
    ],
)
def test_a_database_that_cannot_be_used_is_refused_in_one_sentence(url, says):
    with pytest.raises(ConfigurationError, match=says) as raised:
        Database.open(url, METADATA)

    assert "HOOKLINE_ENTITY_DATABASE_URL" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "x.db").write_text("this is a letter to my mother, and not a database at all")

    with pytest.raises(ConfigurationError, match="not a database"):
        Database.open(f"sqlite:///{tmp_path}/x.db", METADATA)


def test_a_password_is_not_shown(unused_tcp_port):
    pytest.importorskip("psycopg")
    url = f"postgresql+psycopg://me:hunter2@127.0.0.1:{unused_tcp_port}/crm"

    with pytest.raises(ConfigurationError) as raised:
        Database.open(url, METADATA)

    assert "hunter2" not in str(raised.value)


async def test_sqlite_forces_each_commit_to_disk_and_lets_readers_read(tmp_path):
    database = Database.open(f"sqlite:///{tmp_path}/x.db", METADATA)

    def pragmas(connection):
        ask = connection.exec_driver_sql
        return ask("PRAGMA journal_mode").scalar(), ask("PRAGMA synchronous").scalar()

    assert await database.read(pragmas) == ("wal", 2)
    assert await database.write(pragmas) == ("wal", 2)
    await database.close()


async def test_only_the_relays_own_connection_is_not_forced_to_disk(tmp_path):
    database = Database.open(f"sqlite:///{tmp_path}/x.db", METADATA)

    alone = database.connect_alone()
    relaxed = alone.exec_driver_sql("PRAGMA synchronous").scalar()
    alone.close()
    others = await asyncio.gather(
        *(
            database.read(lambda c: c.exec_driver_sql("PRAGMA synchronous").scalar())
            for _ in range(20)
        )
    )

    assert relaxed == 1
    assert set(others) == {2}
    await database.close()


def test_many_may_open_a_new_database_at_once(tmp_path):
    failures = []

    def open_and_close():
        try:
            Database.open(f"sqlite:///{tmp_path}/x.db", METADATA).engine.dispose()
        except ConfigurationError as error:
            failures.append(error)

    threads = [threading.Thread(target=open_and_close) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []


async def test_a_failed_transaction_leaves_nothing_behind(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/x.db") as service:

        def half(connection):
            connection.exec_driver_sql(
                "INSERT INTO hookline_records VALUES ('lead', '1', 1, '{}', 'now')"
            )
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await service.database.write(half)

        assert (await service.client.get("/leads")).status == 200
        assert (await (await service.client.get("/leads")).json())["items"] == []


async def test_a_full_disk_is_a_clear_answer_and_nothing_is_half_written(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/x.db") as service:
        limit = [40]

        @sa.event.listens_for(service.database.engine, "checkout")
        def bounded(connection, *_):
            connection.execute(f"PRAGMA max_page_count={limit[0]}")

        statuses = []
        while 503 not in statuses and len(statuses) < 200:
            answer = await service.client.post(
                "/leads", json={"id": f"{len(statuses)}", "title": "x" * 3_000}
            )
            statuses.append(answer.status)
        body = await answer.json(content_type=None)

        assert statuses.count(503) == 1
        assert "full" in body["detail"]
        assert "Nothing was changed" in body["detail"]
        assert answer.headers["Retry-After"]
        # Reading goes on, and record and event are there both or not at all.
        kept = (await (await service.client.get("/leads?limit=200")).json())["items"]
        events = await service.events()
        assert len(kept) == len(events) == statuses.count(201) == len(service.changes)

        limit[0] = 100_000
        again = await service.client.post("/leads", json={"id": "after", "title": "room again"})

        assert again.status == 201
        assert len(await service.events()) == len(events) + 1


async def test_a_database_that_somebody_else_holds_is_a_clear_answer(tmp_path, monkeypatch):
    monkeypatch.setattr("producers.database.BUSY_S", 0.1)
    async with rig(f"sqlite:///{tmp_path}/x.db") as service:
        other = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")

        answer = await service.client.post("/leads", json={"id": "7", "title": "x"})

        assert answer.status == 503
        assert "locked" in (await answer.json(content_type=None))["detail"]
        other.execute("ROLLBACK")
        other.close()
        answer = await service.client.post("/leads", json={"id": "7", "title": "x"})
        assert answer.status == 201


async def test_what_the_database_says_does_not_show_our_statement(tmp_path):
    database = Database.open(f"sqlite:///{tmp_path}/x.db", METADATA)

    with pytest.raises(DatabaseError) as raised:
        await database.read(lambda c: c.exec_driver_sql("SELECT secret FROM nowhere"))

    assert str(raised.value) == "no such table: nowhere"
    await database.close()
