"""Saving manifests: all or none, versions that rise, and nobody's change is lost."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest

from console.apply import Author, apply, prepare, remove, users_of
from console.errors import NotFoundError, RefusedError
from console.session import Session, opened
from runtime import topics
from runtime.manifests import Manifests, read_texts
from runtime.secrets import SecretBox, new_key
from runtime.settings import Settings
from schemas.errors import ConfigurationError, DefinitionError
from tests.crm import catalog
from tests.fakes import InMemoryBroker, VirtualClock
from webhook_service.stored import from_spec

SECRET = "whsec_" + "A" * 43 + "="
SETTINGS = Settings(secret_keys=new_key(), webhook_allow_networks="127.0.0.0/8", topic_partitions=1)
AUTHOR = Author("ada", VirtualClock())
HOOK = "kind: Webhook\nid: {id}\nurl: http://127.0.0.1:9/{id}\n"
FLOW = "kind: Workflow\nid: {id}\nentity: {entity}\non: [{on}]\nthen: [{{webhook: {hook}}}]\n"


def manifests(*texts: str) -> Manifests:
    return read_texts([("m.yaml", "---\n".join(texts))])


def hook(id: str = "hook", extra: str = "") -> str:
    return HOOK.format(id=id) + extra


def flow(
    id: str = "flow", *, webhook: str = "hook", entity: str = "lead", on: str = "created"
) -> str:
    return FLOW.format(id=id, hook=webhook, entity=entity, on=on)


@pytest.fixture
def broker() -> InMemoryBroker:
    wanted = SETTINGS.topics.all(catalog().entities)
    return InMemoryBroker([topics.config_of(topic) for topic in wanted])


@asynccontextmanager
async def session(broker: InMemoryBroker, settings: Settings = SETTINGS) -> AsyncIterator[Session]:
    async with opened(settings, broker) as found:
        yield found


async def saved(
    broker: InMemoryBroker, *texts: str, prune: bool = False
) -> dict[str, tuple[str, int]]:
    async with session(broker) as open_:
        plan = await apply(open_, manifests(*texts), AUTHOR, prune=prune)
    return {f"{change.kind} {change.id}": (change.what, change.version) for change in plan.changes}


async def test_a_first_save_creates_and_a_second_changes_nothing(broker):
    first = await saved(broker, hook(), flow())
    second = await saved(broker, hook(), flow())

    assert first == {"webhook hook": ("create", 1), "workflow flow": ("create", 1)}
    assert second == {"webhook hook": ("unchanged", 1), "workflow flow": ("unchanged", 1)}
    assert len(broker.written(SETTINGS.topics.workflows)) == 1


async def test_a_change_is_a_new_version_with_a_diff(broker):
    await saved(broker, hook(), flow())

    async with session(broker) as open_:
        plan = await apply(open_, manifests(hook(), flow(on="updated")), AUTHOR)
        stored = open_.workflows.current["flow"] if await caught_up(open_) else None

    (change,) = plan.writes
    assert (change.what, change.version) == ("update", 2)
    assert [line for line in change.diff if line[0] in "+-"] == [
        "--- flow",
        "+++ flow",
        "-- created",
        "+- updated",
    ]
    assert stored is not None
    assert (stored.version, stored.saved_by) == (2, "ada")
    assert json.loads(stored.spec)["on"] == ["updated"]


async def caught_up(open_: Session) -> bool:
    await open_.workflows.catch_up()
    await open_.webhooks.catch_up()
    return True


async def test_one_bad_manifest_keeps_all_from_being_written(broker):
    with pytest.raises(DefinitionError) as refused:
        await saved(broker, hook(), flow(), flow("other", webhook="hok"), hook("x", "methd: GET\n"))

    said = str(refused.value)
    assert "m.yaml:15: then[0].webhook" in said
    assert "did you mean hook?" in said
    assert "m.yaml:20: methd" in said
    assert broker.written(SETTINGS.topics.workflows) == []
    assert broker.written(SETTINGS.topics.webhooks) == []


async def test_preparing_writes_nothing(broker):
    async with session(broker) as open_:
        plan = await prepare(open_, manifests(hook(), flow()))

    assert [change.what for change in plan.changes] == ["create", "create"]
    assert broker.written(SETTINGS.topics.webhooks) == []


async def test_a_workflow_may_name_a_stored_webhook(broker):
    await saved(broker, hook())

    assert await saved(broker, flow()) == {"workflow flow": ("create", 1)}


async def test_a_webhook_of_another_entity_is_refused(broker):
    with pytest.raises(DefinitionError, match="is for person, and this workflow is for lead"):
        await saved(broker, hook(extra="entities: [person]\n"), flow())


async def test_a_webhook_cannot_be_narrowed_under_a_stored_workflow(broker):
    await saved(broker, hook(), flow())

    with pytest.raises(DefinitionError, match=r"the stored workflow flow: .*is for person"):
        await saved(broker, hook(extra="entities: [person]\n"))


async def test_an_unknown_entity_of_a_webhook_is_refused(broker):
    with pytest.raises(DefinitionError, match=r"entities\[0\]: the entity 'lad' is unknown"):
        await saved(broker, hook(extra="entities: [lad]\n"))


async def test_a_secret_is_made_once_sealed_and_kept(broker):
    await saved(broker, hook())
    await saved(broker, hook(extra="timeout: 7s\n"))

    box = SecretBox(SETTINGS.secret_keys)
    async with session(broker) as open_:
        versions = [
            open_.codec.decode_definition(one.value)
            for one in broker.written(SETTINGS.topics.webhooks)
        ]
    secrets = [from_spec(one.spec, box.open).secret for one in versions]
    assert len(secrets) == 2
    assert len(set(secrets)) == 1
    assert all("whsec_" not in one.spec for one in versions)


async def test_a_diff_never_shows_a_secret(broker):
    async with session(broker) as open_:
        await apply(
            open_, manifests(hook(extra=f"secret: {SECRET}\nheaders: {{X: hush}}\n")), AUTHOR
        )
        await caught_up(open_)
        other = SECRET.replace("A" * 43, "B" * 42 + "A")
        plan = await prepare(
            open_, manifests(hook(extra=f"secret: {other}\nheaders: {{X: tush}}\n"))
        )

    text = "\n".join(line for change in plan.changes for line in change.diff) + repr(plan)
    assert [change.what for change in plan.changes] == ["update"]
    assert "only values that are not shown differ" in text
    for secret in ("whsec_", "hush", "tush"):
        assert secret not in text


async def test_without_a_key_secrets_are_refused_with_what_to_do(broker):
    bare = SETTINGS.model_copy(update={"secret_keys": ()})

    with pytest.raises(ConfigurationError, match="HOOKLINE_SECRET_KEYS is not set"):
        async with session(broker, bare) as open_:
            await apply(open_, manifests(hook()), AUTHOR)


async def test_pruning_removes_what_the_manifests_do_not_hold_workflows_first(broker):
    await saved(broker, hook(), hook("old"), flow(), flow("gone", webhook="old"))

    async with session(broker) as open_:
        plan = await apply(open_, manifests(hook(), flow()), AUTHOR, prune=True)
        await caught_up(open_)
        left = (set(open_.workflows.current), set(open_.webhooks.current))

    assert [(one.kind, one.id, one.what) for one in plan.writes] == [
        ("workflow", "gone", "remove"),
        ("webhook", "old", "remove"),
    ]
    assert left == ({"flow"}, {"hook"})


async def test_pruning_a_webhook_that_a_manifest_needs_is_refused(broker):
    await saved(broker, hook(), hook("old"))

    with pytest.raises(DefinitionError, match='the webhook "old" is unknown'):
        await saved(broker, hook(), flow(webhook="old"), prune=True)


async def test_a_webhook_in_use_is_only_removed_by_force(broker):
    await saved(broker, hook(), flow(), flow("second"))

    async with session(broker) as open_:
        with pytest.raises(RefusedError, match="hook by flow, second"):
            await remove(open_, "webhook", ["hook"], AUTHOR)
        assert users_of(open_, "hook") == ("flow", "second")
        await remove(open_, "webhook", ["hook"], AUTHOR, force=True)
        await caught_up(open_)
        assert dict(open_.webhooks.current) == {}


async def test_versions_go_on_rising_after_a_removal(broker):
    await saved(broker, hook(), flow())
    async with session(broker) as open_:
        await remove(open_, "workflow", ["flow"], AUTHOR)

    assert (await saved(broker, flow()))["workflow flow"] == ("create", 3)


async def test_what_does_not_exist_cannot_be_removed(broker):
    await saved(broker, hook(), flow())

    async with session(broker) as open_:
        with pytest.raises(NotFoundError, match="no workflow 'flwo'; there are flow"):
            await remove(open_, "workflow", ["flow", "flwo"], AUTHOR)
        await caught_up(open_)
        assert set(open_.workflows.current) == {"flow"}


async def test_what_was_agreed_to_is_written_or_nothing_is(broker):
    await saved(broker, hook(), flow())
    async with session(broker) as open_:
        shown = await prepare(open_, manifests(flow(on="updated")))
        await saved(broker, flow(on="deleted"))

        with pytest.raises(RefusedError, match="changed by somebody else"):
            await apply(open_, manifests(flow(on="updated")), AUTHOR, shown=shown)

    assert (await saved(broker, flow(on="deleted")))["workflow flow"] == ("unchanged", 2)


async def test_of_two_who_write_at_once_one_is_refused(broker, monkeypatch):
    await saved(broker, hook(), flow())
    async with session(broker) as open_:
        real = open_.workflows.catch_up
        calls = iter(range(10))

        async def overtaken() -> None:
            await real()
            if next(calls) == 0:  # the other one takes over after we did
                await saved(broker, flow(on="deleted"))

        monkeypatch.setattr(open_.workflows, "catch_up", overtaken)
        with pytest.raises(RefusedError, match="somebody else is saving definitions right now"):
            await apply(open_, manifests(flow(on="updated")), AUTHOR)

    assert (await saved(broker, flow(on="deleted")))["workflow flow"] == ("unchanged", 2)


@pytest.mark.parametrize(
    ("addresses", "said"),
    [
        (["93.184.216.34"], None),
        (["93.184.216.34", "10.0.0.1"], "leads to 10.0.0.1, a private address"),
        (OSError(-2, "Name or service not known"), "cannot be resolved from here: Name or service"),
        (TimeoutError(), "cannot be resolved from here: no answer in time"),
    ],
    ids=["public", "one private", "unknown name", "no answer"],
)
async def test_the_host_of_a_url_is_looked_up_when_it_is_saved(broker, addresses, said):
    async def resolve(host: str) -> Iterable[str]:
        assert host == "hooks.example"
        if isinstance(addresses, Exception):
            raise addresses
        return list(addresses)

    text = "kind: Webhook\nid: a\nurl: https://hooks.example/x\n"
    async with session(broker) as open_:
        if said is None:
            await prepare(open_, manifests(text), resolve=resolve)
            return
        with pytest.raises(DefinitionError, match=r"m.yaml:3: url: .*") as refused:
            await prepare(open_, manifests(text), resolve=resolve)
    assert said in str(refused.value)
