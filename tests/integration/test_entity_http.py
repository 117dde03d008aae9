"""Records over HTTP on a real database: each change is answered, kept, and has its event."""

import asyncio
import itertools
import json
import uuid
from datetime import timedelta

import pytest

from tests.entity_rig import rig

JSON = {"Content-Type": "application/json"}
CAUSE = "0b7e2f5c-94a3-4b0e-9b55-6d4f1a3c2e10"


@pytest.fixture
async def service(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/leads.db") as running:
        yield running


async def post(service, **record):
    answer = await service.client.post("/leads", json=record)
    assert answer.status == 201, await answer.text()
    return answer


async def problem(answer, status):
    assert answer.status == status, await answer.text()
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = json.loads(await answer.read())
    assert body["status"] == status
    assert body["type"].startswith("urn:hookline:problem:")
    assert body["title"]
    assert "Traceback" not in str(body)
    return body


async def test_creating_answers_with_the_record_its_place_and_its_version(service):
    answer = await post(service, id="7", title="Big", lead_value="12.5")

    record = await answer.json()
    assert (record["id"], record["title"], record["lead_value"]) == ("7", "Big", "12.5000")
    assert record["created_at"] == record["updated_at"] == "2026-01-01T12:00:00.000000Z"
    assert answer.headers["Location"] == "/leads/7"
    assert answer.headers["ETag"] == '"1"'
    assert service.changes == [service.clock.now()]
    read = await service.client.get("/leads/7")
    assert await read.json() == record
    assert read.headers["ETag"] == '"1"'


async def test_the_service_chooses_an_id_where_none_is_given(service):
    answer = await post(service, title="Big")

    record_id = (await answer.json())["id"]
    assert uuid.UUID(record_id)
    assert answer.headers["Location"] == f"/leads/{record_id}"


async def test_a_creation_is_an_event_without_before(service):
    answer = await post(service, id="7", title="Big")

    [event] = await service.events()
    assert str(event.event_id) == answer.headers["X-Event-Id"]
    assert (event.operation, event.entity, event.entity_id, event.version) == (
        "created",
        "lead",
        "7",
        1,
    )
    assert event.before is None
    assert event.after is not None
    assert event.after["title"] == "Big"
    assert event.changed_fields == (
        "created_at",
        "custom_attributes",
        "id",
        "products",
        "tags",
        "title",
        "updated_at",
    )
    assert (event.source, event.actor, event.causation_id, event.hops) == ("api", None, None, 0)
    assert event.correlation_id == event.event_id
    assert event.occurred_at == service.clock.now()


async def test_an_update_has_before_after_and_what_changed(service):
    await post(service, id="7", title="Big", lead_value="1")
    await service.clock.advance(timedelta(minutes=1))

    answer = await service.client.patch("/leads/7", json={"lead_value": "2.5", "title": "Big"})

    assert answer.status == 200
    assert answer.headers["ETag"] == '"2"'
    first, second = await service.events()
    assert (second.operation, second.version) == ("updated", 2)
    assert second.before == first.after
    assert second.after == {
        **first.after,
        "lead_value": second.after["lead_value"],
        "updated_at": service.clock.now(),
    }
    assert str(second.after["lead_value"]) == "2.5000"
    assert second.changed_fields == ("lead_value", "updated_at")
    assert await answer.json() == await (await service.client.get("/leads/7")).json()


@pytest.mark.parametrize(
    "patch",
    [
        pytest.param({}, id="an empty patch"),
        pytest.param({"title": "Big"}, id="the value it has"),
        pytest.param({"lead_value": "1.0"}, id="an equal decimal"),
        pytest.param({"lost_reason": None}, id="null for what is null"),
        pytest.param({"custom_attributes": {"gone": None}}, id="removing what is not there"),
    ],
)
async def test_an_update_that_changes_nothing_raises_no_event_and_no_version(service, patch):
    await post(service, id="7", title="Big", lead_value=1)
    await service.clock.advance(timedelta(minutes=1))

    answer = await service.client.patch("/leads/7", json=patch)

    assert answer.status == 200
    assert answer.headers["ETag"] == '"1"'
    assert "X-Event-Id" not in answer.headers
    assert (await answer.json())["updated_at"] == "2026-01-01T12:00:00.000000Z"
    assert len(await service.events()) == len(service.changes) == 1


async def test_a_custom_attribute_that_is_not_named_keeps_its_type(service):
    await post(service, id="7", title="Big", custom_attributes={"n": 2.5, "t": "2.5"})

    await service.clock.advance(timedelta(minutes=1))
    await service.client.patch("/leads/7", json={"custom_attributes": {"x": True}})

    _, updated = await service.events()
    before, after = updated.before["custom_attributes"], updated.after["custom_attributes"]
    assert after == {**before, "x": True}
    assert updated.changed_fields == ("custom_attributes", "updated_at")


async def test_a_change_from_a_number_to_a_truth_value_is_a_change(service):
    await post(service, id="7", title="Big", custom_attributes={"n": 1})

    answer = await service.client.patch("/leads/7", json={"custom_attributes": {"n": True}})

    assert answer.headers["ETag"] == '"2"'


async def test_a_deletion_is_an_event_with_before_and_without_after(service):
    created = await (await post(service, id="7", title="Big")).json()

    answer = await service.client.delete("/leads/7")

    assert answer.status == 204
    first, second = await service.events()
    assert str(second.event_id) == answer.headers["X-Event-Id"]
    assert (second.operation, second.version, second.after) == ("deleted", 2, None)
    assert second.before == first.after
    assert created["title"] == second.before["title"]
    await problem(await service.client.get("/leads/7"), 404)
    await problem(await service.client.delete("/leads/7"), 404)
    await problem(await service.client.patch("/leads/7", json={}), 404)
    assert len(await service.events()) == 2


async def test_a_record_made_anew_goes_on_with_its_versions(service):
    await post(service, id="7", title="Big")
    await service.client.delete("/leads/7")

    answer = await post(service, id="7", title="Bigger")

    assert answer.headers["ETag"] == '"3"'
    assert [event.version for event in await service.events()] == [1, 2, 3]
    assert (await service.events())[2].before is None


async def test_a_chain_of_causes_goes_on(service):
    headers = {
        "X-Actor": "workflow win-back",
        "X-Source": "workflow",
        "X-Correlation-Id": CAUSE,
        "X-Causation-Id": CAUSE,
        "X-Hops": "3",
        "X-Chain": f"win-back/3/0/{CAUSE}, promote/1/0/{CAUSE}",
    }

    await service.client.post("/leads", json={"title": "Big"}, headers=headers)

    [event] = await service.events()
    assert (event.source, event.actor, event.hops) == ("workflow", "workflow win-back", 3)
    assert event.correlation_id == event.causation_id == uuid.UUID(CAUSE)
    assert event.chain == (f"win-back/3/0/{CAUSE}", f"promote/1/0/{CAUSE}")


async def test_a_chain_that_is_none_changes_nothing(service):
    answer = await service.client.post("/leads", json={"title": "Big"}, headers={"X-Chain": "?"})

    assert answer.status == 400
    assert "X-Chain has '?' as link 1" in (await answer.json())["detail"]
    assert await service.events() == []


async def test_an_id_that_is_taken_is_a_conflict(service):
    await post(service, id="7", title="Big")

    answer = await service.client.post("/leads", json={"id": "7", "title": "Other"})

    body = await problem(answer, 409)
    assert "'7'" in body["detail"]
    assert len(await service.events()) == 1
    assert (await (await service.client.get("/leads/7")).json())["title"] == "Big"


async def test_of_many_creations_with_one_id_one_wins(service):
    answers = await asyncio.gather(
        *(service.client.post("/leads", json={"id": "7", "title": f"{n}"}) for n in range(20))
    )

    assert sorted(answer.status for answer in answers) == [201] + [409] * 19
    assert len(await service.events()) == 1


async def test_concurrent_patches_of_one_record_all_count(service):
    await post(service, id="7", title="Big")

    answers = await asyncio.gather(
        *(
            service.client.patch("/leads/7", json={"custom_attributes": {f"a{n}": n}})
            for n in range(40)
        )
    )

    assert {answer.status for answer in answers} == {200}
    events = await service.events()
    assert [event.version for event in events] == list(range(1, 42))
    for earlier, later in itertools.pairwise(events):
        assert later.before == earlier.after
    assert len(events[-1].after["custom_attributes"]) == 40


async def test_if_match_protects_what_the_caller_has_not_seen(service):
    await post(service, id="7", title="Big")
    await service.client.patch("/leads/7", json={"title": "Bigger"})

    stale = await service.client.patch(
        "/leads/7", json={"title": "Mine"}, headers={"If-Match": '"1"'}
    )
    body = await problem(stale, 412)
    assert "version 2" in body["detail"]
    assert stale.headers["ETag"] == '"2"'
    await problem(await service.client.delete("/leads/7", headers={"If-Match": '"1"'}), 412)
    seen = await service.client.patch(
        "/leads/7", json={"title": "Mine"}, headers={"If-Match": '"1", "2"'}
    )

    assert seen.status == 200
    assert [event.version for event in await service.events()] == [1, 2, 3]


async def test_reading_again_is_cheap_where_nothing_changed(service):
    await post(service, id="7", title="Big")

    assert (await service.client.get("/leads/7", headers={"If-None-Match": '"1"'})).status == 304
    assert (await service.client.get("/leads/7", headers={"If-None-Match": '"9"'})).status == 200


async def test_pages_cover_every_record_once_in_the_order_of_ids(service):
    ids = [f"{n:03d}+x" for n in range(25)]
    for record_id in reversed(ids):
        await post(service, id=record_id, title=record_id)
    await service.client.delete("/leads/003%2Bx")

    seen, path, pages = [], "/leads?limit=7", 0
    while path:
        page = await (await service.client.get(path)).json()
        seen += [record["id"] for record in page["items"]]
        path, pages = page["next"], pages + 1

    assert seen == [record_id for record_id in ids if record_id != "003+x"]
    assert pages == 4


async def test_an_empty_list_has_no_next_page(service):
    assert await (await service.client.get("/leads")).json() == {"items": [], "next": None}


@pytest.mark.parametrize(
    ("query", "names"),
    [("limit=0", "limit"), ("limit=201", "200"), ("limit=x", "limit"), ("page=2", "page")],
)
async def test_a_page_that_cannot_be_is_refused(service, query, names):
    body = await problem(await service.client.get(f"/leads?{query}"), 400)

    assert names in body["detail"]


@pytest.mark.parametrize(
    ("sent", "status", "says"),
    [
        pytest.param(b"", 400, "empty", id="nothing"),
        pytest.param(b'{"title": ', 400, "not JSON", id="half a document"),
        pytest.param(b'{"title": "\xff"}', 400, "not UTF-8", id="not UTF-8"),
        pytest.param(b'{"title": "a", "title": "b"}', 400, "'title'", id="a name twice"),
        pytest.param(b'{"title": NaN}', 400, "NaN", id="NaN"),
        pytest.param(b'{"title": "\\ud800"}', 400, "surrogate", id="half a surrogate"),
        pytest.param(b"[" * 50_000, 400, "nested", id="nested deeply"),
        pytest.param(b"[]", 422, "object", id="a list"),
        pytest.param(b'"x"', 422, "object", id="a text"),
        pytest.param(b'{"title": "x" , "tags": "' + b"x" * 70_000 + b'"}', 413, "65536", id="big"),
    ],
)
async def test_a_body_that_is_no_record_is_refused(service, sent, status, says):
    for path, method in (("/leads", "POST"), ("/leads/7", "PATCH")):
        await service.client.post("/leads", json={"id": "7", "title": "Big"})
        answer = await service.client.request(method, path, data=sent, headers=JSON)

        body = await problem(answer, status)
        assert says in str(body)
    assert len(await service.events()) == 1


async def test_every_problem_has_its_pointer(service):
    record = {
        "tile": "x",
        "lead_value": "12.34567",
        "person": {"id": 7},
        "products": [{"product": {"id": "1"}, "quantity": "many"}],
        "expected_close_date": "soon",
    }

    body = await problem(await service.client.post("/leads", json=record), 422)

    pointers = {error["pointer"] for error in body["errors"]}
    assert pointers >= {
        "/title",
        "/tile",
        "/lead_value",
        "/person/id",
        "/products/0/quantity",
        "/products/0/price",
        "/expected_close_date",
    }
    assert await service.events() == []


async def test_a_body_without_a_length_is_bounded_as_well(service):
    async def endless():
        for _ in range(1_000):
            yield b"x" * 1_000

    answer = await service.client.post("/leads", data=endless(), headers=JSON)

    await problem(answer, 413)


async def test_a_body_that_does_not_come_is_not_waited_for(tmp_path):
    async def stalled():
        yield b'{"title"'
        await asyncio.Event().wait()

    async with rig(f"sqlite:///{tmp_path}/leads.db", body_s=0.05) as service:
        body = await problem(await service.client.post("/leads", data=stalled(), headers=JSON), 408)

    assert "0.05 s" in body["detail"]


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({"Content-Type": "application/x-www-form-urlencoded"}, "application/json"),
        ({"Content-Type": "text/plain"}, "text/plain"),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, "Content-Encoding"),
    ],
)
async def test_only_plain_json_is_taken(service, headers, says):
    answer = await service.client.post("/leads", data=b"{}", headers=headers)

    assert says in (await problem(answer, 415))["detail"]


async def test_a_merge_patch_may_say_that_it_is_one(service):
    await post(service, id="7", title="Big")

    answer = await service.client.patch(
        "/leads/7",
        data=b'{"title": "Bigger"}',
        headers={"Content-Type": "application/merge-patch+json"},
    )

    assert answer.status == 200


async def test_a_wrong_path_or_method_is_answered_in_the_same_shape(service):
    body = await problem(await service.client.get("/persons"), 404)
    assert "/leads/{id}" in body["detail"]
    answer = await service.client.put("/leads", json={})
    await problem(answer, 405)
    assert answer.headers["Allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize("header", ["3", "W/3"])
async def test_a_precondition_that_cannot_be_read_is_refused(service, header):
    answer = await service.client.patch("/leads/7", json={}, headers={"If-Match": header})

    assert "If-Match" in (await problem(answer, 400))["detail"]


async def test_causes_that_cannot_be_read_are_refused(service):
    headers = {"X-Hops": "many", "X-Source": "magic"}

    answer = await service.client.post("/leads", json={"title": "x"}, headers=headers)

    detail = (await problem(answer, 400))["detail"]
    assert "X-Hops" in detail
    assert "X-Source" in detail


async def test_until_the_schema_is_registered_only_reading_works(service):
    service.closed[0] = "not yet"

    answer = await service.client.post("/leads", json={"title": "x"})

    assert (await problem(answer, 503))["detail"] == "not yet"
    assert int(answer.headers["Retry-After"]) > 0
    assert (await service.client.get("/leads")).status == 200
    await problem(await service.client.delete("/leads/7"), 503)
    await problem(await service.client.patch("/leads/7", json={}), 503)


async def test_a_change_whose_event_would_not_fit_into_kafka_is_refused(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/leads.db", body_bytes=2**20) as service:
        await post(service, id="7", title="x" * 600_000)

        answer = await service.client.patch("/leads/7", json={"description": "y" * 300_000})

        assert "1000000" in (await problem(answer, 413))["detail"]
        assert len(await service.events()) == 1
        assert (await service.client.delete("/leads/7")).status == 204


async def test_an_unexpected_failure_shows_no_stack_trace(service, monkeypatch):
    async def broken(_):
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(service.records, "get", broken)

    answer = await service.client.get("/leads/7")

    assert "secret detail" not in str(await problem(answer, 500))
