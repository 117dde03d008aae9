"""The outbox on each database there is: committed with its change, read in order, one relay at a time.

Runs on SQLite; and on what `TEST_DATABASE_URLS` names (separated by commas), whose `hookline_*`
tables are dropped.
"""

import asyncio
import os

import pytest
import sqlalchemy as sa

from producers.database import Database, DatabaseError
from producers.outbox import METADATA, OUTBOX, Outbox
from tests.entity_rig import CODEC, rig
from tests.waiting import until

URLS = [url for url in os.environ.get("TEST_DATABASE_URLS", "").split(",") if url]


@pytest.fixture(params=["sqlite", *URLS], ids=lambda url: url.partition(":")[0])
async def service(request, tmp_path):
    own_file = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/x.db" if own_file else request.param
    if not own_file:
        engine = sa.create_engine(url)
        METADATA.drop_all(engine)
        engine.dispose()
    async with rig(url, body_bytes=2**18) as running:
        yield running
        if not own_file:
            METADATA.drop_all(running.database.engine)


@pytest.fixture
async def outbox(service):
    reader = Outbox(service.database, "lead")
    yield reader
    await reader.close()


async def create(service, *ids, **fields):
    for record_id in ids:
        answer = await service.client.post("/leads", json={"id": record_id, "title": "x", **fields})
        assert answer.status == 201, await answer.text()


async def test_events_wait_in_the_order_of_their_commits(service, outbox):
    await create(service, "2", "1")
    await service.client.patch("/leads/1", json={"title": "y"})
    await service.client.delete("/leads/2")

    rows = await outbox.waiting(10)

    events = [CODEC.decode_event("lead", row.payload) for row in rows]
    assert [(row.key, event.version) for row, event in zip(rows, events, strict=True)] == [
        ("2", 1),
        ("1", 1),
        ("1", 2),
        ("2", 2),
    ]
    assert [row.event_id for row in rows] == [str(event.event_id) for event in events]
    assert dict(rows[0].headers)["ce_id"].decode() == rows[0].event_id
    assert rows[0].occurred_at == service.clock.now()
    assert (await outbox.backlog()).events == 4
    assert (await outbox.backlog()).oldest == service.clock.now()


async def test_only_what_is_removed_goes(service, outbox):
    await create(service, "1", "2", "3")
    first, second, _ = await outbox.waiting(10)

    await outbox.remove([first])

    assert [row.key for row in await outbox.waiting(1)] == [second.key]
    assert (await outbox.backlog()).events == 2


async def test_an_entity_reads_its_own_rows_only(service, outbox):
    await create(service, "1")
    persons = Outbox(service.database, "person")

    assert await persons.waiting(10) == []
    assert (await persons.backlog()).events == 0
    assert (await persons.backlog()).oldest is None
    assert await persons.take_turn()
    assert await outbox.take_turn()
    await persons.close()


async def test_one_relay_has_the_turn_until_it_ends(service):
    first, second = Outbox(service.database, "lead"), Outbox(service.database, "lead")

    assert await first.take_turn()
    assert await first.take_turn()
    assert not await second.take_turn()
    await first.close()
    await until(second.take_turn)
    await second.close()


async def test_a_row_that_commits_late_is_not_passed_over(service, outbox):
    """On a server, a smaller sequence may be committed after a larger one was published."""
    await create(service, "1", "2")
    rows = await outbox.waiting(10)

    await outbox.remove(rows[1:])

    assert [row.sequence for row in await outbox.waiting(10)] == [rows[0].sequence]


async def test_the_columns_are_those_that_debezium_expects(service, outbox):
    await create(service, "1")
    columns = OUTBOX.c

    def row(connection):
        return (
            connection.execute(
                sa.select(columns.id, columns.aggregatetype, columns.aggregateid, columns.type)
            ).one(),
            {c["name"] for c in sa.inspect(connection).get_columns("hookline_outbox")},
        )

    values, names = await service.database.read(row)

    [waiting] = await outbox.waiting(1)
    assert tuple(values) == (waiting.event_id, "lead", "1", "crm.lead.created")
    assert names >= {"id", "aggregatetype", "aggregateid", "type", "payload", "timestamp"}


async def test_ids_that_differ_in_case_are_different_records(service, outbox):
    await create(service, "abc", "ABC")

    assert [row.key for row in await outbox.waiting(10)] == ["abc", "ABC"]


async def test_concurrent_changes_of_few_records_keep_their_order(service, outbox):
    keys = ["a", "b", "c"]
    await create(service, *keys)

    answers = await asyncio.gather(
        *(
            service.client.patch(f"/leads/{key}", json={"custom_attributes": {f"n{n}": n}})
            for n in range(15)
            for key in keys
        ),
        *(service.client.post("/leads", json={"id": "d", "title": "x"}) for _ in range(5)),
    )

    assert sorted(answer.status for answer in answers) == [200] * 45 + [201] + [409] * 4
    rows = await outbox.waiting(100)
    for key in keys:
        versions = [
            CODEC.decode_event("lead", row.payload).version for row in rows if row.key == key
        ]
        assert versions == list(range(1, 17))


async def test_of_many_who_make_a_deleted_record_anew_one_wins(service, outbox):
    await create(service, "1")
    await service.client.delete("/leads/1")

    answers = await asyncio.gather(
        *(service.client.post("/leads", json={"id": "1", "title": f"{n}"}) for n in range(10))
    )

    assert sorted(answer.status for answer in answers) == [201] + [409] * 9
    versions = [CODEC.decode_event("lead", row.payload).version for row in await outbox.waiting(9)]
    assert versions == [1, 2, 3]


async def test_large_records_fit(service, outbox):
    await create(service, "1", description="ß" * 25_000)

    [row] = await outbox.waiting(1)
    after = CODEC.decode_event("lead", row.payload).after
    assert after is not None
    assert after["description"] == "ß" * 25_000
    assert (await (await service.client.get("/leads/1")).json())["description"] == "ß" * 25_000


async def test_pages_are_in_one_order(service):
    await create(service, "b", "A", "a", "B", "1", "z")

    seen, path = [], "/leads?limit=2"
    while path:
        page = await (await service.client.get(path)).json()
        seen += [record["id"] for record in page["items"]]
        path = page["next"]

    assert sorted(seen) == sorted(["b", "A", "a", "B", "1", "z"])


async def test_a_lost_connection_ends_the_turn_and_the_next_look_connects_anew(service):
    if service.database.engine.dialect.name != "postgresql":
        pytest.skip("only a server can end a session; SQLite's turn is the kernel's to keep")
    first, second = Outbox(service.database, "lead"), Outbox(service.database, "lead")
    assert await first.take_turn()
    [pid] = await first._do(lambda c: c.execute(sa.text("SELECT pg_backend_pid()")).one())

    await service.database.write(
        lambda c: c.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    )

    with pytest.raises(DatabaseError):
        await first.waiting(1)
    await until(second.take_turn)
    assert not await first.take_turn()
    await second.close()
    await until(first.take_turn)
    await first.close()


async def test_two_services_may_open_one_database(service):
    url = service.database.engine.url.render_as_string(hide_password=False)

    other = Database.open(url, METADATA)

    assert await other.read(lambda c: c.execute(sa.select(OUTBOX.c.id)).all()) == []
    await other.close()
