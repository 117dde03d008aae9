"""Signing secrets and the keys that seal them are replaced without anybody noticing."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from runtime.secrets import SecretBox, new_key
from schemas.errors import ConfigurationError, DefinitionError
from tests.desks import KEY, SECRET, Office, office, parsed
from webhook_service.keys import fresh_secret, private_of
from webhook_service.stored import from_spec, sealed_texts
from webhook_service.webhook import Webhook

MANIFEST = """\
kind: Webhook
id: hook
url: http://127.0.0.1:9/h
headers: {x-token: "hush {{ event.entity_id }}"}
signatures: [{header: X-Hub-Signature-256, secret: legacy, value: "sha256={signature}"}]
"""


@pytest.fixture
def system() -> Office:
    made = office()
    made.apply(MANIFEST + f"secret: {SECRET}\n")
    return made


def stored(system: Office, key: str = KEY) -> Webhook:
    async def look(session):
        return session.webhooks.current["hook"].spec

    return from_spec(system.within(look), SecretBox([key]).open)


def rotated(system: Office, *arguments: str) -> int:
    return system.call("webhooks", "rotate-secret", "hook", *arguments)


def test_the_old_secret_signs_beside_the_new_one_until_the_overlap_is_over(system):
    now = system.clock.now()

    assert rotated(system, "--overlap", "24h") == 0

    hook = stored(system)
    assert hook.secret != SECRET
    (previous,) = hook.previous_secrets
    assert (previous.secret, previous.until) == (SECRET, now + timedelta(hours=24))


def test_without_an_overlap_the_old_secret_is_gone(system):
    assert rotated(system, "--overlap", "0s") == 0

    assert stored(system).previous_secrets == ()


def test_an_asymmetric_secret_comes_with_its_public_key(system, capsys):
    assert rotated(system, "--kind", "ed25519", "--json") == 0

    public = parsed(capsys.readouterr().out)["public_key"]
    assert public.startswith("whpk_")
    assert system.call("webhooks", "show", "hook", "--json") == 0
    assert parsed(capsys.readouterr().out)["public_key"] == public
    assert stored(system).secret.startswith("whsk_")


def test_a_manifest_without_a_secret_keeps_what_signs(system):
    rotated(system)
    before = stored(system)

    system.apply(MANIFEST)

    assert stored(system) == before


def test_a_manifest_with_a_replaced_secret_is_refused_and_says_what_to_do(system):
    rotated(system)

    with pytest.raises(DefinitionError, match="leave it out of the manifest"):
        system.apply(MANIFEST + f"secret: {SECRET}\n")


def test_more_secrets_than_a_header_has_room_for_are_refused(system, capsys):
    for _ in range(4):
        assert rotated(system) == 0

    assert rotated(system) == 1

    assert "4 replaced secrets of hook sign already" in capsys.readouterr().err


def test_secrets_that_stopped_make_room(system):
    for _ in range(4):
        rotated(system, "--overlap", "1h")
    system.clock._now += timedelta(hours=2)

    assert rotated(system) == 0

    assert len(stored(system).previous_secrets) == 1


def test_an_overlap_that_is_none_is_refused(system, capsys):
    assert rotated(system, "--overlap", "soon") == 2
    assert rotated(system, "--overlap", "1000d") == 2

    assert "expected up to 90 days" in capsys.readouterr().err


def test_a_new_key_takes_over_everything_that_is_stored(system, capsys):
    rotated(system)
    newest = new_key()
    before = stored(system)
    system.environ["HOOKLINE_SECRET_KEYS"] = f"{newest},{KEY}"
    assert system.call("secret-key", "usage", "--json") == 0
    assert "hook" in parsed(capsys.readouterr().out.splitlines()[-1])["keys"]["2"]

    assert system.call("secret-key", "rotate", "--json") == 0

    assert "hook" in parsed(capsys.readouterr().out)["webhooks"]
    assert stored(system, newest) == before
    with pytest.raises(ConfigurationError):
        stored(system, KEY)
    assert system.call("secret-key", "rotate", "--json") == 0
    assert parsed(capsys.readouterr().out)["webhooks"] == []


def test_secrets_that_no_key_opens_are_named(system, capsys):
    system.environ["HOOKLINE_SECRET_KEYS"] = new_key()

    assert system.call("secret-key", "usage", "--json") == 1
    assert "hook" in parsed(capsys.readouterr().out)["unreadable"]
    assert system.call("secret-key", "rotate") == 2
    assert "not in HOOKLINE_SECRET_KEYS" in capsys.readouterr().err


def test_nothing_secret_is_stored_in_the_clear(system):
    rotated(system, "--kind", "ed25519")

    async def look(session):
        return session.webhooks.current["hook"].spec

    spec = system.within(look)
    hook = stored(system)
    assert len(sealed_texts(spec)) == 4
    assert not [
        text for text in (hook.secret, SECRET, "legacy", "hush") if text in json.dumps(spec)
    ]
    assert "{{ event.entity_id }}" in spec


def test_a_fresh_secret_is_of_the_kind_of_the_old_one():
    assert fresh_secret(SECRET, bytes).startswith("whsec_")
    assert fresh_secret(private_of(bytes(32)), bytes).startswith("whsk_")
