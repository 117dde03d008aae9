"""From a record's fields to an acknowledged event."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest

from producers.publisher import EventPublisher
from runtime.settings import Settings
from schemas.catalog import Catalog
from schemas.codec import Codec
from schemas.errors import BrokerError, SchemaError
from schemas.records import Event
from tests.fakes import InMemoryBroker

SETTINGS = Settings(topic_prefix="t")
CATALOG = Catalog.load()
ADA = {"id": "7", "name": "Ada Lovelace"}
ONE = uuid.UUID("9b2f8a54-4c47-4a0e-9b9e-0d5f0a5b0001")
TWO = uuid.UUID("9b2f8a54-4c47-4a0e-9b9e-0d5f0a5b0002")


class Known:
    """Knows the schemas that are on the topic."""

    def __init__(self, broker):
        self._texts = {record.key: record.value.decode() for record in broker.written("t.schemas")}

    def find(self, reference):
        return next((text for text in self._texts.values()), None)

    def reference_of(self, schema):
        raise NotImplementedError


@pytest.fixture
def broker():
    return InMemoryBroker([topic.name for topic in SETTINGS.topics.all(CATALOG.entities)])


@pytest.fixture
async def publisher(broker):
    async with EventPublisher.connect(SETTINGS, source_uri="/crm", broker=broker) as it:
        yield it


def events(broker, entity="person"):
    codec = Codec(CATALOG, Known(broker))
    return [codec.decode_event(entity, r.value) for r in broker.written(f"t.{entity}.events")]


async def test_a_creation_is_on_its_topic_when_it_is_acknowledged(broker, publisher):
    published = await publisher.created("person", after=ADA, actor="ann", source="import")

    [event] = events(broker)
    [record] = broker.written("t.person.events")
    assert published.event_id == event.event_id
    assert (published.topic, published.partition, published.offset) == ("t.person.events", 0, 0)
    assert record.key == b"7"
    assert (event.operation, event.version, event.actor) == ("created", 1, "ann")
    assert event.source == "import"
    assert event.before is None
    assert event.after["name"] == "Ada Lovelace"
    assert event.correlation_id == event.event_id
    assert dict(record.headers) == {
        "content-type": b"application/avro",
        "ce_specversion": b"1.0",
        "ce_id": str(event.event_id).encode(),
        "ce_source": b"/crm",
        "ce_type": b"crm.person.created",
        "ce_time": event.occurred_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ").encode(),
        "ce_subject": b"7",
    }


async def test_an_update_says_which_fields_changed(broker, publisher):
    await publisher.updated("person", before=ADA, after={**ADA, "job_title": "C"}, version=2)

    [event] = events(broker)
    assert (event.operation, event.version, event.changed_fields) == ("updated", 2, ("job_title",))


async def test_an_update_that_changes_nothing_publishes_nothing(broker, publisher):
    assert await publisher.updated("person", before=ADA, after=dict(ADA), version=2) is None
    assert broker.written("t.person.events") == []


async def test_a_deletion_carries_the_record_as_it_was(broker, publisher):
    await publisher.deleted("person", before=ADA, version=3)

    [event] = events(broker)
    assert event.operation == "deleted"
    assert event.before["name"] == "Ada Lovelace"
    assert event.after is None


async def test_what_caused_a_change_travels_with_it(broker, publisher):
    when = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)

    published = await publisher.created(
        "person",
        after=ADA,
        source="workflow",
        occurred_at=when,
        correlation_id=ONE,
        causation_id=TWO,
        hops=3,
        event_id=TWO,
    )

    [event] = events(broker)
    assert published.event_id == event.event_id == TWO
    assert (event.correlation_id, event.causation_id, event.hops) == (ONE, TWO, 3)
    assert event.occurred_at == when


async def test_a_receiver_continues_the_chain_with_the_headers_of_the_delivery(broker, publisher):
    link = f"win-back/3/0/{ONE}"
    sent = {
        "x-correlation-id": str(ONE),
        "x-causation-id": str(TWO),
        "x-hops": "1",
        "x-chain": link,
    }

    await publisher.created("person", after=ADA, caused_by=sent)

    [event] = events(broker)
    assert (event.source, event.correlation_id, event.causation_id) == ("workflow", ONE, TWO)
    assert (event.hops, event.chain) == (1, (link,))


async def test_headers_that_are_nonsense_publish_nothing(broker, publisher):
    with pytest.raises(SchemaError, match="X-Hops is 'many'"):
        await publisher.created("person", after=ADA, caused_by={"X-Hops": "many"})

    assert broker.written("t.person.events") == []


async def test_every_event_is_drawn_its_own_id(publisher):
    ids = {(await publisher.created("person", after=ADA)).event_id for _ in range(20)}

    assert len(ids) == 20


async def test_the_schema_is_known_before_the_first_event(broker, publisher):
    assert broker.written("t.schemas") == []

    await publisher.created("person", after=ADA)
    await publisher.created("person", after=ADA)
    await publisher.created("lead", after={"id": "1", "title": "A lead"})

    assert len(broker.written("t.schemas")) == 2


@pytest.mark.parametrize(
    ("entity", "after", "said"),
    [
        pytest.param("invoice", ADA, "'invoice' is not known; known are activity", id="entity"),
        pytest.param("person", {"id": "7"}, "after: name is missing", id="missing field"),
        pytest.param("person", {**ADA, "shoe_size": 41}, "shoe_size", id="extra field"),
        pytest.param(
            "person", {**ADA, "name": 3}, "after.name: is of type int", id="mistyped field"
        ),
        pytest.param("person", {"name": "Ada"}, "after.id", id="no id"),
    ],
)
async def test_wrong_fields_are_refused_by_name(broker, publisher, entity, after, said):
    with pytest.raises(SchemaError, match=said):
        await publisher.created(entity, after=after)

    assert all(not broker.written(f"t.{one}.events") for one in CATALOG.entities)


async def test_without_a_broker_the_caller_is_told(broker, publisher):
    await publisher.created("person", after=ADA)
    broker.down = True

    with pytest.raises(BrokerError):
        await publisher.created("person", after=ADA)

    broker.down = False
    await publisher.created("person", after=ADA)
    assert len(broker.written("t.person.events")) == 2


async def test_a_schema_that_could_not_be_registered_is_registered_next_time(broker, publisher):
    broker.down = True
    with pytest.raises(BrokerError):
        await publisher.created("person", after=ADA)
    broker.down = False

    await publisher.created("person", after=ADA)

    assert len(broker.written("t.schemas")) == 1
    assert len(events(broker)) == 1


async def test_many_events_keep_their_order_and_are_all_or_none_if_one_is_wrong(broker, publisher):
    def event(number, **fields):
        return Event(
            uuid.UUID(int=number), "person", "created", "7", number, datetime.now(UTC), "api",
            None, ONE, None, 0, None, {**ADA, **fields}, ("id", "name"),
        )  # fmt: skip

    with pytest.raises(SchemaError):
        await publisher.publish_all([event(1), event(2, name=None)])
    assert broker.written("t.person.events") == []

    acknowledged = await publisher.publish_all([event(n) for n in range(1, 6)])

    assert [one.offset for one in acknowledged] == [0, 1, 2, 3, 4]
    assert [one.version for one in events(broker)] == [1, 2, 3, 4, 5]
