"""Bodies and templates from manifest to dead letter: saved, previewed, delivered, or why not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from schemas import headers as names
from schemas.errors import DefinitionError
from schemas.records import action_id_of
from schemas.templates import canonical
from schemas.templates.bounds import MAX_OUTPUT
from tests.delivery_history import History
from tests.delivery_rig import CODEC, action_for, action_record, person, person_event
from tests.desks import EVENT_ID, Office, lead, lead_event, office, parsed

MINUTES = timedelta(minutes=5)
MANIFESTS = """\
kind: Webhook
id: chat
url: http://127.0.0.1:9/chat
entities: [lead]
body: {text: "{{ after.title }}: {{ after.description }} ({{ action.id }})"}
---
kind: Workflow
id: tell
entity: lead
on: [created]
then:
  - webhook: chat
    template: {json: {title: "{{ after.title }}", told: "{{ after.description }}", by: "{{ workflow.id }}"}}
"""


@pytest.fixture
def made() -> Office:
    system = office()
    system.apply(MANIFESTS)
    system.publish(lead_event())
    return system


def test_a_preview_shows_the_webhooks_body_with_personal_fields_masked(made, capsys):
    made.call("webhooks", "preview", "chat", "--event", str(EVENT_ID), "--json")

    answer = parsed(capsys.readouterr().out)
    assert answer["body"].startswith("Engine: ••• (")
    assert answer["headers"]["content-type"] == "text/plain; charset=utf-8"
    assert answer["exact"] is False


def test_a_preview_shows_a_workflows_template_as_it_will_be_sent(made, capsys):
    arguments = ["--event", str(EVENT_ID), "--workflow", "tell", "--personal", "--json"]
    made.call("webhooks", "preview", "chat", *arguments)

    answer = parsed(capsys.readouterr().out)
    assert answer["body"] == '{"by":"tell","title":"Engine","told":"told me in private"}'
    assert answer["headers"]["content-type"] == "application/json"
    assert answer["headers"]["webhook-id"] == str(action_id_of(EVENT_ID, "tell", 1, 0))


def test_a_preview_makes_an_event_up_for_the_entity_of_the_workflow(made, capsys):
    assert made.call("webhooks", "preview", "chat", "--workflow", "tell", "--json") == 0

    assert parsed(parsed(capsys.readouterr().out)["body"])["title"] == "example"


@pytest.mark.parametrize(
    ("webhook", "workflow", "words"),
    [("chat", "none", "no workflow 'none'"), ("chat", "big-lead", "no action for webhook chat")],
)
def test_a_preview_of_an_action_that_there_is_not_is_a_negative_answer(
    made, capsys, webhook, workflow, words
):
    assert made.call("webhooks", "preview", webhook, "--workflow", workflow) == 1

    assert words in capsys.readouterr().err


def test_a_preview_of_what_would_be_too_large_says_so(made, capsys):
    other = lead_event(
        event_id=action_id_of(EVENT_ID, "x", 1, 1), after=lead(title="x" * MAX_OUTPUT)
    )
    made.publish(other)

    assert made.call("webhooks", "preview", "chat", "--event", str(other.event_id)) != 0

    assert "would be longer than 262144 bytes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "after.title }}:",
            "after.titel }}:",
            ":5: body.text: {{ after.titel }}: on lead, the field",
        ),
        ("entities: [lead]", "entities: any", "wrong for activity, organization, person"),
        (
            '"{{ workflow.id }}"',
            '"{{ after.tags | x }}"',
            "then[0].template.json.by: {{ after.tags",
        ),
    ],
    ids=["field", "entity", "template"],
)
def test_a_body_that_makes_no_sense_is_not_saved(old, new, words):
    assert MANIFESTS.count(old) == 1

    with pytest.raises(DefinitionError) as refused:
        office().apply(MANIFESTS.replace(old, new))

    assert words in str(refused.value)


def test_a_template_for_a_webhook_without_a_body_is_not_saved(made):
    bodiless = MANIFESTS.split("body:", maxsplit=1)[0] + "method: GET\n"
    _, workflow = MANIFESTS.split("---\n")

    for text in (f"{bodiless}---\n{workflow}", bodiless):
        with pytest.raises(DefinitionError) as refused:
            made.apply(text)
        assert 'then[0].template: is not sent: the webhook "chat"' in str(refused.value)


def test_saving_the_same_body_again_changes_nothing(made, tmp_path, capsys):
    file = tmp_path / "m.yaml"
    file.write_text(MANIFESTS)

    made.call("apply", "-f", str(file), "--yes", "--json")

    changes = parsed(capsys.readouterr().out)["changes"]
    assert {change["what"] for change in changes} == {"unchanged"}


def dead(history: History) -> list[dict[str, str]]:
    found = history.broker.written(history.topics.dead(history.topics.actions))
    return [{name: value.decode() for name, value in one.headers} for one in found]


@pytest.mark.parametrize(
    ("template", "error_class", "reason"),
    [
        ({"text": "{{ after.gone }}"}, "template", '"after.gone" is unknown'),
        ({"json": ["{{ after.name }}"] * 20}, "too-large", "longer than 262144 bytes"),
    ],
    ids=["a field that is gone", "too large"],
)
async def test_a_body_that_cannot_be_made_is_a_dead_letter_and_holds_up_nothing(
    template, error_class, reason
):
    history = History(lambda _, __: (200, timedelta(milliseconds=5)), partitions=1)
    await history.hook()
    await history.join()
    event = person_event(1, 1, after={**person(1), "name": "x" * 20_000})
    bad = replace(action_for(event, "mirror"), template=canonical(template))
    publisher = history.broker.publisher()
    await publisher.start()
    await publisher.publish(action_record(history.topics.actions, bad, CODEC))
    good = await history.act(1, 2)

    await history.passes(lambda: str(good.action_id) in history.finished(), MINUTES)

    [letter] = dead(history)
    assert letter[names.ERROR_CLASS] == error_class
    assert reason in letter[names.REASON]
    assert letter[names.ATTEMPTS] == "0"
    assert [sent.webhook_id for sent in history.endpoints.sent] == [str(good.action_id)]
    await history.close()
